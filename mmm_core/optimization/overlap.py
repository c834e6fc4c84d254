"""Audiences that two channels share: spending more on both brings less than the sum.

The model is inclusion and exclusion in outcomes instead of people (own derivation).  Let A_a(x) be what channel a
would bring without b, the rest of the plan as it is now, and likewise A_b.  Both together bring

    A_a(x_a) + A_b(x_b) - kappa A_a(x_a) A_b(x_b),

the last term being what both reach.  A fit of additive channels measures what each adds to the other's current
spend c: f_a(x) = A_a(x) (1 - kappa A_b(c_b)), and likewise f_b.  Put in, the sum above is, up to a constant,

    f_a(x_a) + f_b(x_b) - loss,    loss = both * (f_a(x_a) / f_a(c_a) - 1) * (f_b(x_b) / f_b(c_b) - 1)

with both = kappa A_a(c_a) A_b(c_b), what both reach now.  So the loss vanishes under the current plan, in the
first order around it, and wherever one of the two stays as it is; it is negative (a gain) where one grows at the
other's cost.  The configured `share` rho is both / min(A_a(c_a), A_b(c_b)); since A_a(c_a) = f_a(c_a) + both,

    both = rho / (1 - rho) * min(f_a(c_a), f_b(c_b)).

Assumptions: reaching somebody twice brings as much as once; a channel's reach in the other's audience grows with
its outcome; with several pairs, what three channels reach together is left out.  Another channel's effect on a's
next unit is 1 - rho * f_b(x_b) / f_b(c_b) up to the factor 1 - rho (a the smaller one), so the model holds while
no outcome grows beyond 1 / rho times the current one (the smaller one even further); plans are sought among
those for which it holds (`largest_spends`).  With cells by channel the outcomes are those of all
geos together, with cells by geo those of each.

Where effects may be negative, "smaller" and "larger" are meant of absolute values.  The formula needs the
current outcome of the larger one only: a channel without spend today may be one of a pair.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.config.optimization import OverlapConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.pieces import Curve

_KEY = "optimization.audience_overlap"
_LARGEST_SHARE = 0.9
"""Above it what both reach, and so what is gained and lost, is more than nine times what the smaller one adds."""
_PLACES, _HALVINGS = 257, 60
"""Spends at which a curve is compared with an outcome, and halvings between two of them."""
_ROUND_OFF = 1e-9


@dataclass(frozen=True)
class OverlapPair:
    """Two cells whose audiences overlap."""

    first: int
    second: int
    share: float
    """Part, >= 0 and < 1, of what the smaller one brings without the other that the other reaches too."""


def overlap_pairs(cells: Cells, configured: Sequence[OverlapConfig]) -> tuple[OverlapPair, ...]:
    """The configured pairs as pairs of cells: of each geo where cells are by geo.  Shares of 0 are left out.

    Args:
        cells: what the budget is split over.
        configured: `optimization.audience_overlap`.

    Raises:
        BudgetError: a channel is unknown, a pair is a channel with itself or stands twice, a share is above 0.9.
    """
    seen: set[frozenset[str]] = set()
    pairs = []
    for index, overlap in enumerate(configured):
        _refuse(index, overlap, cells, seen)
        seen.add(frozenset(overlap.channels))
        if overlap.share > 0:
            ends = [cells.of_channels([channel]).tolist() for channel in overlap.channels]
            pairs += [OverlapPair(a, b, overlap.share) for a, b in zip(*ends, strict=True)]
    return tuple(pairs)


def _refuse(index: int, overlap: OverlapConfig, cells: Cells, seen: set[frozenset[str]]) -> None:
    one, other = overlap.channels
    for channel in overlap.channels:
        if channel not in cells.channels:
            raise BudgetError(
                f"{_KEY}[{index}].channels names {channel}, but no paid channel of the fit has that name; known: "
                f"{', '.join(cells.channels[:20])}."
            )
    if one == other:
        raise BudgetError(f"{_KEY}[{index}].channels names {one} twice; a pair is of two different channels.")
    if frozenset(overlap.channels) in seen:
        raise BudgetError(f"{_KEY}[{index}]: the pair {one} and {other} is there already; state it once.")
    if overlap.share > _LARGEST_SHARE:
        raise BudgetError(
            f"{_KEY}[{index}].share is {overlap.share:g} for {one} and {other}: then the smaller one would add "
            f"next to nothing, which the fit contradicts; take a share of at most {_LARGEST_SHARE:g}."
        )


def pair_weights(current: FloatArray, pairs: Sequence[OverlapPair]) -> FloatArray:
    """(..., P) loss per product of the two changes of outcome: rho / (1 - rho) / the larger current outcome.

    0 where neither brings anything now.

    Args:
        current: (..., N) outcome of each cell under the current plan.
        pairs: P pairs.
    """
    ends = current[..., _ends(pairs)]
    larger = np.where(np.abs(ends[..., 0, :]) >= np.abs(ends[..., 1, :]), ends[..., 0, :], ends[..., 1, :])
    odds = np.array([pair.share / (1 - pair.share) for pair in pairs])
    return np.asarray(np.divide(odds, larger, out=np.zeros_like(larger), where=larger != 0))


def overlap_loss(outcome: FloatArray, current: FloatArray, pairs: Sequence[OverlapPair]) -> FloatArray:
    """What plans bring less than the sum of their cells' outcomes; negative: more.

    Per draw, or of posterior means.  What is reported is of every draw.  The search takes the loss of the means,
    which is not quite the mean of the losses, since outcomes vary together over draws: on two real fits the two
    differed by up to 0.004 % of the outcome with a share of 0.2, by up to 0.025 % (0.2 % of the lift) with 0.5.

    Args:
        outcome: (..., N) outcome of each cell under a plan.
        current: (..., N) the same under the current plan, broadcastable.
        pairs: pairs of cells.
    """
    change = outcome - current
    if not pairs:
        return np.zeros(change.shape[:-1])
    first, second = _ends(pairs)
    return np.asarray((pair_weights(current, pairs) * change[..., first] * change[..., second]).sum(axis=-1))


def loss_slopes(outcome: FloatArray, current: FloatArray, pairs: Sequence[OverlapPair]) -> FloatArray:
    """(..., N) change of `overlap_loss` per unit of each cell's outcome (same arguments)."""
    change = outcome - current
    slopes = np.zeros(change.shape)
    weights = pair_weights(current, pairs) if pairs else np.zeros(0)
    for index, pair in enumerate(pairs):
        slopes[..., pair.first] += weights[..., index] * change[..., pair.second]
        slopes[..., pair.second] += weights[..., index] * change[..., pair.first]
    return slopes


def largest_spends(
    curves: Sequence[Curve],
    current: FloatArray,
    pairs: Sequence[OverlapPair],
    lower: FloatArray,
    upper: FloatArray,
) -> FloatArray:
    """(N,) most money per cell for which the model holds: more of one never makes the sum of a pair less.

    So a cell's outcome may exceed the current one by 1 / `pair_weights` at most, which is the larger one's to
    1 / rho times today's.

    Args:
        curves: N response curves.
        current: (N,) their outcomes under the current plan.
        pairs: pairs of cells.
        lower: (N,) least spends.
        upper: (N,) largest spends by the other limits.

    Returns:
        (N,) spends; below `lower` where the model does not even hold there.
    """
    most = upper.copy()
    for pair, weight in zip(pairs, pair_weights(current, pairs).tolist(), strict=True):
        for cell in (pair.first, pair.second) if weight > 0 else ():
            limit = float(current[cell]) + (1 + _ROUND_OFF) / weight
            most[cell] = min(most[cell], _spend_up_to(curves[cell], limit, float(lower[cell]), float(most[cell])))
    return most


def _spend_up_to(curve: Curve, outcome: float, low: float, high: float) -> float:
    """The largest spend up to which a curve stays within an outcome; -1 if it does not at the least one."""
    spends = np.linspace(low, high, _PLACES)
    above = np.flatnonzero(curve(spends) > outcome)
    if not len(above):
        return high
    if above[0] == 0:
        return -1.0
    low, high = float(spends[above[0] - 1]), float(spends[above[0]])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if curve(np.array([middle]))[0] > outcome else (middle, high)
    return low


def _ends(pairs: Sequence[OverlapPair]) -> np.ndarray:
    """(2, P) cells."""
    return np.array([[pair.first for pair in pairs], [pair.second for pair in pairs]], dtype=np.intp)
