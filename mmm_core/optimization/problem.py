"""What a budget must obey: its total, bounds of every cell, and limits on sums of spend."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmm_core.config.optimization import PlatformConstraintsConfig, SpendLimitsConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.limits import ROUND_OFF, SumLimit
from mmm_core.optimization.refusals import refuse_contradictions, refuse_unknown_names
from mmm_core.optimization.solver import SpendingProblem

TOTAL = "total budget"
_KEYS = "optimization.platform_constraints"


@dataclass(frozen=True)
class BudgetProblem:
    """Split a total over N cells; there is a plan that keeps all limits, up to round-off."""

    cells: Cells
    total: float
    """Money of the scenario, > 0; where the total is flexible, what its range and all shares refer to."""
    lower: FloatArray
    """(N,) least money per cell."""
    upper: FloatArray
    """(N,) most money per cell, >= lower."""
    limits: tuple[SumLimit, ...]
    """Limits on sums; the first one is the total."""
    proportional: FloatArray
    """(N,) the current split of the current budget, scaled to the total; not always allowed."""
    step: float | None = None
    """Spends are whole multiples of it, in cells whose bounds differ."""

    @property
    def is_flexible(self) -> bool:
        """Whether the total is to be chosen."""
        return self.limits[0].high > self.limits[0].low

    @property
    def proportional_is_feasible(self) -> bool:
        """Whether scaling the current plan obeys bounds and limits."""
        return self.step is None and self.spending().allows(self.proportional, ROUND_OFF)

    def spending(self, cost: float = 0.0, total: tuple[float, float] | None = None) -> SpendingProblem:
        """For the solver.

        Args:
            cost: units of outcome that one unit of money costs.
            total: least and largest total; None: as in the problem.
        """
        limits = self.limits
        if total is not None:
            limits = (SumLimit(TOTAL, limits[0].cells, *total), *limits[1:])
        return SpendingProblem(self.lower, self.upper, limits, cost, self.step)


def budget_problem(
    scenario: str,
    cells: Cells,
    total: float,
    constraints: PlatformConstraintsConfig,
    budget_range: tuple[float, float] | None = None,
) -> BudgetProblem:
    """Bounds and limits of one scenario.

    A channel may get between `min_spend_pct` and `max_spend_pct` of the total, and between `1 - max_change` and
    `1 + max_change` times its current spend scaled with the total; limits of its own, of geos and groups come on
    top.  A cell without current spend stays without, unless its channel (or, by geo, its geo) has `max_spend` or
    `max_share` of its own: then it may get money up to these, whatever the allowed change.

    Args:
        scenario: its name, for messages.
        cells: what the budget is split over.
        total: budget of the scenario, money.
        constraints: configured limits.
        budget_range: relative changes of the total that are allowed; None: the total is fixed.

    Raises:
        BudgetError: nothing is spent now, a name is unknown, or the limits contradict each other (names keys
            and numbers).
    """
    spent = float(cells.spend.sum())
    if not (spent > 0 and total > 0):
        raise BudgetError(
            f"Scenario {scenario}: the current plan spends {spent:,.2f}, so there is no flighting to "
            "scale; a budget plan needs spend in the weeks that it is about."
        )
    refuse_unknown_names(scenario, cells, constraints)
    proportional = cells.spend * (total / spent)
    lower, upper = _cell_bounds(cells, proportional, total, constraints)
    low, high = (1.0, 1.0) if budget_range is None else (1 + budget_range[0], 1 + budget_range[1])
    limits = [SumLimit(TOTAL, np.arange(len(cells.spend)), total * low, total * high)]
    limits += _sum_limits(cells, proportional, total, constraints)
    refuse_contradictions(scenario, cells, proportional, total, constraints, lower, upper, limits)
    lower = np.minimum(lower, upper)
    problem = BudgetProblem(cells, total, lower, upper, tuple(limits), proportional)
    return problem if constraints.step is None else _in_steps(scenario, problem, constraints.step)


def _cell_bounds(
    cells: Cells, proportional: FloatArray, total: float, constraints: PlatformConstraintsConfig
) -> tuple[FloatArray, FloatArray]:
    """(N,) least and largest spends, before they are checked against each other."""
    lower, upper = np.zeros(len(proportional)), np.full(len(proportional), np.inf)
    for cell, base in enumerate(proportional.tolist()):
        own = constraints.channels.get(cells.channel_of(cell), SpendLimitsConfig())
        least = -constraints.max_change if own.min_change is None else own.min_change
        most = constraints.max_change if own.max_change is None else own.max_change
        lower[cell], upper[cell] = base * max(0.0, 1 + least), base * (1 + most)
        if cells.idle[cell]:
            upper[cell] = _most_of_idle(cells, cell, total, constraints)
        if not cells.by_geo:
            low, high = channel_range(own, total, constraints)
            lower[cell], upper[cell] = max(lower[cell], low), min(upper[cell], high)
    for name in constraints.fixed:
        which = cells.of_channels([name]) if name in cells.channels else np.array([cells.names.index(name)])
        lower[which] = upper[which] = cells.spend[which]
    return lower, upper


def _most_of_idle(cells: Cells, cell: int, total: float, constraints: PlatformConstraintsConfig) -> float:
    """Most money of a cell without current spend: 0 unless its channel, or its geo, has a most of its own."""
    most = money_range(constraints.channels.get(cells.channel_of(cell), SpendLimitsConfig()), total)[1]
    if cells.by_geo:
        of_geo = constraints.geos.get(cells.geo_of(cell), SpendLimitsConfig())
        most = min(most, money_range(of_geo, total)[1])
    return min(most, constraints.max_spend_pct * total) if most < math.inf else 0.0


def channel_range(
    own: SpendLimitsConfig, total: float, constraints: PlatformConstraintsConfig
) -> tuple[float, float]:
    """Least and largest spend of a channel by money and shares."""
    low, high = money_range(own, total)
    return max(low, constraints.min_spend_pct * total), min(high, constraints.max_spend_pct * total)


def money_range(own: SpendLimitsConfig, total: float) -> tuple[float, float]:
    """Least and largest spend by money and shares alone."""
    low = max(own.min_spend or 0.0, (own.min_share or 0.0) * total)
    high = math.inf if own.max_spend is None else own.max_spend
    return low, high if own.max_share is None else min(high, own.max_share * total)


def _whole_range(own: SpendLimitsConfig, base: float, total: float) -> tuple[float, float]:
    """Least and largest spend of a group or geo, changes included; `base` is its scaled current spend."""
    low, high = money_range(own, total)
    low = low if own.min_change is None else max(low, base * (1 + own.min_change))
    return low, high if own.max_change is None else min(high, base * (1 + own.max_change))


def _sum_limits(
    cells: Cells, proportional: FloatArray, total: float, constraints: PlatformConstraintsConfig
) -> Iterator[SumLimit]:
    for name, group in constraints.groups.items():
        members = cells.of_channels(group.channels)
        yield SumLimit(f"group {name}", members, *_whole_range(group, float(proportional[members].sum()), total))
    if not cells.by_geo:
        return
    for channel in cells.channels:
        own = constraints.channels.get(channel, SpendLimitsConfig())
        yield SumLimit(f"channel {channel}", cells.of_channels([channel]), *channel_range(own, total, constraints))
    for geo in cells.geos:
        members = cells.of_geo(geo)
        base = float(proportional[members].sum())
        low, high = _whole_range(constraints.geos.get(geo, SpendLimitsConfig()), base, total)
        yield SumLimit(f"geo {geo}", members, max(low, constraints.min_geo_share * base), high)


def _in_steps(scenario: str, problem: BudgetProblem, step: float) -> BudgetProblem:
    """Bounds moved inwards to whole steps, the total down to what whole steps can reach.

    Raises:
        BudgetError: a cell has no whole step between its bounds, or the limits leave no plan.
    """
    free = problem.upper > problem.lower
    lower = np.where(free, np.ceil(problem.lower / step - ROUND_OFF) * step, problem.lower)
    upper = np.where(free, np.floor(problem.upper / step + ROUND_OFF) * step, problem.upper)
    if (lower > upper).any():
        cell = int(np.flatnonzero(lower > upper)[0])
        raise BudgetError(
            f"Scenario {scenario}: {problem.cells.names[cell]} may get {problem.lower[cell]:,.2f} to "
            f"{problem.upper[cell]:,.2f}, and no whole multiple of {_KEYS}.step ({step:g}) lies between; "
            "take a smaller step or wider limits."
        )
    held, first = float(problem.lower[~free].sum()), problem.limits[0]
    low, high = (held + math.floor((end - held) / step + ROUND_OFF) * step for end in (first.low, first.high))
    total = SumLimit(first.name, first.cells, low, high)
    return BudgetProblem(
        problem.cells, problem.total, lower, upper, (total, *problem.limits[1:]), problem.proportional, step
    )
