"""The best plan if every curve were its concave envelope: an upper bound for the true problem.

Maximises the sum of the envelopes minus `cost` per money, within bounds of the cells and limits on sums.  The
multipliers of the limits then give, by weak duality, a bound that holds whatever the curves do:

    value(x) <= sum_i max_x (f_i(x) - price_i x) + sum_r max over [low_r, high_r] of multiplier_r * total,
    price_i = cost + sum of the multipliers of the limits that count cell i

so neither the envelopes nor the linear programme's accuracy matter for the certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.limits import SumLimit, limit_rows
from mmm_core.optimization.linear import maximise
from mmm_core.optimization.pieces import Piece

_MANY_SEGMENTS = 4000
"""Segments from which only those near the prices are variables of the linear programme."""
_WINDOW = 3
"""Segments of each cell on either side of its price."""
_GROUPS = 16
"""Segments, or groups of them, of each cell in the programmes that find those near the prices."""


@dataclass(frozen=True)
class Relaxed:
    """Solution of the relaxed problem."""

    spend: FloatArray
    """(N,) best spend on the envelopes."""
    multipliers: FloatArray
    """(R,) what one more unit of each limit brings: >= 0 where its high end binds, <= 0 where its low end."""


def relax(pieces: Sequence[Piece], limits: Sequence[SumLimit], cost: float = 0.0) -> Relaxed | None:
    """Solve it, or None if the limits cannot be met within the pieces.

    Args:
        pieces: N cells between their bounds.
        limits: on sums of spend.
        cost: what one unit of spend costs, in units of outcome.
    """
    if not limits:
        return _greedy(pieces, SumLimit("", np.arange(len(pieces)), -np.inf, np.inf), cost, 0)
    if len(limits) == 1 and len(limits[0].cells) == len(pieces):
        return _greedy(pieces, limits[0], cost, 1)
    return _linear_programme(pieces, limits, cost)


def dual_bound(
    pieces: Sequence[Piece], limits: Sequence[SumLimit], multipliers: FloatArray, cost: float = 0.0
) -> float:
    """No plan within the pieces and limits is worth more than this."""
    worth = 0.0
    for limit, multiplier in zip(limits, multipliers.tolist(), strict=True):
        worth += multiplier * (limit.high if multiplier > 0 else limit.low) if multiplier else 0.0
    prices = cell_prices(len(pieces), limits, multipliers, cost).tolist()
    return worth + sum(piece.best(price) for piece, price in zip(pieces, prices, strict=True))


def cell_prices(n_cells: int, limits: Sequence[SumLimit], multipliers: FloatArray, cost: float) -> FloatArray:
    """(N,) outcome that one unit of money in each cell must bring to be worth it."""
    prices = np.full(n_cells, cost)
    for limit, multiplier in zip(limits, multipliers.tolist(), strict=True):
        prices[limit.cells] += multiplier
    return prices


@dataclass(frozen=True)
class _Segments:
    """Segments of all envelopes, cell by cell, the steepest first."""

    least: FloatArray
    """(N,) least spend of each cell."""
    slopes: FloatArray
    widths: FloatArray
    owner: NDArray[np.intp]
    """Cell of each segment."""
    rank: NDArray[np.intp]
    """Place of each segment in its cell, from 0."""

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> "_Segments":
        counts = np.array([len(piece.widths) for piece in pieces])
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return cls(
            np.array([piece.levels[0] for piece in pieces]),
            np.concatenate([piece.slopes for piece in pieces]),
            np.concatenate([piece.widths for piece in pieces]),
            np.repeat(np.arange(len(pieces)), counts),
            np.arange(int(counts.sum())) - np.repeat(starts, counts),
        )

    @property
    def counts(self) -> NDArray[np.intp]:
        """(N,) number of segments of each cell."""
        return np.bincount(self.owner, minlength=len(self.least))

    def grouped(self, edges: Sequence[NDArray[np.intp]]) -> "_Segments":
        """Segments between neighbouring edges as one, those before the first edge full, those after the last gone.

        Args:
            edges: N times ascending places in the cell.
        """
        offsets = np.cumsum(self.counts) - self.counts
        width = np.append(0.0, np.cumsum(self.widths))
        worth = np.append(0.0, np.cumsum(self.slopes * self.widths))
        start = np.concatenate([at + of[:-1] for at, of in zip(offsets, edges, strict=True)])
        end = np.concatenate([at + of[1:] for at, of in zip(offsets, edges, strict=True)])
        full = width[offsets + [of[0] for of in edges]] - width[offsets]
        widths, counts = width[end] - width[start], np.array([len(of) - 1 for of in edges])
        rank = np.arange(len(start)) - np.repeat(np.cumsum(counts) - counts, counts)
        owner = np.repeat(np.arange(len(counts)), counts)
        return _Segments(self.least + full, (worth[end] - worth[start]) / widths, widths, owner, rank)

    def places(self, spend: FloatArray) -> list[int]:
        """(N,) segment that each spend lies in."""
        found, at = [], 0
        for count, money in zip(self.counts.tolist(), (spend - self.least).tolist(), strict=True):
            found.append(int(np.searchsorted(np.cumsum(self.widths[at : at + count]), money)))
            at += count
        return found

    def worthwhile(self, prices: FloatArray) -> NDArray[np.intp]:
        """(N,) number of segments of each cell that are steeper than its price."""
        steeper = self.slopes > prices[self.owner]
        return np.bincount(self.owner[steeper], minlength=len(self.least))


def _greedy(pieces: Sequence[Piece], limit: SumLimit, cost: float, n_limits: int) -> Relaxed | None:
    """One limit on everything: the steepest segments first."""
    segments = _Segments.of(pieces)
    least, slopes, widths, owner = segments.least, segments.slopes, segments.widths, segments.owner
    room = float(widths.sum())
    tiny = 1e-12 * (float(least.sum()) + room)
    lowest, highest = limit.low - float(least.sum()), limit.high - float(least.sum())
    if highest < -tiny or lowest > room + tiny:
        return None
    net = slopes - cost
    order = np.argsort(-net, kind="stable")
    filled = np.cumsum(widths[order])
    worthwhile = float(widths[net > 0].sum())
    amount = min(max(worthwhile, lowest, 0.0), max(highest, 0.0), room)
    taken = np.clip(amount - (filled - widths[order]), 0.0, widths[order])
    spend = least + np.bincount(owner, np.bincount(order, taken, len(widths)), len(pieces))
    multipliers = np.zeros(n_limits)
    if n_limits and len(order) and amount != worthwhile:
        at = min(int(np.searchsorted(filled, amount - tiny)), len(order) - 1)
        price = float(net[order[at]])
        multipliers[0] = max(price, 0.0) if amount < worthwhile else min(price, 0.0)
    return Relaxed(spend, multipliers)


def _linear_programme(pieces: Sequence[Piece], limits: Sequence[SumLimit], cost: float) -> Relaxed | None:
    """Any limits: a segment of an envelope is a variable, which never fills before a steeper one of its cell.

    Where there are many, only those near the cells' prices are variables; the steeper ones are full, the flatter
    ones empty.  Prices that contradict this widen the choice, so the solution is that of the whole programme.
    """
    segments = _Segments.of(pieces)
    n_cells = len(pieces)
    first, last = np.zeros(n_cells, dtype=np.intp), segments.counts
    if len(segments.slopes) > _MANY_SEGMENTS:
        near = _near_greedy(pieces, segments, limits, cost)
        if near is None:
            near = _near_coarse(segments, limits, cost)
        if near is None:
            return None
        first, last = near
    while True:
        found = _restricted(segments, limits, cost, first, last)
        if found is None:
            if (first <= 0).all() and (last >= segments.counts).all():
                return None
            first, last = np.zeros(n_cells, dtype=np.intp), segments.counts
            continue
        place = segments.worthwhile(cell_prices(n_cells, limits, found.multipliers, cost))
        below, above = place < first.clip(min=0), place > last
        if not (below | above).any():
            return found
        first = np.where(below, place - _WINDOW, first)
        last = np.where(above, place + _WINDOW, last)


_Window = tuple[NDArray[np.intp], NDArray[np.intp]]


def _near_greedy(
    pieces: Sequence[Piece], segments: _Segments, limits: Sequence[SumLimit], cost: float
) -> _Window | None:
    """Segments near the price of the first limit alone, if they leave a plan for all limits."""
    guess = _greedy(pieces, limits[0], cost, 1) if len(limits[0].cells) == len(pieces) else None
    if guess is None:
        return None
    place = segments.worthwhile(cell_prices(len(pieces), limits[:1], guess.multipliers, cost))
    first, last = place - _WINDOW, place + _WINDOW
    return None if _restricted(segments, limits, cost, first, last) is None else (first, last)


def _near_coarse(segments: _Segments, limits: Sequence[SumLimit], cost: float) -> _Window | None:
    """Segments near the plan of a coarser programme, made finer around it; None if the limits leave no plan.

    In it a few segments together are one with their mean slope.  Its plan stays within what is looked at next, so
    every programme has a plan if the first one has.
    """
    n_cells = len(segments.least)
    first, last = np.zeros(n_cells, dtype=np.intp), segments.counts
    while (last - first).max() > _GROUPS:
        edges = [
            np.append(np.arange(low, high, max(1, -(-(high - low) // _GROUPS))), high)
            for low, high in zip(first.tolist(), last.tolist(), strict=True)
        ]
        coarse = segments.grouped(edges)
        found = _restricted(coarse, limits, cost, np.zeros(n_cells, dtype=np.intp), coarse.counts)
        if found is None:
            return None
        group = coarse.places(found.spend)
        first = np.array([of[max(at - 1, 0)] for of, at in zip(edges, group, strict=True)], dtype=np.intp)
        last = np.array([of[min(at + 2, len(of) - 1)] for of, at in zip(edges, group, strict=True)], dtype=np.intp)
    return first, last


def _restricted(
    segments: _Segments,
    limits: Sequence[SumLimit],
    cost: float,
    first: NDArray[np.intp],
    last: NDArray[np.intp],
) -> Relaxed | None:
    """The linear programme over the segments `first` to `last` of each cell; those before are full."""
    from scipy.sparse import csr_matrix

    n_cells, owner = len(segments.least), segments.owner
    full = segments.rank < first[owner]
    free = ~full & (segments.rank < last[owner])
    start = segments.least + np.bincount(owner[full], segments.widths[full], n_cells)
    slopes, widths, cell = segments.slopes[free], segments.widths[free], owner[free]
    money = max(float(segments.least.sum() + segments.widths.sum()), 1e-300)
    worth = max(float(np.abs(slopes).max(initial=0.0)), 1e-300)
    counts = limit_rows(limits, n_cells)
    spread = csr_matrix((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(n_cells, len(cell)))
    base = counts @ start
    low, high = (np.array([getattr(limit, end) for limit in limits]) for end in ("low", "high"))
    found = maximise(
        (slopes - cost) / worth,
        counts @ spread,
        (low - base) / money,
        (high - base) / money,
        np.zeros(len(widths)),
        widths / money,
    )
    if found is None:
        return None
    spend = start + np.bincount(cell, found.x * money, n_cells)
    return Relaxed(np.asarray(spend, dtype=np.float64), found.prices * worth)
