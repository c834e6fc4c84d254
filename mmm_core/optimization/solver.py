"""Split a budget over cells with any response curves, concave or S-shaped: the global optimum, with a proof.

1. Each curve is known at levels; between them it exceeds its chord by at most a proven amount (`Curve.rise`).
2. The curves' concave envelopes give a linear programme, whose multipliers prove a bound (`relaxation`).
3. Where a plan lies inside the gap between a curve and its envelope (at most as many cells as limits bind), the
   cell's range is split there and both halves are solved: branch and bound, the most promising part first
   (Falk and Soland 1969).  What is left when bound and best plan agree to the tolerance is the optimum.
4. The best plan is moved off the grid by the same linear programme on ever finer grids around it.

The bound holds for the curves as given, whatever was left unsearched.  Money that may only be spent in steps
is searched on these steps alone.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.limits import SumLimit, binding_limits, on_steps, tightened
from mmm_core.optimization.pieces import Curve, Piece, piece_of, refined, spaced_levels
from mmm_core.optimization.relaxation import Relaxed, cell_prices, dual_bound, relax

_LEVELS = 129
_FEW_LEVELS = 33
_MANY_CELLS = 100
"""Cells from which a coarser grid is used."""
_REFINED_LEVELS = 13
_MOST_NODES = 3000
_MOST_WORK = 60_000
"""Nodes of the search times cells: bounds the time where there are many cells (and the gap is small)."""
_FEWEST_NODES = 40
_STEPS_LIKE_A_CELL = 500
"""Steps of money between bounds that take about as long as another cell."""
_MOST_SHARPENINGS = 4
_SAME = 1e-14
"""Relative gain below which two outcomes count as equal, so that ties cannot cycle."""
_REACH = 4
"""Levels on either side of the plan in the grids of the polishing."""
_FINEST = 1e-10
_NEAR_STEPS = 3
"""Steps on either side of a plan in which one in whole steps is looked for."""


@dataclass(frozen=True)
class SpendingProblem:
    """What may be spent: maximise the sum of the curves minus `cost` per unit of money."""

    lower: FloatArray
    """(N,) least money per cell."""
    upper: FloatArray
    """(N,) most money per cell, >= lower."""
    limits: tuple[SumLimit, ...]
    """Limits on sums, the total among them."""
    cost: float = 0.0
    """Units of outcome that one unit of money costs."""
    step: float | None = None
    """Spends are whole multiples of it, except in cells whose bounds are equal."""

    def allows(self, spend: FloatArray, slack: float = 1e-9) -> bool:
        """Whether a plan keeps bounds and limits, up to `slack` of all the money."""
        money = slack * max(float(np.abs(spend).sum()), 1e-300)
        within = (spend >= self.lower - money) & (spend <= self.upper + money)
        return bool(within.all()) and all(limit.holds(spend, money) for limit in self.limits)


@dataclass(frozen=True)
class Effort:
    """When a search may end before its bound is met."""

    share: float = 1.0
    """Part of the usual number of parts that are looked at."""
    enough: float | None = None
    """The only question is whether a plan has this value: the search ends when that is known."""

    def nodes(self, problem: SpendingProblem, most: int = _MOST_NODES, work: int = _MOST_WORK) -> int:
        """Most parts of one search: fewer where there are many cells, or many steps of money."""
        steps = 0.0 if problem.step is None else float((problem.upper - problem.lower).sum()) / problem.step
        usual = min(most, max(_FEWEST_NODES, int(work / (len(problem.lower) + steps / _STEPS_LIKE_A_CELL))))
        return max(_FEWEST_NODES // 2, int(self.share * usual))


@dataclass(frozen=True)
class Allocation:
    """The best plan found, and the proof of how good it is."""

    spend: FloatArray
    """(N,) money per cell."""
    value: float
    """Sum of the curves minus what the money costs."""
    bound: float
    """No allowed plan has a larger value."""
    multipliers: FloatArray
    """(R,) shadow price per limit: value of one more unit of it (negative: of its low end)."""
    nodes: int
    """Parts of the search that were looked at."""

    @property
    def gap(self) -> float:
        """Proven largest relative distance to the optimum."""
        return max(0.0, self.bound - self.value) / max(abs(self.bound), 1e-300)


@dataclass(order=True)
class _Part:
    """A part of the search: every cell between two of its levels."""

    key: tuple[float, int]
    pieces: list[Piece] = field(compare=False)
    relaxed: Relaxed = field(compare=False)
    bound: float = field(compare=False)


def allocate(
    curves: Sequence[Curve],
    problem: SpendingProblem,
    tolerance: float = 1e-4,
    starts: Sequence[FloatArray] = (),
    effort: Effort | None = None,
) -> Allocation | None:
    """The plan with the largest value, or None if the limits cannot be met.

    Args:
        curves: N response curves, defined at least within the bounds.
        problem: bounds and limits.
        tolerance: relative gap between bound and value at which the search ends.
        starts: (N,) plans to do better than; those that are not allowed are not looked at.
        effort: when the search may end before; None: as usual.
    """
    search = _Search(curves, problem, tolerance, effort or Effort())
    return search.run(starts)


class _Search:
    """Branch and bound over the cells' ranges."""

    def __init__(
        self, curves: Sequence[Curve], problem: SpendingProblem, tolerance: float, effort: Effort
    ) -> None:
        binding = binding_limits(problem.limits, problem.lower, problem.upper)
        self._curves, self._tolerance, self._binding, self._effort = curves, tolerance, binding, effort
        self._most_nodes = effort.nodes(problem)
        self._all_limits = len(problem.limits)
        limits = tuple(problem.limits[index] for index in binding)
        lower, upper = problem.lower, problem.upper
        if problem.step is None:
            lower, upper = tightened(limits, lower, upper)
        else:
            limits = on_steps(limits, lower, upper, problem.step)
        self._problem = replace(problem, lower=lower, upper=upper, limits=limits)
        self._spend: FloatArray | None = None
        self._value = -np.inf
        self._multipliers = np.zeros(len(binding))
        self._count = 0

    def run(self, starts: Sequence[FloatArray]) -> Allocation | None:
        for start in starts:
            if self._problem.allows(start) and self._on_steps(start):
                self._offer(start)
        root = self._part(self._first_pieces())
        if root is None:
            return None
        bound = self._branch(self._sharpened(root))
        if self._spend is None:
            return None
        if not self._multipliers.any():  # no plan was better than a start
            self._multipliers = root.relaxed.multipliers
        if self._problem.step is None and self._effort.enough is None:
            self._polish(self._spend)
        multipliers = np.zeros(self._all_limits)
        multipliers[self._binding] = self._multipliers
        return Allocation(self._spend, self._value, max(bound, self._value), multipliers, self._count)

    def _branch(self, root: _Part) -> float:
        """Search until the bound is met or the work is too much; returns the bound."""
        heap = [root]
        closed = -np.inf
        while heap and heap[0].bound > self._target() and self._count < self._most_nodes:
            part = heapq.heappop(heap)
            halves = self._halves(part)
            if halves is None:
                sharper = self._sharpened(part)
                if sharper.bound < part.bound - 0.05 * self._tolerance * abs(self._value):
                    heapq.heappush(heap, sharper)
                else:
                    closed = max(closed, sharper.bound)
                continue
            for pieces in halves:
                child = self._part(pieces, part.bound)
                if child is not None and child.bound > self._target():
                    heapq.heappush(heap, child)
                elif child is not None:
                    closed = max(closed, child.bound)
        return max([closed, *(part.bound for part in heap[:1])])

    def _target(self) -> float:
        """Parts whose bound is above are worth a look."""
        enough = self._effort.enough
        if enough is not None:
            return np.inf if self._value >= enough else enough
        return self._value + self._tolerance * abs(self._value) if np.isfinite(self._value) else -np.inf

    def _part(self, pieces: list[Piece], bound: float = np.inf) -> _Part | None:
        relaxed = relax(pieces, self._problem.limits, self._problem.cost)
        if relaxed is None:
            return None
        self._count += 1
        bound = min(bound, dual_bound(pieces, self._problem.limits, relaxed.multipliers, self._problem.cost))
        spend = relaxed.spend if self._problem.step is None else self._stepped(pieces, relaxed.spend)
        if bound > self._value and spend is not None:
            before = self._value
            self._offer(spend, relaxed.multipliers)
            if self._problem.step is None and self._value > before and bound > self._target():
                self._polish(relaxed.spend, rounds=6)
        return _Part((-bound, self._count), pieces, relaxed, bound)

    def _stepped(self, pieces: Sequence[Piece], spend: FloatArray) -> FloatArray | None:
        """An allowed plan in whole steps near a plan, if one is found."""
        problem, step = self._problem, self._problem.step or 1.0
        free = problem.upper > problem.lower
        for _ in range(2):
            rounded = np.where(free, step * np.round(spend / step), spend)
            if problem.allows(rounded):
                return rounded
            near = [piece.near(money, _NEAR_STEPS) for piece, money in zip(pieces, spend.tolist(), strict=True)]
            found = relax(near, problem.limits, problem.cost)
            if found is None:
                break
            spend = found.spend
        return None

    def _halves(self, part: _Part) -> tuple[list[Piece], list[Piece]] | None:
        """Split the cell whose envelope is furthest above its curve, at the plan; None if all agree."""
        spend = part.relaxed.spend
        heights = [piece.envelope(money) for piece, money in zip(part.pieces, spend, strict=True)]
        gaps = np.array(heights) - self._worths(spend)
        if self._problem.step is not None and not self._on_steps(spend):
            cell = int(np.argmax(np.where(self._whole(spend), -np.inf, gaps)))
            return self._split_steps(part, cell, float(spend[cell]))
        cell = int(np.argmax(gaps))
        piece = part.pieces[cell]
        if gaps[cell] <= 0.01 * self._tolerance * abs(self._value) / len(spend) or len(piece.levels) < 2:
            return None
        if self._problem.step is not None:
            return self._split_steps(part, cell, float(spend[cell]))
        share = (spend[cell] - piece.levels[0]) / (piece.levels[-1] - piece.levels[0])
        at = float(piece.levels[0] + np.clip(share, 0.02, 0.98) * (piece.levels[-1] - piece.levels[0]))
        piece = piece_of(self._curves[cell], np.sort(np.append(piece.levels, at)))
        index = int(np.argmin(np.abs(piece.levels - at)))
        if index in (0, len(piece.levels) - 1):
            return None
        return self._with(part, cell, *piece.split(index))

    def _split_steps(self, part: _Part, cell: int, at: float) -> tuple[list[Piece], list[Piece]] | None:
        """Below and above, without the level in the middle twice."""
        piece = part.pieces[cell]
        above = int(np.searchsorted(piece.levels, at * (1 + 1e-9)))
        above = min(max(above, 1), len(piece.levels) - 1)
        low, high = piece.split(above - 1)[0], piece.split(above)[1]
        return self._with(part, cell, low, high)

    @staticmethod
    def _with(part: _Part, cell: int, low: Piece, high: Piece) -> tuple[list[Piece], list[Piece]]:
        below, above = list(part.pieces), list(part.pieces)
        below[cell], above[cell] = low, high
        return below, above

    def _sharpened(self, part: _Part) -> _Part:
        """Levels added where the bound is decided, until the distance between levels no longer matters for it."""
        for _ in range(_MOST_SHARPENINGS):
            if part.bound <= self._target() or self._problem.step is not None:
                break
            problem = self._problem
            prices = cell_prices(len(part.pieces), problem.limits, part.relaxed.multipliers, problem.cost)
            pieces = []
            for cell, piece in enumerate(part.pieces):
                ends = piece.levels[piece.hull]
                segment = int(np.searchsorted(ends, part.relaxed.spend[cell]))
                near = [ends[max(segment - 1, 0) : segment + 1], piece.best_interval(float(prices[cell]))]
                pieces.append(refined(self._curves[cell], piece, np.concatenate(near), _REFINED_LEVELS))
            again = self._part(pieces, part.bound)
            if again is None:
                break
            little = part.bound - again.bound < 0.1 * self._tolerance * abs(self._value)
            part = again
            if little:
                break
        return part

    def _polish(self, spend: FloatArray, rounds: int = 60) -> None:
        """The best plan nearby: the same linear programme on ever finer grids around it."""
        problem = self._problem
        reach = (problem.upper - problem.lower) / (_FEW_LEVELS if len(spend) > _MANY_CELLS else _LEVELS)
        finest = _FINEST * max(float(spend.sum()), 1e-300)
        value = self._value_of(spend)
        for _ in range(rounds if len(spend) <= _MANY_CELLS else min(rounds, 8)):
            if reach.max() <= finest:
                break
            relaxed = relax(list(self._around(spend, reach)), problem.limits, problem.cost)
            found = -np.inf if relaxed is None else self._value_of(relaxed.spend)
            gain = found - value
            if relaxed is not None and gain > _SAME * abs(value):
                spend, value = relaxed.spend, found
                self._offer(spend, relaxed.multipliers)
            if not gain > 1e-3 * self._tolerance * abs(value):
                reach = reach / _REACH

    def _around(self, spend: FloatArray, reach: FloatArray) -> Iterator[Piece]:
        offsets = np.arange(-_REACH, _REACH + 1)
        for curve, money, step, low, high in zip(
            self._curves, spend, reach, self._problem.lower, self._problem.upper, strict=True
        ):
            levels = np.unique(np.clip(money + step * offsets, low, high))
            yield Piece(levels, curve(levels), np.zeros(len(levels) - 1))

    def _first_pieces(self) -> list[Piece]:
        problem = self._problem
        n_levels = _FEW_LEVELS if len(self._curves) > _MANY_CELLS else _LEVELS
        pieces = []
        for curve, low, high in zip(self._curves, problem.lower, problem.upper, strict=True):
            if problem.step is not None and high > low:
                levels = problem.step * np.arange(round(low / problem.step), round(high / problem.step) + 1)
                pieces.append(Piece(levels, curve(levels), np.zeros(len(levels) - 1)))
            else:
                pieces.append(piece_of(curve, spaced_levels(curve, float(low), float(high), n_levels)))
        return pieces

    def _whole(self, spend: FloatArray) -> np.ndarray:
        step = self._problem.step or 1.0
        fixed = self._problem.upper <= self._problem.lower
        return fixed | (np.abs(spend / step - np.round(spend / step)) < 1e-6)

    def _on_steps(self, spend: FloatArray) -> bool:
        return self._problem.step is None or bool(self._whole(spend).all())

    def _worths(self, spend: FloatArray) -> FloatArray:
        return np.array([curve(np.array([money]))[0] for curve, money in zip(self._curves, spend, strict=True)])

    def _value_of(self, spend: FloatArray) -> float:
        return float(self._worths(spend).sum() - self._problem.cost * spend.sum())

    def _offer(self, spend: FloatArray, multipliers: FloatArray | None = None) -> None:
        """Keep the plan if it is the best so far."""
        spend = np.clip(spend, self._problem.lower, self._problem.upper)
        value = self._value_of(spend)
        if value > self._value:
            self._spend, self._value = spend, value
            if multipliers is not None:
                self._multipliers = multipliers
