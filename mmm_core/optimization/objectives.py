"""What is maximised, and the best plan for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.config.optimization import Objective, RiskConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.curves import ResponseCurve
from mmm_core.optimization.limits import least_money
from mmm_core.optimization.measures import RISK_OBJECTIVES, measure_of
from mmm_core.optimization.overlap import OverlapPair, loss_slopes, overlap_loss
from mmm_core.optimization.overlap_search import allocate_overlapping
from mmm_core.optimization.problem import BudgetProblem
from mmm_core.optimization.response import CellResponse
from mmm_core.optimization.risk import DrawnOutcomes, careful_plan
from mmm_core.optimization.solver import Allocation, Effort, SpendingProblem, allocate

FLEXIBLE_OBJECTIVES = ("profit", "target_roas", "target_mroi")
"""Objectives that choose the total budget."""
_BUDGETS = 9
"""Totals that are tried before the largest one that reaches a return is searched in between."""
_HALVINGS, _NARROW = 24, 0.01
"""Most halvings between two budgets, and the part of the tolerance at which they are near enough."""
_AT_END = 1e-6
"""Part of the budget within which a plan counts as the smallest one."""
_SHARE = 0.05
"""Part of the usual search that each of these budgets gets."""


@dataclass(frozen=True)
class Goal:
    """An objective with its parameters."""

    objective: Objective
    margin: float = 1.0
    """Profit before media cost per unit of outcome."""
    target: float | None = None
    """Outcome per unit of money that must be reached."""
    risk: RiskConfig = RiskConfig()
    tolerance: float = 1e-4
    """Relative gap between bound and value."""


@dataclass(frozen=True)
class Recommendation:
    """The best plan for a goal."""

    spend: FloatArray
    """(N,) money per cell."""
    value: float
    """Of the objective, on the interpolated curves: outcome, profit, or the measure of risk."""
    bound: float | None
    """No plan that keeps the limits has a larger value; None: not proven."""
    multipliers: FloatArray
    """(R,) what one more unit of each limit brings, in units of the objective; negative: of its low end."""
    slopes: FloatArray
    """(N,) what one more unit of money in each cell brings at the plan, in units of the objective."""
    cost: float = 0.0
    """What one unit of money must bring at least, in units of the objective."""


@dataclass(frozen=True)
class Sum:
    """Outcome of all cells together: the sum of their curves, less what overlapping audiences lose."""

    curves: Sequence[ResponseCurve]
    pairs: Sequence[OverlapPair]
    current: FloatArray
    """(N,) outcomes of the cells under the current plan."""

    @classmethod
    def of(cls, responses: Sequence[CellResponse], cells: Cells, pairs: Sequence[OverlapPair]) -> "Sum":
        """Posterior means."""
        curves = [response.mean for response in responses]
        return cls(curves, pairs, _outcomes(curves, cells.spend) if pairs else np.zeros(len(curves)))

    def value(self, spend: FloatArray) -> float:
        """Outcome of a plan."""
        outcomes = _outcomes(self.curves, spend)
        return float(outcomes.sum() - overlap_loss(outcomes, self.current, self.pairs))

    def slopes(self, spend: FloatArray) -> FloatArray:
        """(N,) outcome of one more unit of money in each cell."""
        plan = zip(self.curves, spend, strict=True)
        slopes = np.array([float(curve.slope(np.array([money]))[0]) for curve, money in plan])
        if not self.pairs:
            return slopes
        return slopes * (1 - loss_slopes(_outcomes(self.curves, spend), self.current, self.pairs))

    def best(
        self,
        problem: SpendingProblem,
        tolerance: float,
        starts: Sequence[FloatArray] = (),
        effort: Effort | None = None,
    ) -> Allocation | None:
        """The best plan, or None if the limits cannot be met."""
        if not self.pairs:
            return allocate(self.curves, problem, tolerance, starts, effort)
        return allocate_overlapping(self.curves, self.current, self.pairs, problem, tolerance, starts, effort)


def _outcomes(curves: Sequence[ResponseCurve], spend: FloatArray) -> FloatArray:
    return np.array([float(curve(np.array([money]))[0]) for curve, money in zip(curves, spend, strict=True)])


def recommend(
    scenario: str,
    responses: Sequence[CellResponse],
    problem: BudgetProblem,
    goal: Goal,
    pairs: Sequence[OverlapPair] = (),
) -> Recommendation:
    """The best plan for a goal.

    Args:
        scenario: its name, for messages.
        responses: of the problem's cells.
        problem: bounds and limits.
        goal: what is maximised.
        pairs: cells whose audiences overlap.

    Raises:
        BudgetError: a target is missing or cannot be reached, or limits on steps of money leave no plan.
    """
    if goal.objective in RISK_OBJECTIVES:
        return _careful(scenario, responses, problem, goal, pairs)
    outcome = Sum.of(responses, problem.cells, pairs)
    if goal.objective == "target_roas":
        return _with_return(scenario, outcome, problem, goal)
    cost = {"profit": 1 / goal.margin, "target_mroi": goal.target or 0.0}.get(goal.objective, 0.0)
    found = _best(scenario, outcome, problem, goal, cost)
    unit = goal.margin if goal.objective == "profit" else 1.0
    slopes = outcome.slopes(found.spend)
    if goal.objective == "target_mroi":
        _refuse_missed(scenario, problem, found, slopes, cost)
    return Recommendation(
        found.spend, found.value * unit, found.bound * unit, found.multipliers * unit, slopes * unit, cost * unit
    )


def rescaled(
    responses: Sequence[CellResponse], problem: BudgetProblem, found: Recommendation, pairs: Sequence[OverlapPair]
) -> Recommendation:
    """The scaled current plan in place of the one that was found, with the same proof (objectives of the mean)."""
    outcome, spend = Sum.of(responses, problem.cells, pairs), problem.proportional
    value = outcome.value(spend)
    bound = None if found.bound is None else max(found.bound, value)
    return replace(found, spend=spend, value=value, bound=bound, slopes=outcome.slopes(spend))


def _best(
    scenario: str,
    outcome: Sum,
    problem: BudgetProblem,
    goal: Goal,
    cost: float = 0.0,
) -> Allocation:
    found = outcome.best(problem.spending(cost), goal.tolerance, [problem.proportional])
    if found is None:
        raise BudgetError(
            f"Scenario {scenario}: no plan in whole steps of {problem.step:g} that keeps all limits was found "
            "(optimization.platform_constraints.step); take a smaller step or wider limits."
            if problem.step
            else f"Scenario {scenario}: no plan keeps all limits of optimization.platform_constraints; widen them."
        )
    return found


def _refuse_missed(
    scenario: str, problem: BudgetProblem, found: Allocation, slopes: FloatArray, target: float
) -> None:
    """Refuse a plan of the smallest budget, to which no money can be added that brings the target.

    Raises:
        BudgetError: says what the next unit of money brings there.
    """
    money = float(found.spend.sum())
    slack = 0.5 * (problem.step or 0.0) + _AT_END * problem.total
    room = problem.upper - found.spend > slack
    if not room.any() or money > least_money(problem.limits, problem.lower, problem.upper) + slack:
        return
    brings = target + float(found.multipliers[0]) if found.multipliers[0] < 0 else float(slopes[room].max())
    if brings >= target * (1 - _AT_END):
        return
    raise BudgetError(
        f"Scenario {scenario}: no money beyond the smallest budget that keeps the limits ({money:,.2f}) brings "
        f"{target:g} per unit (target); the next unit there brings {brings:,.4g}. Lower the target, or widen "
        "optimization.budget_range and optimization.platform_constraints."
    )


def _careful(
    scenario: str,
    responses: Sequence[CellResponse],
    problem: BudgetProblem,
    goal: Goal,
    pairs: Sequence[OverlapPair],
) -> Recommendation:
    draws = DrawnOutcomes(responses, problem.cells.spend, pairs)
    measure = measure_of(goal.objective, goal.risk, draws.outcome(problem.cells.spend))
    found = careful_plan(draws, problem.spending(), measure, goal.tolerance, [problem.proportional])
    if found is None:
        raise BudgetError(
            f"Scenario {scenario}: no plan keeps all limits of optimization.platform_constraints (whole steps of "
            "money among them); widen them."
        )
    slopes = draws.gradient(found.spend, found.weights)
    value = measure.reported(draws.outcome(found.spend))
    return Recommendation(found.spend, value, found.bound, found.multipliers, slopes)


def _with_return(scenario: str, outcome: Sum, problem: BudgetProblem, goal: Goal) -> Recommendation:
    """The largest outcome whose return reaches the target.

    The best outcome of a budget does not fall with the budget, so the largest budget whose best plan reaches the
    target is the answer.  The bound is Lagrange's: for any price p below the target t,
    `outcome <= max_x (f(x) - p x) / (1 - p / t)`; it is close at the price of the budget that was found.
    """
    target = goal.target or 0.0
    low, high = problem.limits[0].low, problem.limits[0].high
    totals = _Totals(outcome, problem, goal, target, low)
    most = _best(scenario, outcome, problem, goal)
    is_most = totals.surplus(most) >= 0
    found = most if is_most else totals.largest_that_reaches(high)
    if found is None:
        raise BudgetError(
            f"Scenario {scenario}: no budget between {low:,.2f} and {high:,.2f} that keeps the limits brings a "
            f"return of {target:g} (target); the largest found is {totals.largest_return:,.4g}. Lower the target, "
            "or widen optimization.budget_range and optimization.platform_constraints."
        )
    price = float(found.multipliers[0])
    bounds = [most.bound]
    if 0 < price < target and not is_most:
        relaxed = _best(scenario, outcome, problem, replace(goal, tolerance=goal.tolerance / 4), cost=price)
        bounds.append(relaxed.bound / (1 - price / target))
    slopes = outcome.slopes(found.spend)
    return Recommendation(found.spend, found.value, max(found.value, min(bounds)), found.multipliers, slopes)


@dataclass
class _Totals:
    """The search for the largest budget whose best plan reaches a return.

    At each budget it is only asked whether a plan brings the target times the budget, so a search ends as soon as
    that is known, or its small share of the work is done (then it counts as not reached).  At the budget that is
    found the best plan is sought in full.
    """

    outcome: Sum
    problem: BudgetProblem
    goal: Goal
    target: float
    low: float
    largest_return: float = 0.0
    """Of all plans seen."""

    def surplus(self, found: Allocation) -> float:
        """Outcome beyond the target times the money."""
        spent = float(found.spend.sum())
        if spent > 0:
            self.largest_return = max(self.largest_return, found.value / spent)
        return found.value - self.target * spent

    def largest_that_reaches(self, high: float) -> Allocation | None:
        """The best plan of that budget; None if no budget below `high` reaches the target."""
        best: Allocation | None = None
        above = high
        for least in np.linspace(high, self.low, _BUDGETS)[1:].tolist():
            if (best := self._reaches(least)) is not None:
                break
            above = least
        if best is None:
            return None
        for _ in range(_HALVINGS):
            if above - least <= max(_NARROW * self.goal.tolerance * above, self.problem.step or 0.0):
                break
            middle = (least + above) / 2
            if (found := self._reaches(middle)) is not None:
                least, best = middle, found
            else:
                above = middle
        problem = self.problem.spending(total=(self.low, least))
        found = self.outcome.best(problem, self.goal.tolerance, [best.spend])
        return found if found is not None and self.surplus(found) >= 0 else best

    def _reaches(self, total: float) -> Allocation | None:
        """A plan of at most this money that reaches the target, if one is found."""
        problem = self.problem.spending(total=(self.low, total))
        starts = [self.problem.proportional * (total / self.problem.total)]
        effort = Effort(_SHARE, self.target * total)
        found = self.outcome.best(problem, self.goal.tolerance, starts, effort)
        return found if found is not None and self.surplus(found) >= 0 else None
