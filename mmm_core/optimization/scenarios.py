"""What a budget scenario is, and what its plan is worth over every posterior draw."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.config.optimization import (
    Allocation,
    Objective,
    OptimizationConfig,
    PlatformConstraintsConfig,
    Preset,
    ScenarioConfig,
)
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.objectives import FLEXIBLE_OBJECTIVES, Goal

_ROUND_OFF = 1e-9
"""Relative difference below which two outcomes count as equal."""
_CONSERVATIVE = 0.2
"""Largest relative change of a channel in the preset `conservative`."""
_PRESET_WORDS: dict[float | Preset, str] = {
    "conservative": f"The preset conservative lets no channel change by more than {_CONSERVATIVE:g} "
    "(max_change) and maximises cvar.",
    "aggressive": "The preset aggressive lets channels double or vanish (max_change is 1); other limits stay.",
}


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
    objective: str = "roas"
    """What was maximised (`optimization.objective`)."""
    objective_value: float | None = None
    """Of the plan, on the interpolated curves."""
    objective_gap: float | None = None
    """Proven largest relative distance of that value to the best allowed plan's; None: not proven."""
    objective_unit: str = ""
    """Of `objective_value`: `revenue`, `kpi` (KPI units), `profit` (money) or `probability`."""


@dataclass(frozen=True)
class ScenarioRequest:
    """A scenario with everything that it takes from the section `optimization`."""

    name: str
    change: float
    budget: float | None
    """Money in place of `change`."""
    goal: Goal
    allocation: Allocation
    constraints: PlatformConstraintsConfig
    budget_range: tuple[float, float] | None
    """Relative changes of the total that are allowed; None: it is fixed."""
    preset: str = ""
    """In words, what a preset has changed; empty: nothing."""

    def total(self, spent: float) -> float:
        """The scenario's budget, given what is spent now."""
        return spent * (1 + self.change) if self.budget is None else self.budget


def scenario_requests(config: OptimizationConfig, only: str | None = None) -> list[ScenarioRequest]:
    """Presets and scenarios of their own, in the order of the configuration.

    Args:
        config: the section `optimization`.
        only: name of the one scenario that is wanted; None: all.

    Raises:
        BudgetError: a scenario is named twice, is unknown, or lacks the target that its objective needs.
    """
    presets = config.scenario_presets
    named = {name: _preset(preset, config.platform_constraints) for name, preset in presets.items()}
    if twice := sorted(set(named) & set(config.scenarios)):
        raise BudgetError(
            f"Scenario {twice[0]} is in optimization.scenario_presets and in optimization.scenarios; rename one."
        )
    named |= config.scenarios
    if only is not None and only not in named:
        raise BudgetError(
            f"No scenario is named {only}; known: {', '.join(named) or 'none'} "
            "(optimization.scenario_presets and optimization.scenarios)."
        )
    return [
        replace(_request(name, given, config), preset=_PRESET_WORDS.get(presets.get(name, 0.0), ""))
        for name, given in named.items()
        if only in (None, name)
    ]


def _preset(preset: float | Preset, limits: PlatformConstraintsConfig) -> ScenarioConfig:
    """A preset as a scenario of its own: a change of the budget, or the same budget with other limits."""
    if isinstance(preset, float):
        return ScenarioConfig(change=preset)
    if preset == "aggressive":
        return ScenarioConfig(constraints=limits.model_copy(update={"max_change": 1.0}))
    channels = {
        name: own.model_copy(
            update={
                "min_change": None if own.min_change is None else max(own.min_change, -_CONSERVATIVE),
                "max_change": None if own.max_change is None else min(own.max_change, _CONSERVATIVE),
            }
        )
        for name, own in limits.channels.items()
    }
    careful = {"max_change": min(_CONSERVATIVE, limits.max_change), "channels": channels}
    return ScenarioConfig(objective="cvar", constraints=limits.model_copy(update=careful))


def frontier_requests(config: OptimizationConfig) -> Iterator[ScenarioRequest]:
    """One request per budget of the efficient frontier: the largest outcome of each."""
    for change in config.frontier:
        given = ScenarioConfig(change=change, objective="kpi" if config.objective == "kpi" else "roas")
        yield _request(f"frontier {change:+.0%}", given, config)


def _request(name: str, given: ScenarioConfig, config: OptimizationConfig) -> ScenarioRequest:
    objective = given.objective or config.objective
    target = config.target if given.target is None else given.target
    if objective in ("target_roas", "target_mroi") and target is None:
        raise BudgetError(
            f"Scenario {name}: the objective {objective} needs a target (outcome per unit of money); set "
            f"optimization.target or optimization.scenarios.{name}.target."
        )
    return ScenarioRequest(
        name,
        given.change,
        given.budget,
        Goal(objective, config.margin, target, config.risk, config.tolerance),
        given.allocation or config.allocation,
        config.platform_constraints if given.constraints is None else given.constraints,
        config.budget_range if objective in FLEXIBLE_OBJECTIVES else None,
    )


def objective_unit(objective: Objective, has_revenue: bool) -> str:
    """Unit of an objective's value and, per unit of money, of its shadow prices."""
    named: dict[Objective, str] = {"kpi": "kpi", "profit": "profit", "probability_better": "probability"}
    return named.get(objective, "revenue" if has_revenue else "kpi")


def probability_above(one: FloatArray, other: FloatArray) -> float:
    """Share of draws in which one outcome is larger by more than round-off."""
    return float(np.mean(one - other > _ROUND_OFF * np.abs(other)))


def summarise(
    name: str, totals: tuple[float, float], outcomes: tuple[FloatArray, FloatArray, FloatArray]
) -> ScenarioSummary:
    """Summary of one plan, without its objective.

    Args:
        name: of the scenario.
        totals: money now and in the plan.
        outcomes: (S,) outcomes of the current plan, of its mix at the plan's total, and of the plan.
    """
    spent, total = totals
    now, scaled, then = outcomes
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
        probability_better=probability_above(then, now),
        probability_better_than_same_mix=probability_above(then, scaled),
        roi_current=float(now.mean() / spent),
        roi_optimal=float(then.mean() / total),
    )
