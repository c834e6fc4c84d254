"""What is maximised, and the best plan for it."""

from collections.abc import Callable, Sequence
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
_HALVINGS, _FEW_HALVINGS, _MANY_CELLS = 24, 10, 100
"""Halvings between two budgets, and with more cells than that."""


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

    def at(total: float) -> Allocation | None:
        return allocate(curves, problem.spending(total=(low, total)), goal.tolerance, [problem.proportional])

    most = _best(scenario, curves, problem, goal)
    budgets = np.linspace(high, low, _BUDGETS).tolist()
    found = [(total, plan) for total in budgets if (plan := most if total == high else at(total)) is not None]
    reached = next((index for index, (_, plan) in enumerate(found) if surplus(plan) >= 0), None)
    if reached is None:
        largest = max(plan.value / float(plan.spend.sum()) for _, plan in found)
        raise BudgetError(
            f"Scenario {scenario}: no budget between {low:,.2f} and {high:,.2f} that keeps the limits brings a "
            f"return of {target:g} (target); the largest found is {largest:,.4g}. Lower the target, or widen "
            "optimization.budget_range and optimization.platform_constraints."
        )
    best = _largest_with_surplus(at, surplus, found[max(reached - 1, 0)][0], found[reached], len(curves))
    bounds = [most.bound]
    price = float(best.multipliers[0])
    if 0 < price < target and reached:
        relaxed = _best(scenario, curves, problem, replace(goal, tolerance=goal.tolerance / 4), cost=price)
        bounds.append(relaxed.bound / (1 - price / target))
    return Recommendation(best.spend, best.value, max(best.value, min(bounds)), best.multipliers)


def _largest_with_surplus(
    at: Callable[[float], Allocation | None],
    surplus: Callable[[Allocation], float],
    above: float,
    below: tuple[float, Allocation],
    n_cells: int,
) -> Allocation:
    """By halving: the plan of the largest budget from one with a surplus up to one without."""
    least, best = below
    for _ in range((_HALVINGS if n_cells <= _MANY_CELLS else _FEW_HALVINGS) if above > least else 0):
        middle = (least + above) / 2
        found = at(middle)
        if found is not None and surplus(found) >= 0:
            least, best = middle, found
        else:
            above = middle
    return best
