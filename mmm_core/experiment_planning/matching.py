"""Which geos are tested and which tell what they would have done: matched pairs, then the best-balanced side.

Geos are paired by level of the outcome, size, and how alike they moved before the test; one of each pair is
tested.  Which one is the best of many seeded draws by `imbalance`; then test and control geos are swapped as long
as that makes them more alike.  Sizes: G geos, T weeks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData

_CANDIDATES = 200
_MOST_SWAPS = 5


@dataclass(frozen=True)
class Split:
    """Positions of geos; no controls: before against after."""

    test: tuple[int, ...]
    control: tuple[int, ...]


@dataclass(frozen=True)
class Geos:
    """What geos are matched by, in the weeks before a test."""

    outcome: FloatArray
    """(G, T) outcome per week, no gaps."""
    size: FloatArray
    """(G,) people, > 0."""
    spend: FloatArray
    """(G,) what the channel spends, >= 0."""


def outcome_series(data: ModelData) -> FloatArray:
    """(G, T) outcome per week (revenue where known, otherwise KPI units); gaps interpolated, absent weeks 0."""
    weeks, filled = np.arange(data.kpi.shape[1]), np.zeros(data.kpi.shape)
    for g, kpi in enumerate(data.kpi):
        known = data.observed[g] & data.present[g]
        if known.any():
            filled[g] = np.interp(weeks, weeks[known], kpi[known])
    return np.asarray(filled * data.outcome_per_kpi)


def matched_split(geos: Geos, eligible: NDArray[np.intp], max_share: float, seed: int) -> Split:
    """Test and control geos; no controls where fewer than two geos can take part.

    Args:
        geos: what is known of all geos.
        eligible: positions of those that can take part.
        max_share: largest share of them that is tested, in (0, 1).
        seed: of the candidates.
    """
    if len(eligible) < 2:
        return Split(tuple(eligible.tolist()), ())
    pairs = _pairs(geos, eligible)
    most = max(1, int(np.floor(max_share * len(eligible) + 1e-9)))
    pairs = pairs[: min(most, len(pairs))]
    rng = np.random.default_rng(seed)
    sides = rng.integers(0, 2, (_CANDIDATES, len(pairs)))
    candidates = np.unique(sides, axis=0)
    splits = [_split(eligible, [pair[side] for pair, side in zip(pairs, one, strict=True)]) for one in candidates]
    return _swapped(geos, min(splits, key=lambda split: imbalance(geos, split)))


def imbalance(geos: Geos, split: Split) -> float:
    """How unlike test and control geos are: 0 is best.

    Logarithms of the ratios (test to control, per geo) of outcome, size and spend, as absolute values, plus the
    standard deviation of the weekly difference of the two groups' outcomes, each over its own mean.
    """
    test, control = list(split.test), list(split.control)
    ratios = [_log_ratio(values, test, control) for values in (geos.outcome.mean(axis=1), geos.size, geos.spend)]
    moves = [geos.outcome[side].sum(axis=0) for side in (test, control)]
    difference = moves[0] / max(moves[0].mean(), 1e-300) - moves[1] / max(moves[1].mean(), 1e-300)
    return float(np.sum(ratios) + difference.std())


def _swapped(geos: Geos, split: Split) -> Split:
    """The split after the best swap of two geos, again and again, as long as one helps."""
    least = imbalance(geos, split)
    for _ in range(_MOST_SWAPS):
        swaps = [
            Split(tuple(sorted({*split.test, b} - {a})), tuple(sorted({*split.control, a} - {b})))
            for a in split.test
            for b in split.control
        ]
        found = min(swaps, key=lambda one: imbalance(geos, one))
        now = imbalance(geos, found)
        if now >= least:
            break
        split, least = found, now
    return split


def _log_ratio(values: FloatArray, test: list[int], control: list[int]) -> float:
    means = values[test].mean(), values[control].mean()
    return abs(float(np.log(means[0] / means[1]))) if min(means) > 0 else float(max(means) > 0)


def _pairs(geos: Geos, eligible: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Disjoint pairs of the most alike geos, the most alike first."""
    distance = _distances(geos, eligible)
    first, second = np.triu_indices(len(eligible), 1)
    left, pairs = set(range(len(eligible))), []
    for one in np.argsort(distance[first, second], kind="stable").tolist():
        a, b = int(first[one]), int(second[one])
        if a in left and b in left:
            pairs.append((int(eligible[a]), int(eligible[b])))
            left -= {a, b}
    return pairs


def _distances(geos: Geos, eligible: NDArray[np.intp]) -> FloatArray:
    """(E, E) from levels and sizes (logarithms), and from correlation of the weeks' relative deviations."""
    level = geos.outcome[eligible].mean(axis=1)
    logs = np.log(np.maximum(np.stack([level, geos.size[eligible]]), 1e-300))
    apart = ((logs[:, :, None] - logs[:, None, :]) ** 2).sum(axis=0)
    moves = geos.outcome[eligible] / np.maximum(level, 1e-300)[:, None]
    moves = moves - moves.mean(axis=1, keepdims=True)
    length = np.maximum(np.sqrt((moves**2).sum(axis=1)), 1e-300)
    alike = moves @ moves.T / length[:, None] / length
    return np.asarray(np.sqrt(apart + 2 * (1 - np.clip(alike, -1, 1))))


def _split(eligible: NDArray[np.intp], test: list[int]) -> Split:
    return Split(tuple(sorted(test)), tuple(sorted(set(eligible.tolist()) - set(test))))
