"""What the recommended plan gains, and whether that is sure."""

from dataclasses import dataclass
from typing import Literal

from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.reporting.deck.phrases import gain, some, spent
from mmm_core.reporting.deck.said import Said, fact, interval, say
from mmm_core.reporting.formats import percent, signed
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.budget import ScenarioPlan, main_plan, scenario_plans

Outlook = Literal["better", "unclear", "same", "unknown"]
_SMALL = 0.005
"""Relative lift below which two plans count as the same."""


@dataclass(frozen=True)
class Recommendation:
    """The scenario that keeps the budget (or comes closest), with what is known about it."""

    plan: ScenarioPlan
    summary: ScenarioSummary | None
    outlook: Outlook

    @property
    def source(self) -> str:
        """Where its numbers stand."""
        return (
            f"{'budget_plan.csv' if self.summary is None else 'scenario_summary.csv'}, scenario {self.plan.name}"
        )


def recommendation(inputs: ReportInputs) -> Recommendation | None:
    """The plan to recommend; None without scenarios."""
    plan = main_plan(scenario_plans(inputs))
    if plan is None:
        return None
    summary = next((one for one in inputs.scenarios if one.name == plan.name), None)
    return Recommendation(plan, summary, _outlook(plan, summary))


def _outlook(plan: ScenarioPlan, summary: ScenarioSummary | None) -> Outlook:
    lift = plan.lift
    moved = (plan.table["optimal_spend"] - plan.table["current_spend"]).abs().sum()
    if lift is not None and abs(lift) < _SMALL and moved <= _SMALL * plan.total("current_spend"):
        return "same"
    if summary is None:
        return "unknown"
    return "better" if summary.lift_q05 > 0 else "unclear"


def gain_of(found: Recommendation, inputs: ReportInputs) -> Said:
    """`+USD 25M (90% interval +14M to +36M)`, or without interval where none is known."""
    show = gain(inputs)
    if found.summary is None:
        value = found.plan.total("optimal_outcome") - found.plan.total("current_outcome")
        source = f"{found.source}: sum of optimal_outcome - sum of current_outcome"
        return say("{} (interval not known)", fact(show(value), value, source))
    return lift_of(found.summary, inputs)


def lift_of(summary: ScenarioSummary, inputs: ReportInputs) -> Said:
    """The same of any scenario."""
    show, source = gain(inputs), f"scenario_summary.csv, scenario {summary.name}"
    return say(
        "{} ({})",
        fact(show(summary.lift_mean), summary.lift_mean, f"{source}: lift_mean"),
        interval(summary.lift_q05, summary.lift_q95, signed, source, ("lift_q05", "lift_q95")),
    )


def chance_of(summary: ScenarioSummary) -> Said:
    """Probability of bringing more than the current plan."""
    value = summary.probability_better
    return fact(probability(value), value, f"scenario_summary.csv, scenario {summary.name}: probability_better")


def probability(value: float | None) -> str:
    """Never `100%` unless every draw says so, and never certain in words: `over 99%`."""
    if value is not None and value > 0.995:
        return "over 99%"
    if value is not None and value < 0.005:
        return "under 1%"
    return percent(value)


def budget_words(found: Recommendation, inputs: ReportInputs) -> Said:
    """`the same budget (USD 337M)`, or what the budget is."""
    value = found.plan.total("optimal_spend")
    source = f"budget_plan.csv, scenario {found.plan.name}: sum of optimal_spend"
    budget = fact(spent(inputs)(value), value, source)
    change = found.plan.budget_change
    if abs(change) < 1e-4:
        return say("the same budget ({})", budget)
    return say(
        "a budget of {} ({})",
        budget,
        fact(percent(change, signed=True), change, f"{source} / sum of current_spend - 1"),
    )


def current_words(inputs: ReportInputs) -> str:
    """What the recommendation is compared with."""
    if any(key.startswith("optimization.future.") for key in inputs.config):
        return "what is planned for the coming weeks"
    return "what was spent in the weeks of the data"


def moves(found: Recommendation) -> tuple[list[str], list[str]]:
    """Channels that get at least 1 % of the budget more, and less, the largest moves first."""
    change = (found.plan.table["optimal_spend"] - found.plan.table["current_spend"]).astype(float)
    floor = 0.01 * found.plan.total("current_spend")
    table = found.plan.table.assign(change=change).sort_values("change", ascending=False, kind="stable")
    more = [str(name) for name in table.loc[table["change"] > floor, "channel"]]
    less = [str(name) for name in table.loc[table["change"] < -floor, "channel"]][::-1]
    return more, less


def moves_words(found: Recommendation) -> str:
    """`more for a and b, less for c`."""
    more, less = moves(found)
    parts = [f"more for {some(more)}"] if more else []
    parts += [f"less for {some(less)}"] if less else []
    return ", ".join(parts) or "no channel moves by more than a hundredth of the budget"
