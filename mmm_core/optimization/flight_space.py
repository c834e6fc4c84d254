"""Which plans over cells and periods are allowed, and the best one for a linear gain."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.optimization import FlightingConfig
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.flight_outcome import Range
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.optimization.limits import SumLimit, limit_rows
from mmm_core.optimization.linear import maximise
from mmm_core.optimization.problem import BudgetProblem

_AT_BOUND = 1e-8
"""Part of a factor's range within which it is put on its bound."""
_WIDE = 1e-9
"""Part of the largest factor by which bounds differ where a factor is free."""


@dataclass(frozen=True)
class FlightSpace:
    """Limits of factors x (N, Q) of planned money.

    `lower <= x <= upper`; the factor of a whole cell, `sum_q share_nq x_nq`, is between `least` and `most`; sums
    of money keep `limits`; a period has at least `low_share` and at most `high_share` times the cell's money.
    """

    weeks: FlightWeeks
    lower: FloatArray
    """(N, Q)"""
    upper: FloatArray
    """(N, Q)"""
    least: FloatArray
    """(N,)"""
    most: FloatArray
    """(N,)"""
    limits: tuple[SumLimit, ...]
    """On the money of cells."""
    low_share: float | None
    high_share: float | None

    @classmethod
    def of(
        cls, weeks: FlightWeeks, problem: BudgetProblem, config: FlightingConfig, start: FloatArray
    ) -> "FlightSpace":
        """Limits of a scenario.

        Money in whole steps is not moved between cells, and a total that was chosen already stays.  Changes are
        those against the plan scaled with the scenario's budget, of a cell that may not be scaled that far (a
        fixed one, say) as far as it may, of an idle cell against its most money.  Where the change that is
        allowed does not reach the configured shares of periods, it gives way.

        Args:
            weeks: what is planned.
            problem: limits of cells.
            config: limits of periods.
            start: (N,) money of cells that is moved over periods.
        """
        unit, there = weeks.unit, weeks.planned > 0
        least, most = (_factor(start if problem.step else end, unit) for end in (problem.lower, problem.upper))
        scale = np.clip(problem.total / max(float(problem.cells.spend.sum()), 1e-300), least, most)
        base = np.broadcast_to(np.where(weeks.cells.idle, most, scale)[:, None], there.shape)
        least_change = np.where(weeks.cells.idle, 0.0, max(0.0, 1 - config.max_change))[:, None]
        lower = np.where(there, base * least_change, 1.0)
        upper = np.where(there, base * (1 + config.max_change), 1.0)
        first, *others = problem.limits
        total = float(start.sum())
        if problem.is_flexible or problem.step:
            first = SumLimit(first.name, first.cells, total, total)
        limits = (first,) if problem.step else (first, *others)
        n_periods = there.shape[1]
        low = config.min_period_share / n_periods if config.min_period_share > 0 else None
        high = None if config.max_period_share is None else config.max_period_share / n_periods
        with np.errstate(divide="ignore", invalid="ignore"):
            if low is not None:
                upper = np.where(there, np.maximum(upper, low * most[:, None] / weeks.shares), upper)
            if high is not None:
                lower = np.where(there, np.minimum(lower, high * least[:, None] / weeks.shares), lower)
        return cls(weeks, lower, upper, least, most, limits, low, high)

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """(N, Q) factors that can move."""
        wide = self.upper - self.lower > _WIDE * np.maximum(self.upper, 1e-300)
        return np.asarray(wide & (self.weeks.planned > 0))

    @cached_property
    def range(self) -> Range:
        """What every factor can be at most and at least."""
        return Range(self.lower, self.upper, self.least, self.most)

    def whole(self, factors: FloatArray) -> FloatArray:
        """(N,) factor of every cell's whole money."""
        return np.asarray((self.weeks.shares * factors).sum(axis=1))

    def best(self, gain: FloatArray) -> FloatArray | None:
        """(N, Q) allowed factors with the largest `sum gain * x`, or None if no plan is allowed."""
        width = float(np.abs(gain).max()) or 1.0
        found = maximise(gain.ravel() / width, *self._rows, self.lower.ravel(), self.upper.ravel())
        return None if found is None else np.asarray(found.x.reshape(gain.shape))

    def with_cells(self, factors: FloatArray) -> "FlightSpace":
        """The same with the money of every cell held."""
        whole = self.whole(factors)
        return replace(self, least=whole, most=whole)

    def violation(self, factors: FloatArray) -> float:
        """How far a plan is from being allowed, in factors and parts of the money."""
        whole, money = self.whole(factors), self.whole(factors) * self.weeks.unit
        unit = max(float(self.weeks.unit.sum()), 1e-300)
        away = [self.lower - factors, factors - self.upper]
        here = self.weeks.unit > 0
        away += [(self.least - whole)[here], (whole - self.most)[here]]
        sums = np.array([float(money[limit.cells].sum()) for limit in self.limits])
        away += [(np.array([limit.low for limit in self.limits]) - sums) / unit]
        away += [(sums - np.array([limit.high for limit in self.limits])) / unit]
        of_period = self.weeks.shares * factors
        if self.low_share is not None:
            away.append((self.low_share * whole[:, None] - of_period)[self.weeks.planned > 0])
        if self.high_share is not None:
            away.append((of_period - self.high_share * whole[:, None])[self.weeks.planned > 0])
        return max(float(part.max(initial=0.0)) for part in away)

    def clipped(self, factors: FloatArray) -> FloatArray:
        """The same within or on bounds, with the total kept exactly, for factors that are wrong by little."""
        near = _AT_BOUND * (self.upper - self.lower)
        factors = np.where(factors < self.lower + near, self.lower, np.minimum(factors, self.upper))
        factors = np.where(factors > self.upper - near, self.upper, factors)
        factors = np.where(self.free, factors, self.lower)
        total = self.limits[0]
        spent = float((self.weeks.planned * factors)[total.cells].sum())
        missing = min(max(spent, total.low), total.high) - spent
        inside = self.free & (factors > self.lower) & (factors < self.upper)
        for movable in (inside, self.free):
            room = np.where(movable, self.upper - factors if missing > 0 else factors - self.lower, 0.0)
            money = float((room * self.weeks.planned).sum())
            if money > abs(missing):
                return np.asarray(factors + room * (missing / money))
        return factors

    @cached_property
    def _rows(self) -> tuple[Any, FloatArray, FloatArray]:
        """Sparse rows over all factors with their ends: whole cells, limits (parts of the money), shares."""
        from scipy.sparse import block_diag, csr_matrix, diags, vstack

        shares, unit = self.weeks.shares, self.weeks.unit
        n_cells, n_periods = shares.shape
        at = (np.repeat(np.arange(n_cells), n_periods), np.arange(shares.size))
        cells = csr_matrix((shares.ravel(), at), shape=(n_cells, shares.size))
        money = max(float(unit.sum()), 1e-300)
        sums = limit_rows(self.limits, n_cells) @ diags(unit / money) @ cells
        rows, low, high = (
            [cells, sums],
            [self.least, self._ends("low", money)],
            [self.most, self._ends("high", money)],
        )
        bound = np.where(self.free.ravel(), 0.0, -np.inf)
        for share, sign in ((self.low_share, 1.0), (self.high_share, -1.0)):
            if share is not None:
                blocks = [sign * (np.diag(of_cell) - share * of_cell[None, :]) for of_cell in shares]
                rows.append(block_diag(blocks, format="csr"))
                low, high = [*low, bound], [*high, np.full(len(bound), np.inf)]
        fixed = unit <= 0
        low[0], high[0] = np.where(fixed, -np.inf, low[0]), np.where(fixed, np.inf, high[0])
        return vstack(rows, format="csr"), np.concatenate(low), np.concatenate(high)

    def _ends(self, end: str, money: float) -> FloatArray:
        return np.array([getattr(limit, end) for limit in self.limits]) / money


def _factor(spend: FloatArray, unit: FloatArray) -> FloatArray:
    """(N,) multiples of the planned money; 0 where there is none."""
    return np.divide(spend, unit, out=np.zeros_like(unit), where=unit > 0)
