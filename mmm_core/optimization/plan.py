"""Recommended budgets for every configured scenario."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.objectives import Recommendation, recommend
from mmm_core.optimization.problem import BudgetProblem, budget_problem
from mmm_core.optimization.response import CellResponse, cell_responses, in_kpi, plan_outcomes
from mmm_core.optimization.scenarios import (
    ScenarioRequest,
    ScenarioSummary,
    frontier_requests,
    scenario_requests,
    summarise,
)
from mmm_core.optimization.tables import (
    SHADOW_COLUMNS,
    comparison_table,
    frontier_table,
    plan_table,
    shadow_prices,
)


@dataclass(frozen=True)
class BudgetPlan:
    """Recommendations."""

    objective: str
    """What was maximised unless a scenario says otherwise; `roas`: the outcome of a fixed total budget."""
    table: pd.DataFrame
    """scenario, geo, channel, current_spend, optimal_spend (money over the fit window), current_outcome,
    optimal_outcome (posterior means: revenue where known, otherwise KPI units)."""
    scenarios: tuple[ScenarioSummary, ...]
    shadow_prices: pd.DataFrame = field(default_factory=pd.DataFrame)
    """scenario, limit, low, high, spend, binding (`low`, `high` or empty), shadow_price: what one more unit of
    money of this limit would bring."""
    comparison: pd.DataFrame = field(default_factory=pd.DataFrame)
    """scenario, other, difference_mean, difference_q05, difference_q95, probability_better: all ordered pairs."""
    frontier: pd.DataFrame = field(default_factory=pd.DataFrame)
    """change, budget, outcome_mean, outcome_q05, outcome_q95, roi, shadow_price: best outcome by budget."""

    @property
    def further_tables(self) -> dict[str, pd.DataFrame]:
        """What stands beside the plan, by name."""
        return {
            "shadow_prices": self.shadow_prices,
            "scenario_comparison": self.comparison,
            "frontier": self.frontier,
        }


@dataclass(frozen=True)
class _Solved:
    request: ScenarioRequest
    problem: BudgetProblem
    found: Recommendation
    responses: Sequence[CellResponse]


def plan_budgets(posterior: Posterior, config: OptimizationConfig, only: str | None = None) -> BudgetPlan:
    """Split the budget of each scenario over paid channels (and geos) so that its objective is largest.

    A cell's spend is scaled by one factor in all weeks of the fit window (and, unless `allocation` is
    `geo_channel`, in all geos), so its flighting stays as it was; organic channels stay as they were altogether
    and are not in the table.  The accuracy is that of `ScenarioSummary.objective_gap`.

    Args:
        posterior: the fit.
        config: the section `optimization`.
        only: name of the one scenario to solve, without the frontier; None: all.

    Raises:
        BudgetError: nothing was spent, a name is unknown, a target cannot be reached, or the constraints
            contradict each other.
    """
    requests = scenario_requests(config, only)
    frontier = [] if only is not None else list(frontier_requests(config))
    problems = [_problem(posterior, request) for request in (*requests, *frontier)]
    if not problems:
        return BudgetPlan(config.objective, plan_table(Cells.of(posterior.data, False), {}), ())
    units = effect_units(posterior)
    solved = _solve_all(posterior, [*requests, *frontier], problems, units)
    cells, spent = problems[0].cells, float(problems[0].cells.spend.sum())
    plans = [cells.factors(cells.spend)]
    for one in solved:
        total = float(one.found.spend.sum())
        plans += [plans[0] * (total / spent), one.problem.cells.factors(one.found.spend)]
        plans[-2] = np.where(cells.current.sum(axis=0) > 0, plans[-2], 1.0)
    totals, means = plan_outcomes(posterior, np.stack(plans), units)
    rows: dict[str, tuple[FloatArray, FloatArray, FloatArray]] = {}
    summaries, draws = [], {}
    for index, one in enumerate(solved):
        chosen = _chosen(one, totals, 2 * index + 1)
        summary = _summary(one, totals, chosen, 2 * index + 1)
        if index < len(requests):
            rows[one.request.name] = (cells.current * plans[chosen], means[0], means[chosen])
            draws[one.request.name] = totals[chosen]
        summaries.append(summary)
    asked = solved[: len(requests)]
    outcomes = totals[2 * len(requests) + 2 :: 2]
    return BudgetPlan(
        config.objective,
        plan_table(cells, rows),
        tuple(summaries[: len(requests)]),
        pd.concat([shadow_prices(one.request.name, one.problem, one.found, one.responses) for one in asked])
        if asked
        else pd.DataFrame(columns=list(SHADOW_COLUMNS)),
        comparison_table(draws),
        frontier_table([(one.request.change, one.found) for one in solved[len(requests) :]], outcomes),
    )


def _problem(posterior: Posterior, request: ScenarioRequest) -> BudgetProblem:
    cells = Cells.of(posterior.data, request.allocation == "geo_channel")
    total = request.total(float(cells.spend.sum()))
    return budget_problem(request.name, cells, total, request.constraints, request.budget_range)


def _solve_all(
    posterior: Posterior, requests: Sequence[ScenarioRequest], problems: Sequence[BudgetProblem], units: Units
) -> list[_Solved]:
    """Responses are computed once for all scenarios with the same cells and unit of outcome."""
    kinds = [
        (problem.cells.by_geo, request.goal.objective == "kpi")
        for request, problem in zip(requests, problems, strict=True)
    ]
    responses = {}
    for kind in dict.fromkeys(kinds):
        same = [problem for problem, other in zip(problems, kinds, strict=True) if other == kind]
        cells = same[0].cells
        lower = np.min([cells.spend, *(problem.lower for problem in same)], axis=0)
        upper = np.max([cells.spend, *(problem.upper for problem in same)], axis=0)
        fit = in_kpi(posterior) if kind[1] else posterior
        responses[kind] = cell_responses(fit, cells, lower, upper, units)
    return [
        _Solved(request, problem, recommend(request.name, responses[kind], problem, request.goal), responses[kind])
        for request, problem, kind in zip(requests, problems, kinds, strict=True)
    ]


def _chosen(one: _Solved, totals: FloatArray, scaled: int) -> int:
    """Index of the recommended plan.

    Plans are found on curves of thinned draws; if all draws say that the scaled current plan brings more, and
    it is allowed, that is recommended.
    """
    by_mean = one.request.goal.objective == "roas" and one.problem.proportional_is_feasible
    return scaled if by_mean and totals[scaled + 1].mean() < totals[scaled].mean() else scaled + 1


def _summary(one: _Solved, totals: FloatArray, chosen: int, scaled: int) -> ScenarioSummary:
    cells, found = one.problem.cells, one.found
    total = one.problem.total if chosen == scaled else float(found.spend.sum())
    summary = summarise(
        one.request.name, (float(cells.spend.sum()), total), (totals[0], totals[scaled], totals[chosen])
    )
    gap = None
    if found.bound is not None and chosen != scaled:  # the proof is of the plan that was found
        gap = max(0.0, found.bound - found.value) / max(abs(found.bound), 1e-300)
    return replace(summary, objective=one.request.goal.objective, objective_value=found.value, objective_gap=gap)
