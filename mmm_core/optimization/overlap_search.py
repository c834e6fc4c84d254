"""The best plan where the audiences of some cells overlap: the global optimum, with a proof.

The outcome is a sum of curves minus products of pairs (`overlap`).  Plans come from climbing: the products are
linearised at the plan, `solver.allocate` finds the global optimum of what is then separable, and the best plan on
the way there is the next one.  The bound comes from branching on the ranges of cells, with the multipliers of the
linearised problem as prices (`overlap_bounds`): a part of the search is split at its plan, in the cell or pair
whose bound is furthest above what the plan brings there.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.curves import ResponseCurve
from mmm_core.optimization.limits import binding_limits, on_steps, tightened
from mmm_core.optimization.overlap import OverlapPair, loss_slopes, overlap_loss, pair_weights
from mmm_core.optimization.overlap_bounds import Plane, Product, Top, forest, plane_above, tree_top
from mmm_core.optimization.pieces import Piece, piece_of, refined, spaced_levels
from mmm_core.optimization.relaxation import cell_prices, relax
from mmm_core.optimization.solver import Allocation, Effort, SpendingProblem, allocate

_LEVELS, _FEW_LEVELS, _MANY_CELLS = 65, 17, 100
"""Levels of a range, with many cells, and from how many cells on."""
_REFINED_LEVELS = 9
_MOST_LEVELS = 257
"""Levels of a range in bounds; where steps of money are more, the bound is that of any money in between."""
_MOST_PARTS, _MOST_CELL_PARTS = 2000, 10_000
"""Parts of the search, and parts times cells."""
_MOST_CLIMBS, _FEW_CLIMBS = 40, 6
"""Linearisations of one climb, and with many cells."""
_SIDE_SHARE = 0.1
"""Part of the usual search for plans without the products, of which there are many."""
_ROUNDS = 4
"""Linearisations of one part."""
_ALONG = np.linspace(0.0, 1.0, 17)[1:]
"""Parts of the way to the next plan that are tried."""
_NO_GAIN = 1e-9
"""Relative gain at which a climb ends (with many cells a hundredth of the tolerance)."""
_WHOLE = 1e-6
"""Part of a step by which a spend may miss it."""


def allocate_overlapping(
    curves: Sequence[ResponseCurve],
    current: FloatArray,
    pairs: Sequence[OverlapPair],
    problem: SpendingProblem,
    tolerance: float = 1e-4,
    starts: Sequence[FloatArray] = (),
    effort: Effort | None = None,
) -> Allocation | None:
    """The plan with the largest sum of curves minus `overlap_loss`, or None if the limits cannot be met.

    The multipliers are those of the problem linearised at the plan, which are the shadow prices there.  Without
    pairs this is `solver.allocate`.

    Args:
        curves: N response curves of shape `monotone`, defined at least within the bounds.
        current: (N,) their outcomes under the current plan.
        pairs: pairs of cells.
        problem: bounds and limits.
        tolerance: relative gap between bound and value at which the search ends.
        starts: (N,) plans to do better than; those that are not allowed are not looked at.
        effort: when the search may end before; None: as usual.
    """
    effort = effort or Effort()
    if not pairs:
        return allocate(curves, problem, tolerance, starts, effort)
    return _Search(curves, current, pairs, problem, tolerance, effort).run(starts)


@dataclass(order=True)
class _Part:
    """A part of the search: every cell in a range."""

    key: tuple[float, int]
    pieces: list[Piece] = field(compare=False)
    """Changes of outcome at levels of spend."""
    spend: FloatArray = field(compare=False)
    multipliers: FloatArray = field(compare=False)
    tops: list[Top] = field(compare=False)
    """One per tree."""

    @property
    def bound(self) -> float:
        return -self.key[0]


class _Search:
    def __init__(
        self,
        curves: Sequence[ResponseCurve],
        current: FloatArray,
        pairs: Sequence[OverlapPair],
        problem: SpendingProblem,
        tolerance: float,
        effort: Effort,
    ) -> None:
        binding = binding_limits(problem.limits, problem.lower, problem.upper)
        limits = tuple(problem.limits[index] for index in binding)
        lower, upper = problem.lower, problem.upper
        if problem.step is None:
            lower, upper = tightened(limits, lower, upper)
        else:
            limits = on_steps(limits, lower, upper, problem.step)
        self._problem = replace(problem, lower=lower, upper=upper, limits=limits)
        self._whole, self._binding, self._tolerance, self._effort = problem, binding, tolerance, effort
        self._most_parts = effort.nodes(problem, _MOST_PARTS, _MOST_CELL_PARTS)
        self._side = Effort(_SIDE_SHARE * effort.share)
        self._curves, self._current, self._pairs = list(curves), current, tuple(pairs)
        self._changes = [
            replace(curve, outcome=curve.outcome - now)
            for curve, now in zip(curves, current.tolist(), strict=True)
        ]
        weights = pair_weights(current, pairs).tolist()
        products = [Product(pair.first, pair.second, w) for pair, w in zip(pairs, weights, strict=True) if w]
        self._base = float(current.sum())
        ranges = [float(np.ptp(curve.outcome)) for curve in curves]
        products.sort(key=lambda one: -abs(one.weight) * ranges[one.first] * ranges[one.second])
        self._trees, self._loose = forest(products, len(curves))
        self._is_large = len(curves) > _MANY_CELLS
        self._n_levels = _FEW_LEVELS if self._is_large else _LEVELS
        self._spend: FloatArray | None = None
        self._value = -np.inf
        self._multipliers = np.zeros(len(problem.limits))
        self._is_priced = False
        self._count = 0

    def run(self, starts: Sequence[FloatArray]) -> Allocation | None:
        first = allocate(self._curves, self._whole, self._tolerance, effort=self._side)
        if first is None:
            return None
        allowed = [start for start in starts if self._whole.allows(start) and self._on_steps(start)]
        self._climb(first.spend)
        for start in allowed:
            if self._is_large:
                self._offer(start, self._value_of(start), None)
            else:
                self._climb(start)
        pieces = self._first_pieces()
        root = self._part(pieces, np.inf)
        unpriced = np.zeros(len(self._problem.limits))  # always a bound, should the linear programme fail
        bound = self._bound(pieces, unpriced)[0] if root is None else self._branch(root)
        if self._spend is None:
            return None
        if not self._is_priced:
            self._climb(self._spend)
        return Allocation(self._spend, self._value, max(bound, self._value), self._multipliers, self._count)

    def _branch(self, root: _Part) -> float:
        """Search until the bound is met or the work is too much; returns the bound."""
        heap, closed = [root], -np.inf
        while heap and heap[0].bound > self._target() and self._count < self._most_parts:
            part = heapq.heappop(heap)
            halves = self._halves(part)
            if halves is None:
                closed = max(closed, part.bound)
            for pieces in halves or ():
                child = self._part(pieces, part.bound)
                if child is None:
                    continue
                if child.bound > self._target():
                    heapq.heappush(heap, child)
                else:
                    closed = max(closed, child.bound)
        return max([closed, *(part.bound for part in heap[:1])])

    def _part(self, pieces: list[Piece], bound: float) -> _Part | None:
        """Linearise, take the prices, bound; again at the plan that was found."""
        problem, best = self._problem, None
        low, high = (np.array([end(piece.values) for piece in pieces]) for end in (np.min, np.max))
        around = self._changes_at(self._spend) if self._spend is not None else (low + high) / 2
        for _ in range(_ROUNDS):
            slopes = self._slopes(np.clip(around, low, high))
            linear = [
                piece if slope == 1 else Piece(piece.levels, slope * piece.values, piece.rises)
                for piece, slope in zip(pieces, slopes.tolist(), strict=True)
            ]
            relaxed = relax(linear, problem.limits, problem.cost)
            if relaxed is None:
                break
            self._consider(relaxed.spend)
            found, tops = self._bound(pieces, relaxed.multipliers)
            if best is None or found < best.bound:
                best = _Part((-found, self._count), pieces, relaxed.spend, relaxed.multipliers, tops)
            there = self._changes_at(relaxed.spend)
            if best.bound <= self._target() or np.abs(there - around).max() <= 1e-6 * np.abs(high - low).max():
                break
            around = (around + there) / 2
        self._count += 1
        return None if best is None else self._sharpened(best, bound)

    def _sharpened(self, part: _Part, bound: float) -> _Part:
        """With more levels where the bound is decided."""
        for _ in range(2):
            if part.bound <= self._target() or self._problem.step is not None:
                break
            pieces = list(part.pieces)
            for top in part.tops:
                for cell, interval in top.intervals.items():
                    pieces[cell] = refined(self._changes[cell], pieces[cell], interval, _REFINED_LEVELS)
            found, tops = self._bound(pieces, part.multipliers)
            little = part.bound - found < 0.1 * self._tolerance * abs(self._value)
            part = replace(part, key=(-min(found, part.bound), part.key[1]), pieces=pieces, tops=tops)
            if little:
                break
        return replace(part, key=(-min(bound, part.bound), self._count))

    def _bound(self, pieces: Sequence[Piece], multipliers: FloatArray) -> tuple[float, list[Top]]:
        """No plan within the pieces and limits is worth more; and where the Lagrangian is largest."""
        limits = self._problem.limits
        worth = self._base
        for limit, price in zip(limits, multipliers.tolist(), strict=True):
            worth += price * (limit.high if price > 0 else limit.low) if price else 0.0
        prices = cell_prices(len(pieces), limits, multipliers, self._problem.cost).tolist()
        pieces = [self._between_steps(cell, piece) for cell, piece in enumerate(pieces)]
        slopes, planes = self._planes(pieces)
        tops = [tree_top(tree, pieces, slopes, prices) for tree in self._trees]
        worth += sum(plane.constant for plane in planes) + sum(top.worth for top in tops)
        return worth, tops

    def _between_steps(self, cell: int, piece: Piece) -> Piece:
        """The same range at fewer levels where there are very many steps of money: pairs of them are compared."""
        if self._problem.step is None or len(piece.levels) <= _MOST_LEVELS:
            return piece
        curve, low, high = self._changes[cell], float(piece.levels[0]), float(piece.levels[-1])
        return piece_of(curve, spaced_levels(curve, low, high, _MOST_LEVELS))

    def _planes(self, pieces: Sequence[Piece]) -> tuple[list[float], list[Plane]]:
        """(N,) slopes in the changes of outcome with planes in place of the loose products."""
        planes = [plane_above(one, pieces[one.first], pieces[one.second]) for one in self._loose]
        slopes = [1.0] * len(pieces)
        for one, plane in zip(self._loose, planes, strict=True):
            slopes[one.first] += plane.first
            slopes[one.second] += plane.second
        return slopes, planes

    def _halves(self, part: _Part) -> tuple[list[Piece], list[Piece]] | None:
        """Split where bound and plan differ most; None if they agree."""
        spend, changes = part.spend, self._changes_at(part.spend)
        if self._problem.step is not None and not self._on_steps(spend):
            cell = int(np.argmax(self._off_steps(spend)))
            return self._split(part, cell, float(spend[cell]))
        for gap, top, cells in self._gaps(part, changes):
            if gap <= 0.01 * self._tolerance * abs(self._value) / len(spend):
                break
            for cell, at in self._places(part, cells, top):
                halves = self._split(part, cell, at)
                if halves is not None:
                    return halves
        return None

    def _gaps(self, part: _Part, changes: FloatArray) -> list[tuple[float, Top | None, tuple[int, ...]]]:
        """How far the bounds of trees and of loose products are above what the plan brings, the largest first."""
        spend = part.spend
        prices = cell_prices(len(spend), self._problem.limits, part.multipliers, self._problem.cost)
        slopes, planes = self._planes(part.pieces)
        net = np.array(slopes) * changes - prices * spend
        gaps: list[tuple[float, Top | None, tuple[int, ...]]] = []
        for tree, top in zip(self._trees, part.tops, strict=True):
            cells = tree.cells
            gaps.append((top.worth - float(net[list(cells)].sum()) - tree.worth(changes), top, cells))
        for one, plane in zip(self._loose, planes, strict=True):
            above = plane.first * changes[one.first] + plane.second * changes[one.second] + plane.constant
            gaps.append((float(above) - one.worth(changes), None, (one.first, one.second)))
        return sorted(gaps, key=lambda gap: -gap[0])

    def _places(self, part: _Part, cells: tuple[int, ...], top: Top | None) -> list[tuple[int, float]]:
        """Cells with the spends at which to split them, the most promising one first."""
        found = []
        for cell in cells:
            levels, here = part.pieces[cell].levels, float(part.spend[cell])
            low, high = float(levels[0]), float(levels[-1])
            if not high > low:
                continue
            other = (low + high) / 2 if top is None else top.spend[cell]
            away = np.ptp(part.pieces[cell].values)
            if top is not None:
                away = np.abs(np.diff(self._changes[cell](np.array([here, other]))))[0]
            at = here if top is not None and 0.05 < (here - low) / (high - low) < 0.95 else (here + other) / 2
            if not 0.02 < (at - low) / (high - low) < 0.98:
                at = (low + high) / 2
            found.append((float(away), cell, at))
        return [(cell, at) for _, cell, at in sorted(found, reverse=True)]

    def _split(self, part: _Part, cell: int, at: float) -> tuple[list[Piece], list[Piece]] | None:
        piece = part.pieces[cell]
        low, high = float(piece.levels[0]), float(piece.levels[-1])
        if self._problem.step is not None:
            if len(piece.levels) < 2:
                return None
            above = min(max(int(np.searchsorted(piece.levels, at * (1 + 1e-9))), 1), len(piece.levels) - 1)
            halves = piece.split(above - 1)[0], piece.split(above)[1]
        else:
            if high - low <= 1e-9 * max(high, 1e-300):
                return None
            halves = self._piece(cell, low, at), self._piece(cell, at, high)
        below, beyond = list(part.pieces), list(part.pieces)
        below[cell], beyond[cell] = halves
        return below, beyond

    def _first_pieces(self) -> list[Piece]:
        bounds = zip(self._problem.lower.tolist(), self._problem.upper.tolist(), strict=True)
        return [self._piece(cell, low, high) for cell, (low, high) in enumerate(bounds)]

    def _piece(self, cell: int, low: float, high: float) -> Piece:
        curve, step = self._changes[cell], self._problem.step
        if step is not None and high > low:
            levels = np.asarray(step * np.arange(round(low / step), round(high / step) + 1), dtype=np.float64)
            return Piece(levels, curve(levels), np.zeros(len(levels) - 1))
        return piece_of(curve, spaced_levels(curve, low, high, self._n_levels))

    def _climb(self, spend: FloatArray) -> None:
        """To a plan that is the best one for its own linearisation."""
        value = self._value_of(spend)
        self._offer(spend, value, None)
        enough = (0.01 * self._tolerance if self._is_large else _NO_GAIN) * abs(value)
        for _ in range(_FEW_CLIMBS if self._is_large else _MOST_CLIMBS):
            slopes = self._slopes(self._changes_at(spend)).tolist()
            curves = [
                curve if slope == 1 else replace(curve, outcome=slope * curve.outcome)
                for curve, slope in zip(self._curves, slopes, strict=True)
            ]
            found = allocate(curves, self._whole, 0.1 * self._tolerance, effort=self._side)
            if found is None:
                return
            nearer = self._best_between(spend, found.spend)
            gain = self._value_of(nearer) - value
            if gain > 0:
                spend, value = nearer, value + gain
            self._offer(spend, value, found.multipliers)
            if not gain > enough:
                return

    def _best_between(self, spend: FloatArray, other: FloatArray) -> FloatArray:
        """The best plan on the way from one plan to another, other than the first."""
        if self._problem.step is not None:
            return other
        low, high = 0.0, 1.0
        best = other
        for _ in range(4):
            parts = low + (high - low) * _ALONG
            plans = spend + parts[:, None] * (other - spend)
            at = int(np.argmax(self._values_of(plans)))
            best = plans[at]
            width = (high - low) / len(_ALONG)
            low, high = max(0.0, parts[at] - width), min(1.0, parts[at] + width)
        return best

    def _consider(self, spend: FloatArray) -> None:
        """Keep a plan of the search, and climb from it, if it is the best so far."""
        if self._on_steps(spend) and (value := self._value_of(spend)) > self._value:
            little = value - self._value <= 0.01 * self._tolerance * abs(value)
            self._offer(spend, value, None)
            if not little:
                self._climb(spend)

    def _offer(self, spend: FloatArray, value: float, multipliers: FloatArray | None) -> None:
        if value > self._value or self._spend is None:
            self._spend, self._value = np.clip(spend, self._problem.lower, self._problem.upper), value
            self._is_priced = False
        if multipliers is not None and value >= self._value:
            self._multipliers, self._is_priced = multipliers, True

    def _slopes(self, changes: FloatArray) -> FloatArray:
        """(N,) what one more unit of each cell's own outcome brings."""
        return 1.0 - loss_slopes(changes + self._current, self._current, self._pairs)

    def _changes_at(self, spend: FloatArray) -> FloatArray:
        return np.array([curve(np.array([x]))[0] for curve, x in zip(self._changes, spend.tolist(), strict=True)])

    def _value_of(self, spend: FloatArray) -> float:
        return float(self._values_of(spend[None])[0])

    def _values_of(self, plans: FloatArray) -> FloatArray:
        """(J,) of (J, N) plans."""
        outcome = np.stack([curve(of) for curve, of in zip(self._curves, plans.T, strict=True)], axis=1)
        loss = overlap_loss(outcome, self._current, self._pairs)
        return np.asarray(outcome.sum(axis=1) - loss - self._problem.cost * plans.sum(axis=1))

    def _target(self) -> float:
        """Parts whose bound is above are worth a look."""
        enough = self._effort.enough
        if enough is not None:
            return np.inf if self._value >= enough else enough
        return self._value + self._tolerance * abs(self._value)

    def _on_steps(self, spend: FloatArray) -> bool:
        return self._problem.step is None or bool((self._off_steps(spend) < _WHOLE).all())

    def _off_steps(self, spend: FloatArray) -> FloatArray:
        """(N,) how far spends are from whole steps, in steps; 0 where the bounds are equal."""
        steps = spend / (self._problem.step or 1.0)
        return np.where(self._problem.upper > self._problem.lower, np.abs(steps - np.round(steps)), 0.0)
