"""Recommended budgets for every configured scenario."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.basis import Basis, basis_of
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.flight_media import FLIGHTING_COLUMNS, flighting_table
from mmm_core.optimization.measures import RISK_OBJECTIVES, measure_of
from mmm_core.optimization.names import require_channels_of
from mmm_core.optimization.recommended import Judged, Plan, judged
from mmm_core.optimization.response import OutcomeModel
from mmm_core.optimization.scenarios import (
    ScenarioSummary,
    frontier_requests,
    objective_unit,
    scenario_requests,
    summarise,
)
from mmm_core.optimization.solving import problem_of, solve_all
from mmm_core.optimization.tables import (
    SHADOW_COLUMNS,
    comparison_table,
    frontier_table,
    plan_table,
    shadow_prices,
)
from mmm_core.planning.frame import PlanningFrame, fit_window


@dataclass(frozen=True)
class BudgetPlan:
    """Recommendations."""

    objective: str
    """What was maximised unless a scenario says otherwise; `roas`: the outcome of a fixed total budget."""
    table: pd.DataFrame
    """scenario, geo, channel, current_spend, optimal_spend (money over the weeks of the plan), current_outcome,
    optimal_outcome (posterior means: revenue where known, otherwise KPI units), extrapolated (whether the weekly
    spend is beyond anything that the channel had in that geo)."""
    scenarios: tuple[ScenarioSummary, ...]
    shadow_prices: pd.DataFrame = field(default_factory=pd.DataFrame)
    """scenario, limit, low, high, spend, binding (`low`, `high` or empty), shadow_price: what one more unit of
    money of this limit would bring, unit (`revenue`, `kpi`, `profit` or `probability`).  Where money moves between
    weeks: those of the best plan before it does."""
    comparison: pd.DataFrame = field(default_factory=pd.DataFrame)
    """scenario, other, difference_mean, difference_q05, difference_q95, probability_better: all ordered pairs."""
    frontier: pd.DataFrame = field(default_factory=pd.DataFrame)
    """change, budget, outcome_mean, outcome_q05, outcome_q95, roi, shadow_price, shadow_price_unit: best outcome
    by budget."""
    flighting: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(FLIGHTING_COLUMNS)))
    """scenario, geo, channel, date, current_spend, optimal_spend (money of the week): only where
    `optimization.flighting` is set."""
    media: dict[str, FloatArray] = field(default_factory=dict)
    """scenario -> (G, T, M) media units (reach where there is frequency) of the weeks of the plan and the paid
    channels under the recommendation: what is bought, worn creatives not discounted."""


def plan_budgets(
    source: PlanningFrame | Posterior, config: OptimizationConfig, only: str | None = None
) -> BudgetPlan:
    """Split the budget of each scenario over paid channels (and geos) so that its objective is largest.

    A cell's spend is scaled by one factor in all weeks of the plan (and, unless `allocation` is `geo_channel`, in
    all geos), so its flighting stays as it was; a cell without planned spend is funded evenly over the weeks, if
    it has a largest spend of its own.  Organic channels stay as they were altogether and are not in the table.
    The accuracy is that of `ScenarioSummary.objective_gap`.

    Args:
        source: the weeks to plan, with the draws that say what media brings in them; a fit: its window once more.
        config: the section `optimization`.
        only: name of the one scenario to solve, without the frontier; None: all.

    Raises:
        BudgetError: nothing is spent or bought, a name is unknown, a target cannot be reached, or the constraints
            contradict each other.
    """
    frame = _frame(source, config)
    basis = basis_of(frame)
    _refuse_without_media(basis)
    require_channels_of(config, frame.posterior.data.paid_channels)
    requests = scenario_requests(config, only)
    frontier = [] if only is not None else list(frontier_requests(config))
    problems = [problem_of(basis, request) for request in (*requests, *frontier)]
    if not problems:
        return BudgetPlan(config.objective, _table(basis, {}), ())
    model = OutcomeModel(basis, config.creative_fatigue)
    solved = solve_all(model, [*requests, *frontier], problems, config)
    return _in_tables(basis, judged(model, solved, config), config, len(requests))


def _refuse_without_media(basis: Basis) -> None:
    """Refuse money without any media: no curve says what it brings.

    Raises:
        BudgetError: names the money.
    """
    n_paid, paid = basis.current.shape[1], basis.current > 0
    media = basis.frame.posterior.data.media[:, : basis.frame.n_weeks, :n_paid].sum(axis=1)
    if paid.any() and not (media[paid] > 0).any():
        raise BudgetError(
            f"The current plan spends {basis.current.sum():,.2f}, but none of it buys media: in all weeks "
            "of the plan the media units of its paid channels are 0. Fill in what the money buys."
        )


def _frame(source: PlanningFrame | Posterior, config: OptimizationConfig) -> PlanningFrame:
    if isinstance(source, PlanningFrame):
        return source
    if config.future is not None:
        raise BudgetError(
            "optimization.future is set, but a plan for the fit window was asked for; "
            "take planning_frame(posterior, config), or remove optimization.future."
        )
    return fit_window(source)


def _in_tables(basis: Basis, found: Judged, config: OptimizationConfig, n_asked: int) -> BudgetPlan:
    """All plans in tables; behind the first `n_asked` come those of the frontier."""
    has_revenue = basis.frame.posterior.data.has_revenue
    units = [objective_unit(plan.solved.request.goal.objective, has_revenue) for plan in found.plans]
    asked = {plan.solved.request.name: plan for plan in found.plans[:n_asked]}
    prices = [
        shadow_prices(name, plan.solved.problem, plan.solved.found, unit)
        for (name, plan), unit in zip(asked.items(), units, strict=False)
    ]
    return BudgetPlan(
        config.objective,
        _table(basis, {name: (plan.spend, plan.weekly, found.means, plan.means) for name, plan in asked.items()}),
        tuple(_summary(plan, found.outcome, unit) for plan, unit in zip(asked.values(), units, strict=False)),
        pd.concat(prices, ignore_index=True) if prices else pd.DataFrame(columns=list(SHADOW_COLUMNS)),
        comparison_table({name: plan.outcome for name, plan in asked.items()}),
        frontier_table(found.plans[n_asked:], units[-1]),
        _flighting(basis, asked),
        {name: plan.media for name, plan in asked.items()},
    )


def _summary(plan: Plan, current: FloatArray, unit: str) -> ScenarioSummary:
    request, spent = plan.solved.request, float(plan.solved.problem.cells.spend.sum())
    summary = summarise(request.name, (spent, plan.total), (current, plan.scaled, plan.outcome))
    value, bound = _value(plan, current)
    gap = None if bound is None else max(0.0, bound - value) / max(abs(bound), 1e-300)
    return replace(
        summary, objective=request.goal.objective, objective_value=value, objective_gap=gap, objective_unit=unit
    )


def _value(plan: Plan, current: FloatArray) -> tuple[float, float | None]:
    """Of the objective, and its bound; none where the total, or the money of each cell, was chosen before money
    moved between weeks."""
    flight, found, goal = plan.solved.flight, plan.solved.found, plan.solved.request.goal
    if flight is None:
        return found.value, found.bound
    money = float(flight.spend.sum())
    if goal.objective in RISK_OBJECTIVES:
        return measure_of(goal.objective, goal.risk, current).reported(plan.outcome), None
    if goal.objective == "target_mroi":
        return flight.value - (goal.target or 0.0) * money, None
    if goal.objective == "profit":
        bound = None if plan.solved.problem.is_flexible else goal.margin * flight.bound - money
        return goal.margin * flight.value - money, bound
    return flight.value, None if plan.solved.problem.is_flexible else flight.bound


def _flighting(basis: Basis, asked: Mapping[str, Plan]) -> pd.DataFrame:
    tables = [
        flighting_table(name, basis.frame, plan.solved.problem.cells, plan.solved.flight.spend)
        for name, plan in asked.items()
        if plan.solved.flight is not None
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(FLIGHTING_COLUMNS))


def _table(
    basis: Basis, rows: Mapping[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]]
) -> pd.DataFrame:
    return plan_table(Cells.of(basis, False), rows, basis.frame.largest_weekly_spend)
