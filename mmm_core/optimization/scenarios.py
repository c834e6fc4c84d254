"""One budget scenario: solved, then judged with every posterior draw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.objectives import ResponseCurve
from mmm_core.optimization.problem import BudgetProblem
from mmm_core.optimization.solver import allocate

_ROUND_OFF = 1e-9
"""Relative difference below which two outcomes count as equal."""


@dataclass(frozen=True)
class ScenarioSummary:
    """A scenario over all geos and channels.

    Outcomes are what paid media adds over the fit window: revenue where known, otherwise KPI units.
    """

    name: str
    total_current: float
    """Money spent in the fit window."""
    total_optimal: float
    """Money in the scenario."""
    outcome_current: float
    """Posterior mean under the current plan."""
    outcome_optimal: float
    """Posterior mean under the recommended plan."""
    outcome_same_mix: float
    """Posterior mean if every channel were scaled alike to the scenario's total."""
    lift_mean: float
    """Posterior mean of recommended minus current outcome."""
    lift_q05: float
    lift_q95: float
    """Central 90 % interval of the lift."""
    probability_better: float
    """Posterior probability that the recommended plan brings more than the current one."""
    probability_better_than_same_mix: float
    """Posterior probability that it brings more than the current mix at the scenario's total."""
    roi_current: float
    """outcome_current / total_current"""
    roi_optimal: float
    """outcome_optimal / total_optimal"""


@dataclass(frozen=True)
class Scenario:
    """A solved scenario."""

    summary: ScenarioSummary
    optimal_spend: FloatArray
    """(G, M) money of the paid channels."""
    current_outcome: FloatArray
    """(G, M) posterior mean."""
    optimal_outcome: FloatArray
    """(G, M) posterior mean."""


def solve_scenario(
    name: str,
    posterior: Posterior,
    problem: BudgetProblem,
    curves: Sequence[ResponseCurve],
    units: Units | None = None,
) -> Scenario:
    """Find the best plan and evaluate it.

    The plan is found on the curves; its outcomes are computed from all draws without interpolation.  If
    they turn out below those of the feasible proportional plan, that plan is recommended.

    Args:
        name: of the scenario.
        posterior: the fit.
        problem: total and bounds of the paid channels.
        curves: one per paid channel.
        units: `model.forward.effect_units(posterior)`, where it is there already.
    """
    spend = posterior.data.spend.sum(axis=1)[:, : len(problem.lower)]
    current = spend.sum(axis=0)
    optimal = _factors(allocate(curves, problem), current)
    same_mix = _factors(problem.proportional, current)
    totals, means = _outcomes(posterior, np.stack([np.ones_like(current), same_mix, optimal]), units)
    now, scaled, then = totals
    recommended = 2
    if problem.proportional_is_feasible and then.mean() < scaled.mean():
        optimal, then, recommended = same_mix, scaled, 1
    summary = _summary(name, float(current.sum()), problem.total, now, scaled, then)
    return Scenario(summary, spend * optimal, means[0], means[recommended])


def _summary(
    name: str, spent: float, total: float, now: FloatArray, scaled: FloatArray, then: FloatArray
) -> ScenarioSummary:
    """Summarise (S,) outcomes under the current, the proportional and the recommended plan."""
    lift = then - now
    low, high = np.quantile(lift, (0.05, 0.95))
    return ScenarioSummary(
        name=name,
        total_current=spent,
        total_optimal=total,
        outcome_current=float(now.mean()),
        outcome_optimal=float(then.mean()),
        outcome_same_mix=float(scaled.mean()),
        lift_mean=float(lift.mean()),
        lift_q05=float(low),
        lift_q95=float(high),
        probability_better=_probability_above(then, now),
        probability_better_than_same_mix=_probability_above(then, scaled),
        roi_current=float(now.mean() / spent),
        roi_optimal=float(then.mean() / total),
    )


def _probability_above(one: FloatArray, other: FloatArray) -> float:
    """Share of draws in which one outcome is larger by more than round-off."""
    return float(np.mean(one - other > _ROUND_OFF * np.abs(other)))


def _factors(spend: FloatArray, current: FloatArray) -> FloatArray:
    """(M,) what media is multiplied with; a channel without current spend keeps its media."""
    return np.where(current > 0, spend / np.where(current > 0, current, 1.0), 1.0)


def _outcomes(posterior: Posterior, factors: FloatArray, units: Units | None) -> tuple[FloatArray, FloatArray]:
    """(J, S) outcome draws and (J, G, M) mean outcomes of J plans, given as (J, M) factors."""
    n_plans, n_channels = factors.shape
    totals = np.zeros((n_plans, posterior.n_draws))
    means = np.empty((n_plans, len(posterior.data.geos), n_channels))
    for m in range(n_channels):
        draws = scaled_channel_outcome(posterior, m, factors[:, m], units=units)
        totals += draws.sum(axis=2)
        means[:, :, m] = draws.mean(axis=1)
    return totals, means
