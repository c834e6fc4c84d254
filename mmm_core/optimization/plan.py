"""Recommended budgets for every configured scenario."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.config.outputs import OptimizationConfig
from mmm_core.model.forward import Units, effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.objectives import ResponseCurve, response_curve
from mmm_core.optimization.problem import BudgetProblem, budget_problem
from mmm_core.optimization.scenarios import Scenario, ScenarioSummary, solve_scenario


@dataclass(frozen=True)
class BudgetPlan:
    """Recommendations."""

    objective: str
    """What was maximised; `roas`: the outcome of a fixed total budget."""
    table: pd.DataFrame
    """scenario, geo, channel, current_spend, optimal_spend (money over the fit window), current_outcome,
    optimal_outcome (posterior means: revenue where known, otherwise KPI units)."""
    scenarios: tuple[ScenarioSummary, ...]


def plan_budgets(posterior: Posterior, config: OptimizationConfig) -> BudgetPlan:
    """Split the budget of each scenario over paid channels so that the expected outcome is largest.

    A channel's spend is scaled by one factor in all geos and weeks of the fit window, so its flighting
    and its split over geos stay as they were; organic channels stay as they were altogether and are not in
    the table.  The accuracy is stated in `optimization.solver`.

    Raises:
        BudgetError: nothing was spent, or the constraints contradict each other.
    """
    data = posterior.data
    current = data.spend.sum(axis=(0, 1))[: len(data.paid_channels)]
    problems = {
        name: budget_problem(name, data.paid_channels, current, change, config.platform_constraints)
        for name, change in config.scenario_presets.items()
    }
    if not problems:
        return BudgetPlan(config.objective, _table(posterior, {}), ())
    units = effect_units(posterior)
    curves = _curves(posterior, list(problems.values()), units)
    solved = {name: solve_scenario(name, posterior, problem, curves, units) for name, problem in problems.items()}
    summaries = tuple(scenario.summary for scenario in solved.values())
    return BudgetPlan(config.objective, _table(posterior, solved), summaries)


def _curves(posterior: Posterior, problems: Sequence[BudgetProblem], units: Units) -> list[ResponseCurve]:
    """One per channel, over the bounds of all scenarios."""
    lower = np.min([problem.lower for problem in problems], axis=0)
    upper = np.max([problem.upper for problem in problems], axis=0)
    return [response_curve(posterior, m, float(lower[m]), float(upper[m]), units) for m in range(len(lower))]


def _table(posterior: Posterior, solved: dict[str, Scenario]) -> pd.DataFrame:
    data = posterior.data
    n_scenarios, n_geos, n_channels = len(solved), len(data.geos), len(data.paid_channels)
    current = data.spend.sum(axis=1)[:, :n_channels].ravel()

    def of_all(name: str) -> np.ndarray:
        return np.array([getattr(scenario, name) for scenario in solved.values()], dtype=np.float64).ravel()

    return pd.DataFrame(
        {
            "scenario": np.repeat(np.array(list(solved), dtype=object), n_geos * n_channels),
            "geo": np.tile(np.repeat(np.array(data.geos, dtype=object), n_channels), n_scenarios),
            "channel": np.tile(np.array(data.paid_channels, dtype=object), n_scenarios * n_geos),
            "current_spend": np.tile(current, n_scenarios),
            "optimal_spend": of_all("optimal_spend"),
            "current_outcome": of_all("current_outcome"),
            "optimal_outcome": of_all("optimal_outcome"),
        }
    )
