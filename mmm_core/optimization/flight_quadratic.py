"""The best plan over cells and periods for a concave quadratic gain: a primal-dual interior-point method.

Maximises `g (x - x0) - (x - x0) M (x - x0) / 2`, M one block per cell, within a `FlightSpace`.  A step of Newton's
method needs one inverse per cell, and one system for the few limits on sums of money, which alone join cells
(Mehrotra 1992; Nocedal and Wright, Numerical Optimization, 16.6).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.flight_space import FlightSpace
from mmm_core.optimization.limits import limit_rows

_MOST_STEPS = 60
_FEASIBLE = 1e-9
"""By how much limits may be missed, in factors."""
_LOST = 1e4
"""How much worse than the best point so far a point is from which there is no return."""
_SHORT = 0.995
"""Part of the way to the nearest limit that a step goes."""
_EQUAL = 1e-9
_SMALL = 40
"""Periods up to which the blocks of all cells are inverted at once."""


@dataclass(frozen=True)
class CellRows:
    """The limits within cells, as `rows(x) >= ends`: bounds of factors, of whole cells, of shares of periods."""

    space: FlightSpace

    @cached_property
    def share(self) -> FloatArray:
        """(N, Q)"""
        return self.space.weeks.shares

    @cached_property
    def equal(self) -> NDArray[np.bool_]:
        """(N,) cells whose money is fixed, while its periods can move."""
        least, most = self.space.least, self.space.most
        return np.asarray((most - least <= _EQUAL * np.maximum(most, 1e-300)) & self.space.free.any(axis=1))

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """(N, K) limits that there are."""
        free = self.space.free
        whole = (free.any(axis=1) & ~self.equal)[:, None]
        parts = [free, free, whole, whole]
        parts += [free for share in self._shares if share is not None]
        return np.concatenate(parts, axis=1)

    @cached_property
    def ends(self) -> FloatArray:
        """(N, K)"""
        space = self.space
        parts = [space.lower, -space.upper, space.least[:, None], -space.most[:, None]]
        parts += [np.zeros_like(space.lower) for share in self._shares if share is not None]
        return np.concatenate(parts, axis=1)

    @property
    def _shares(self) -> tuple[float | None, float | None]:
        return self.space.low_share, self.space.high_share

    def rows(self, x: FloatArray) -> FloatArray:
        """(N, K)"""
        money = self.share * x
        whole = money.sum(axis=1, keepdims=True)
        parts = [x, -x, whole, -whole]
        for share, sign in zip(self._shares, (1.0, -1.0), strict=True):
            if share is not None:
                parts.append(sign * (money - share * whole))
        return np.concatenate(parts, axis=1)

    def adjoint(self, prices: FloatArray) -> FloatArray:
        """(N, Q) of (N, K)."""
        lower, upper, low, high, rest = self._split(prices)
        found = lower - upper + self.share * (low - high)
        for (share, sign), part in zip(self._configured, rest, strict=True):
            found += sign * self.share * (part - share * part.sum(axis=1, keepdims=True))
        return np.asarray(found)

    def normal(self, weights: FloatArray) -> FloatArray:
        """(N, Q, Q) rows' weights rows."""
        lower, upper, low, high, rest = self._split(weights)
        found = (low + high)[:, :, None] * self._outer
        index = np.arange(found.shape[1])
        found[:, index, index] += lower + upper
        for (share, _), part in zip(self._configured, rest, strict=True):
            weighted = self.share * part
            found[:, index, index] += weighted * self.share
            across = weighted[:, :, None] * self.share[:, None, :]
            found -= share * (across + across.transpose(0, 2, 1))
            found += share**2 * part.sum(axis=1)[:, None, None] * self._outer
        return np.asarray(found)

    @cached_property
    def _outer(self) -> FloatArray:
        return np.asarray(self.share[:, :, None] * self.share[:, None, :])

    @property
    def _configured(self) -> list[tuple[float, float]]:
        return [(share, sign) for share, sign in zip(self._shares, (1.0, -1.0), strict=True) if share is not None]

    def _split(
        self, of_rows: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, list[FloatArray]]:
        size = self.share.shape[1]
        rest = [of_rows[:, 2 * size + 2 + i * size :][:, :size] for i in range(len(self._configured))]
        return (
            of_rows[:, :size],
            of_rows[:, size : 2 * size],
            of_rows[:, 2 * size : 2 * size + 1],
            of_rows[:, 2 * size + 1 : 2 * size + 2],
            rest,
        )


def _solver(blocks: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """Solves (N, Q) equations with (N, Q, Q) positive definite blocks.

    Raises:
        LinAlgError: a block is not, up to round-off.
    """
    if blocks.shape[1] <= _SMALL:
        inverse = np.linalg.inv(blocks)
        return lambda right: np.asarray(np.einsum("nij,nj->ni", inverse, right))
    from scipy.linalg import cho_factor, cho_solve

    factors = [cho_factor(block, lower=True, check_finite=False) for block in blocks]
    return lambda right: np.stack(
        [cho_solve(factor, of_cell, check_finite=False) for factor, of_cell in zip(factors, right, strict=True)]
    )


@dataclass
class _Point:
    """Where the method is: the plan, slacks and prices of limits within cells, and of ends of sums."""

    x: FloatArray
    slack: FloatArray
    price: FloatArray
    sum_slack: FloatArray
    sum_price: FloatArray
    multiplier: FloatArray
    """(R,) of sums with one value."""


class QuadraticStep:
    """Solves such problems over one space."""

    def __init__(self, space: FlightSpace) -> None:
        self._space, self._cells = space, CellRows(space)
        unit = space.weeks.unit
        self._sum_unit = np.array([max(float(unit[limit.cells].sum()), 1e-300) for limit in space.limits])
        self._counts = (limit_rows(space.limits, len(unit)).toarray() * unit) / self._sum_unit[:, None]
        low = np.array([limit.low for limit in space.limits]) / self._sum_unit
        high = np.array([limit.high for limit in space.limits]) / self._sum_unit
        finite = np.isfinite(low) & np.isfinite(high)
        self._fixed = np.zeros(len(low), dtype=bool)
        self._fixed[finite] = (high - low)[finite] <= _EQUAL * np.maximum(np.abs(high[finite]), 1e-300)
        moving = space.free.any(axis=1) & ~self._cells.equal
        decided = ~(self._counts[:, moving] > 0).any(axis=1)  # by cells whose money is fixed
        self._fixed &= ~decided
        self._ends = np.stack([low, -high], axis=1)
        self._sum_active = np.isfinite(self._ends) & ~(self._fixed | decided)[:, None]
        self._ends = np.where(np.isfinite(self._ends), self._ends, 0.0)

    def best(self, x0: FloatArray, gain: FloatArray, blocks: FloatArray, accuracy: float) -> FloatArray:
        """(N, Q) the best factors.

        Args:
            x0: (N, Q) where gain is measured; keeps the limits, or nearly.
            gain: (N, Q) slope there.
            blocks: (N, Q, Q) symmetric, positive definite.
            accuracy: of the gain, absolute.
        """
        width = max(float(np.abs(gain[self._space.free]).max(initial=0.0)), 1e-300)
        gain, accuracy = gain / width * self._space.free, accuracy / width
        pair = self._space.free[:, :, None] & self._space.free[:, None, :]
        blocks = np.where(pair, blocks / width, 0.0)
        index = np.arange(gain.shape[1])
        blocks[:, index, index] += ~self._space.free
        at = self._start(x0)
        best, least = at.x, np.inf
        count = max(int(self._cells.active.sum() + self._sum_active.sum()), 1)
        for _ in range(_MOST_STEPS):
            complement = float((at.slack * at.price)[self._cells.active].sum())
            complement += float((at.sum_slack * at.sum_price)[self._sum_active].sum())
            wrong = self._residuals(at, x0, gain, blocks)
            away = max(float(np.abs(part).max(initial=0.0)) for part in wrong[1:])
            wide = float(np.abs(wrong[0]).sum())
            left = max(complement / accuracy, wide / accuracy, away / _FEASIBLE)
            if left < least:
                best, least = at.x, left
            if left <= 1 or left > _LOST * least:  # done, or round-off has taken over
                break
            step = self._step(at, wrong, blocks, complement / count)
            if step is None:
                break
            at = step
        return best

    def _start(self, x0: FloatArray) -> _Point:
        cells, active = self._cells, self._cells.active
        slack = np.where(active, np.maximum(cells.rows(x0) - cells.ends, 0.03), 1.0)
        sums = self._sums(x0)
        sum_slack = np.where(self._sum_active, np.maximum(np.stack([sums, -sums], 1) - self._ends, 0.03), 1.0)
        price = 0.03 / (slack * max(1, x0.shape[1]))
        return _Point(
            x0.copy(),
            slack,
            np.where(active, price, 0.0),
            sum_slack,
            np.where(self._sum_active, 0.03 / sum_slack, 0.0),
            np.zeros(len(sums)),
        )

    def _sums(self, x: FloatArray) -> FloatArray:
        """(R,) sums of money, relative."""
        return np.asarray(self._counts @ (self._cells.share * x).sum(axis=1))

    def _residuals(
        self, at: _Point, x0: FloatArray, gain: FloatArray, blocks: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Of slopes (N, Q), limits in cells (N, K), cells with one value (N,), sums (R, 2), sums with one (R,)."""
        cells, free = self._cells, self._space.free
        prices = at.multiplier * self._fixed + at.sum_price[:, 0] - at.sum_price[:, 1]
        slope = np.einsum("nij,nj->ni", blocks, (at.x - x0) * free) - gain - cells.adjoint(at.price) * free
        slope -= cells.share * free * (self._counts.T @ prices)[:, None]
        share = cells.share * free  # cells with one value: their price is the one that leaves least
        norm = (share * share).sum(axis=1)
        price = np.divide((share * slope).sum(axis=1), norm, out=np.zeros_like(norm), where=cells.equal)
        slope -= price[:, None] * share
        within = np.where(cells.active, cells.rows(at.x) - cells.ends - at.slack, 0.0)
        one = np.where(cells.equal, self._space.whole(at.x) - self._space.least, 0.0)
        sums = self._sums(at.x)
        both = np.where(self._sum_active, np.stack([sums, -sums], 1) - self._ends - at.sum_slack, 0.0)
        return slope * free, within, one, both, np.where(self._fixed, sums - self._ends[:, 0], 0.0)

    def _step(
        self, at: _Point, wrong: tuple[FloatArray, ...], blocks: FloatArray, average: float
    ) -> _Point | None:
        """One predictor and corrector."""
        cells, free = self._cells, self._space.free
        weight = np.where(cells.active, at.price / at.slack, 0.0)
        normal = cells.normal(weight)
        normal = np.where(free[:, :, None] & free[:, None, :], normal, 0.0)
        try:
            solve = _solver(blocks + normal)
            solved = (solve, solve(cells.share * free))
        except np.linalg.LinAlgError:
            return None
        target = np.where(cells.active, -at.slack * at.price, 0.0)
        sum_target = np.where(self._sum_active, -at.sum_slack * at.sum_price, 0.0)
        aim = self._direction(at, wrong, solved, weight, target, sum_target)
        length = self._length(at, aim, 1.0)
        after = float(((at.slack + length * aim.slack) * (at.price + length * aim.price))[cells.active].sum())
        after += float(
            ((at.sum_slack + length * aim.sum_slack) * (at.sum_price + length * aim.sum_price))[
                self._sum_active
            ].sum()
        )
        count = max(int(cells.active.sum() + self._sum_active.sum()), 1)
        centre = average * min(max(after / count / max(average, 1e-300), 0.0), 1.0) ** 3
        target = np.where(cells.active, target + centre - aim.slack * aim.price, 0.0)
        sum_target = np.where(self._sum_active, sum_target + centre - aim.sum_slack * aim.sum_price, 0.0)
        move = self._direction(at, wrong, solved, weight, target, sum_target)
        if not np.isfinite(move.x).all():
            return None
        length = self._length(at, move, _SHORT)
        names = ("x", "slack", "price", "sum_slack", "sum_price", "multiplier")
        return _Point(*(getattr(at, name) + length * getattr(move, name) for name in names))

    def _direction(
        self,
        at: _Point,
        wrong: tuple[FloatArray, ...],
        solved: tuple[Callable[[FloatArray], FloatArray], FloatArray],
        weight: FloatArray,
        target: FloatArray,
        sum_target: FloatArray,
    ) -> _Point:
        """Newton's step towards products of slack and price that change by `target`.

        Args:
            at: where it starts.
            wrong: residuals there.
            solved: how equations with the cells' blocks are solved, and their answer to the shares of cells.
            weight: (N, K) prices per slack.
            target: (N, K)
            sum_target: (R, 2)
        """
        cells, free = self._cells, self._space.free
        slope, within, one, both, single = wrong
        push = -slope + cells.adjoint(np.where(cells.active, target / at.slack - weight * within, 0.0)) * free
        sum_weight = np.where(self._sum_active, at.sum_price / at.sum_slack, 0.0)
        sum_push = np.where(self._sum_active, sum_target / at.sum_slack - sum_weight * both, 0.0)
        share = cells.share * free
        moved, answer = solved[0](push), solved[1]
        power = (share * answer).sum(axis=1)
        back = np.divide(-one - (share * moved).sum(axis=1), power, out=np.zeros_like(power), where=power > 0)
        moved = moved + np.where(cells.equal, back, 0.0)[:, None] * answer
        answer = np.where(cells.equal[:, None], 0.0, answer)
        power = (share * answer).sum(axis=1)
        # sums: counts (share dx) + stiffness * dm = goal, dm the change of their prices
        total_weight = sum_weight.sum(axis=1)
        there = self._fixed | (total_weight > 0)
        stiff = np.divide(
            1.0, total_weight, out=np.zeros_like(total_weight), where=~self._fixed & (total_weight > 0)
        )
        pushed = np.divide(
            sum_push[:, 0] - sum_push[:, 1], total_weight, out=np.zeros_like(stiff), where=total_weight > 0
        )
        goal = np.where(self._fixed, -single, pushed) - self._counts @ (share * moved).sum(axis=1)
        system = (self._counts * power) @ self._counts.T + np.diag(np.where(there, stiff, 1.0))
        system += np.eye(len(system)) * 1e-15 * max(float(np.trace(system)), 1e-300)
        change = np.where(there, np.linalg.lstsq(system, np.where(there, goal, 0.0), rcond=1e-15)[0], 0.0)
        dx = moved + answer * (self._counts.T @ change)[:, None]
        dslack = np.where(cells.active, cells.rows(dx) + within, 0.0)
        dprice = np.where(cells.active, target / at.slack - weight * dslack, 0.0)
        sums = self._sums(dx)
        dsum = np.where(self._sum_active, np.stack([sums, -sums], 1) + both, 0.0)
        dsum_price = np.where(self._sum_active, sum_target / at.sum_slack - sum_weight * dsum, 0.0)
        return _Point(dx, dslack, dprice, dsum, dsum_price, change * self._fixed)

    def _length(self, at: _Point, move: _Point, short: float) -> float:
        """The longest step that keeps slacks and prices positive."""
        longest = 1.0
        for name, active in (
            ("slack", self._cells.active),
            ("price", self._cells.active),
            ("sum_slack", self._sum_active),
            ("sum_price", self._sum_active),
        ):
            value, change = getattr(at, name)[active], getattr(move, name)[active]
            down = change < 0
            if down.any():
                with np.errstate(over="ignore"):  # a change of next to nothing allows any length
                    longest = min(longest, short * float((value[down] / -change[down]).min()))
        return longest
