"""Scenarios side by side, and the frontier."""

import pandas as pd

from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.reporting.deck.phrases import amount, short_names, spent
from mmm_core.reporting.deck.said import Said, fact, say
from mmm_core.reporting.deck.slides import (
    BOTTOM,
    TOP,
    Box,
    Chart,
    Column,
    Grid,
    Plot,
    Points,
    Series,
    Slide,
    halves,
    note,
)
from mmm_core.reporting.deck.verdict import chance_of, current_words, lift_of
from mmm_core.reporting.formats import compact, percent, signed, span
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, TRUTH
from mmm_core.reporting.sections.budget import relative
from mmm_core.reporting.sections.scenarios import scenario_title

MOST = 7
"""Scenarios in a table."""


def scenarios_slide(inputs: ReportInputs) -> Slide | None:
    """Budget, outcome and lift of each scenario beside the frontier; None with fewer than two and no frontier."""
    frontier = inputs.decisions.present().get("frontier")
    shown = _shown(inputs.scenarios)
    if len(shown) < 2 and (frontier is None or not shown):
        return None
    left, right = halves(0.62, bottom=BOTTOM - 0.6)
    beside = _lifts(shown, right, inputs) if frontier is None else _frontier(frontier, shown, right, inputs)
    meaning = (
        f"Outcome: what paid media adds, before its cost. Change and probability: against {current_words(inputs)}."
    )
    left_out = len(inputs.scenarios) - len(shown)
    meaning += f" {left_out} further scenarios are in scenario_summary.csv." if left_out else ""
    return Slide(
        _title(shown, inputs),
        (
            _grid(shown, left, inputs),
            beside,
            note(meaning, 0.45),
        ),
    )


def _shown(scenarios: tuple[ScenarioSummary, ...]) -> list[ScenarioSummary]:
    """In the order of their budgets; of many, evenly spread ones."""
    ordered = sorted(scenarios, key=lambda one: one.total_optimal)
    if len(ordered) <= MOST:
        return ordered
    return [ordered[round(place * (len(ordered) - 1) / (MOST - 1))] for place in range(MOST)]


def _title(shown: list[ScenarioSummary], inputs: ReportInputs) -> Said:
    """What the smallest and the largest budget would change."""
    first = say(
        "A budget of {} changes what media adds by {}", _label(shown[0], inputs), lift_of(shown[0], inputs)
    )
    if len(shown) == 1:
        return first
    return say("{}; {}, by {}", first, _label(shown[-1], inputs), lift_of(shown[-1], inputs))


def _label(summary: ScenarioSummary, inputs: ReportInputs) -> Said:
    """`USD 80M (-20%)`: the budget, and its change where there is one."""
    change = relative(summary.total_current, summary.total_optimal)
    source = f"scenario_summary.csv, scenario {summary.name}"
    budget = fact(spent(inputs)(summary.total_optimal), summary.total_optimal, f"{source}: total_optimal")
    if change is None or abs(change) < 1e-4:
        return say("{} split anew", budget)
    return say(
        "{} ({})",
        *(budget, fact(percent(change, signed=True), change, f"{source}: total_optimal / total_current - 1")),
    )


def _grid(shown: list[ScenarioSummary], box: Box, inputs: ReportInputs) -> Grid:
    source = "scenario_summary.csv, scenario {}: {}"

    def cells(column: str, show: object) -> tuple[Said, ...]:
        write = show if callable(show) else compact
        return tuple(
            fact(write(getattr(one, column)), getattr(one, column), source.format(one.name, column))
            for one in shown
        )

    ends = tuple(
        say(span("{}", "{}"), low, high)
        for low, high in zip(cells("lift_q05", signed), cells("lift_q95", signed), strict=True)
    )
    return Grid(
        box,
        (
            Column("Scenario", tuple(Said(scenario_title(one.name)) for one in shown), numeric=False),
            Column("Budget", cells("total_optimal", compact)),
            Column("Outcome", cells("outcome_optimal", compact)),
            Column("Change", cells("lift_mean", signed)),
            Column("90% interval", ends),
            Column("Chance better", tuple(chance_of(one) for one in shown)),
        ),
        alt=f"{len(shown)} scenarios: budget in {inputs.currency}, expected added {inputs.outcome_unit}, change "
        "against the current plan with 90% interval, probability of being better.",
        source="scenario_summary.csv, total_optimal, outcome_optimal, lift_mean, lift_q05, lift_q95, "
        "probability_better",
    )


def _lifts(shown: list[ScenarioSummary], box: Box, inputs: ReportInputs) -> Chart:
    """Change of the outcome in each scenario with its interval."""
    names = short_names([scenario_title(one.name) for one in shown])
    words = "; ".join(f"{scenario_title(one.name)} {signed(one.lift_mean)}" for one in shown)
    mean, low, high = (tuple(getattr(one, key) for one in shown) for key in ("lift_mean", "lift_q05", "lift_q95"))
    return Chart(
        box=box,
        kind="bars",
        categories=tuple(names.values()),
        series=(Series("change of outcome", mean, ACCENT, low, high),),
        unit=f"change of added {inputs.outcome_unit} (lines: 90% interval)",
        alt=f"Change of added {inputs.outcome_unit} against the current plan: {words}.",
        source="scenario_summary.csv, lift_mean, lift_q05, lift_q95",
    )


def _frontier(table: pd.DataFrame, shown: list[ScenarioSummary], box: Box, inputs: ReportInputs) -> Plot:
    """Best outcome by budget with bounds, and the scenarios on or below it."""
    ordered = table.sort_values("budget", kind="stable")
    x = tuple(ordered["budget"].astype(float))
    first, last = ordered.iloc[0], ordered.iloc[-1]
    show = amount(inputs)
    money = spent(inputs)
    return Plot(
        box=Box(box.left, TOP, box.width, box.height),
        points=(
            Points("best outcome", x, tuple(ordered["outcome_mean"].astype(float)), ACCENT),
            Points("5%", x, tuple(ordered["outcome_q05"].astype(float)), ACCENT, dashed=True),
            Points("95%", x, tuple(ordered["outcome_q95"].astype(float)), ACCENT, dashed=True),
            Points(
                "scenarios",
                tuple(one.total_optimal for one in shown),
                tuple(one.outcome_optimal for one in shown),
                TRUTH,
                marker=True,
            ),
        ),
        x_unit=f"budget ({inputs.currency})",
        y_unit=f"added {inputs.outcome_unit}",
        alt=f"Best outcome by budget: {show(float(first['outcome_mean']))} for {money(float(first['budget']))} to "
        f"{show(float(last['outcome_mean']))} for {money(float(last['budget']))}, with 90% intervals.",
        source="frontier.csv, budget, outcome_mean, outcome_q05, outcome_q95; scenario_summary.csv",
    )
