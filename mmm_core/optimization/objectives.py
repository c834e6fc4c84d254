"""What is maximised, and the best plan for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.config.optimization import Objective, RiskConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.curves import ResponseCurve
from mmm_core.optimization.measures import RISK_OBJECTIVES, measure_of
from mmm_core.optimization.problem import BudgetProblem
from mmm_core.optimization.response import CellResponse
from mmm_core.optimization.risk import careful_plan
from mmm_core.optimization.solver import Allocation, allocate

FLEXIBLE_OBJECTIVES = ("profit", "target_roas", "target_mroi")
"""Objectives that choose the total budget."""
_BUDGETS = 9
"""Totals that are tried before the largest one that reaches a return is searched in between."""
_HALVINGS = 24


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
    """(R,) outcome (risk-aware: measure) of one more unit of each limit; negative: of its low end."""
    cost: float = 0.0
    """Units of outcome that one unit of money must bring at least."""


def recommend(
    scenario: str, responses: Sequence[CellResponse], problem: BudgetProblem, goal: Goal
) -> Recommendation:
    """The best plan for a goal.

    Raises:
        BudgetError: a target is missing or cannot be reached, or limits on steps of money leave no plan.
    """
    if goal.objective in RISK_OBJECTIVES:
        return _careful(scenario, responses, problem, goal)
    curves = [response.mean for response in responses]
    if goal.objective == "target_roas":
        return _with_return(scenario, curves, problem, goal)
    cost = {"profit": 1 / goal.margin, "target_mroi": goal.target or 0.0}.get(goal.objective, 0.0)
    found = _best(scenario, curves, problem, goal, cost)
    unit = goal.margin if goal.objective == "profit" else 1.0
    return Recommendation(found.spend, found.value * unit, found.bound * unit, found.multipliers, cost)


def _best(
    scenario: str,
    curves: Sequence[ResponseCurve],
    problem: BudgetProblem,
    goal: Goal,
    cost: float = 0.0,
    total: tuple[float, float] | None = None,
) -> Allocation:
    found = allocate(curves, problem.spending(cost, total), goal.tolerance, [problem.proportional])
    if found is None:
        raise BudgetError(
            f"Scenario {scenario}: no plan in whole steps of {problem.step:g} keeps all limits "
            "(optimization.platform_constraints.step); take a smaller step or wider limits."
            if problem.step
            else f"Scenario {scenario}: no plan keeps all limits of optimization.platform_constraints; widen them."
        )
    return found


def _careful(
    scenario: str, responses: Sequence[CellResponse], problem: BudgetProblem, goal: Goal
) -> Recommendation:
    pairs = zip(responses, problem.cells.spend.tolist(), strict=True)
    current = np.sum([response.at(money) for response, money in pairs], axis=0)
    measure = measure_of(goal.objective, goal.risk, current)
    found = careful_plan(responses, problem.spending(), measure, goal.tolerance, [problem.proportional])
    if found is None:
        raise BudgetError(
            f"Scenario {scenario}: no plan keeps all limits of optimization.platform_constraints (whole steps of "
            "money among them); widen them."
        )
    return Recommendation(found.spend, found.value, found.bound, found.multipliers)


def _with_return(
    scenario: str, curves: Sequence[ResponseCurve], problem: BudgetProblem, goal: Goal
) -> Recommendation:
    """The largest outcome whose return reaches the target.

    The best outcome of a budget does not fall with the budget, so the largest budget whose best plan reaches the
    target is the answer.  The bound is Lagrange's: for any price p below the target t,
    `outcome <= max_x (f(x) - p x) / (1 - p / t)`; it is close at the price of the budget that was found.
    """
    target = goal.target or 0.0
    low, high = problem.limits[0].low, problem.limits[0].high

    def surplus(found: Allocation) -> float:
        return found.value - target * float(found.spend.sum())

    def at(total: float) -> Allocation:
        return _best(scenario, curves, problem, goal, total=(low, total))

    tried = [(total, at(total)) for total in np.linspace(high, low, _BUDGETS).tolist()]
    reached = next((index for index, (_, found) in enumerate(tried) if surplus(found) >= 0), None)
    if reached is None:
        raise BudgetError(
            _unreached(
                scenario, curves, problem, goal, max(found.value / float(found.spend.sum()) for _, found in tried)
            )
        )
    below, best = tried[reached]
    above = tried[max(reached - 1, 0)][0]
    halvings = _HALVINGS if len(curves) <= 100 else 8
    for _ in range(halvings if reached else 0):
        middle = (below + above) / 2
        found = at(middle)
        below, above, best = (middle, above, found) if surplus(found) >= 0 else (below, middle, best)
    bounds = [tried[0][1].bound]
    price = float(best.multipliers[0])
    if 0 < price < target and reached:
        relaxed = _best(scenario, curves, problem, replace(goal, tolerance=goal.tolerance / 4), cost=price)
        bounds.append(relaxed.bound / (1 - price / target))
    return Recommendation(best.spend, best.value, max(best.value, min(bounds)), best.multipliers)


def _unreached(
    scenario: str, curves: Sequence[ResponseCurve], problem: BudgetProblem, goal: Goal, most: float
) -> str:
    low, high = problem.limits[0].low, problem.limits[0].high
    return (
        f"Scenario {scenario}: no budget between {low:,.2f} and {high:,.2f} that keeps the limits brings a return "
        f"of {goal.target:g} (target); the largest found is {most:,.4g}. Lower the target, or widen "
        "optimization.budget_range and optimization.platform_constraints."
    )
