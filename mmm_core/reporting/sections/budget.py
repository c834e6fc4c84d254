"""The recommended budget of each scenario."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.bars import Pair, pair_chart
from mmm_core.reporting.formats import MISSING, compact, counted, percent, signed
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import BASE, channel_colors
from mmm_core.reporting.sections.panels import LegendItem
from mmm_core.reporting.sections.scenarios import scenario_title
from mmm_core.reporting.tables import (
    Cell,
    Heading,
    Table,
    change_cells,
    number_cells,
    quantity,
    text_cells,
    transposed,
)

_AMOUNTS = ("current_spend", "optimal_spend", "current_outcome", "optimal_outcome")


@dataclass(frozen=True)
class ScenarioPlan:
    """One scenario, summed over geos."""

    name: str
    table: pd.DataFrame
    """channel, current_spend, optimal_spend, current_outcome, optimal_outcome, extrapolated (number of geos
    whose spend lies beyond anything in their history)."""

    def total(self, column: str) -> float:
        """Sum of a column over channels."""
        return float(self.table[column].sum())

    @property
    def budget_change(self) -> float:
        """Relative change of the total budget."""
        return relative(self.total("current_spend"), self.total("optimal_spend")) or 0.0

    @property
    def lift(self) -> float | None:
        """Relative change of the incremental outcome, None from zero."""
        return relative(self.total("current_outcome"), self.total("optimal_outcome"))


@dataclass(frozen=True)
class ScenarioView:
    """What the section shows of one scenario."""

    name: str
    title: str
    sentence: Markup
    chart: Markup
    table: Table
    extrapolated: bool
    """Whether some recommended spend lies beyond the data."""


@dataclass(frozen=True)
class BudgetView:
    """All scenarios."""

    scenarios: tuple[ScenarioView, ...]
    legend: tuple[LegendItem, ...]


def relative(before: float, after: float) -> float | None:
    """(after - before) / |before|, None if before is zero."""
    return (after - before) / abs(before) if before else None


def scenario_plans(inputs: ReportInputs) -> list[ScenarioPlan]:
    """The scenarios in the order of the plan, each channel summed over geos."""
    plan = inputs.budget_plan
    flags = plan["extrapolated"].astype(bool) if "extrapolated" in plan else pd.Series(False, index=plan.index)
    columns = [*_AMOUNTS, "extrapolated"]
    grouped = plan.assign(extrapolated=flags.astype(int)).groupby(["scenario", "channel"], sort=False)
    summed = grouped[columns].sum().reset_index()
    return [
        ScenarioPlan(str(name), summed[summed["scenario"] == name].drop(columns="scenario").reset_index(drop=True))
        for name in summed["scenario"].unique()
    ]


def main_plan(plans: list[ScenarioPlan]) -> ScenarioPlan | None:
    """The scenario that keeps the total budget, or comes closest to it."""
    return min(plans, key=lambda plan: abs(plan.budget_change), default=None)


def main_first(inputs: ReportInputs) -> list[ScenarioPlan]:
    """The scenarios, the one that keeps the budget before the others."""
    main = main_plan(plans := scenario_plans(inputs))
    return sorted(plans, key=lambda plan: plan is not main)


def scenario_parts(table: pd.DataFrame, inputs: ReportInputs) -> list[tuple[str, pd.DataFrame]]:
    """(scenario, its rows) of a further table, the main scenario first."""
    main = next((plan.name for plan in main_first(inputs)), "")
    parts = [(str(name), part) for name, part in table.groupby("scenario", sort=False)]
    return sorted(parts, key=lambda part: part[0] != main)


def budget_view(inputs: ReportInputs) -> BudgetView:
    """Chart, table and one sentence per scenario, the main one first."""
    colors = channel_colors(inputs.channels)
    plans = main_first(inputs)
    return BudgetView(
        scenarios=tuple(_scenario_view(plan, inputs, colors) for plan in plans),
        legend=(LegendItem("current spend", BASE), LegendItem("recommended spend (channel’s colour)", "#0072b2")),
    )


def _scenario_view(plan: ScenarioPlan, inputs: ReportInputs, colors: dict[str, str]) -> ScenarioView:
    """Chart, table and sentence of one scenario."""
    frame = plan.table
    pairs = [
        Pair(str(channel), float(before), float(after), colors.get(str(channel), BASE))
        for channel, before, after in zip(
            frame["channel"], frame["current_spend"], frame["optimal_spend"], strict=True
        )
    ]
    title = scenario_title(plan.name)
    return ScenarioView(
        name=title,
        title=title,
        sentence=_sentence(plan, inputs),
        chart=pair_chart(
            pairs, f"Spend over {planned_weeks(inputs)} ({inputs.currency})", f"{title}: current and recommended"
        ),
        table=_table(plan, inputs, colors),
        extrapolated=bool(frame["extrapolated"].any()),
    )


def planned_weeks(inputs: ReportInputs) -> str:
    """Which weeks the budgets are for: coming ones where `optimization.future` is set, else those of the fit."""
    keys = (key for key, (value, _) in inputs.config.items() if value is not None)
    future = any(key == "optimization.future" or key.startswith("optimization.future.") for key in keys)
    return "the planned weeks" if future else "the window"


def _sentence(plan: ScenarioPlan, inputs: ReportInputs) -> Markup:
    """Budget and outcome, before and after."""
    before, after = plan.total("current_spend"), plan.total("optimal_spend")
    outcome, best = plan.total("current_outcome"), plan.total("optimal_outcome")
    lift = plan.lift
    change = quantity(percent(lift, signed=True), lift) if lift is not None else MISSING
    return Markup("Budget {} → {} {}; expected incremental outcome {} → {} {} ({}{}).").format(
        quantity(compact(before), before),
        quantity(compact(after), after),
        inputs.currency,
        quantity(compact(outcome), outcome),
        quantity(compact(best), best),
        inputs.outcome_unit,
        change,
        lift_interval(inputs, plan.name),
    )


def lift_interval(inputs: ReportInputs, scenario: str) -> Markup:
    """`, 90% interval +1M to +2M, better than now with 98% probability`; empty if not known."""
    known = [summary for summary in inputs.scenarios if summary.name == scenario]
    if not known:
        return Markup("")
    found = known[0]
    return Markup(", 90% interval {} to {}, better than now with {} probability").format(
        quantity(signed(found.lift_q05), found.lift_q05),
        quantity(signed(found.lift_q95), found.lift_q95),
        quantity(percent(found.probability_better), found.probability_better),
    )


def _table(plan: ScenarioPlan, inputs: ReportInputs, colors: dict[str, str]) -> Table:
    """Per channel: spend and outcome, current and recommended, and their changes."""
    frame = plan.table
    spend, unit = inputs.currency, inputs.outcome_unit
    names = [Cell(str(name), swatch=colors.get(str(name), BASE)) for name in frame["channel"]]
    amounts = {column: number_cells([*frame[column].astype(float), plan.total(column)]) for column in _AMOUNTS}
    changes = {
        kind: change_cells(
            [
                relative(before.value or 0.0, after.value or 0.0)
                for before, after in zip(amounts[f"current_{kind}"], amounts[f"optimal_{kind}"], strict=True)
            ]
        )
        for kind in ("spend", "outcome")
    }
    columns = [
        [*names, *text_cells(["Total"])],
        amounts["current_spend"],
        amounts["optimal_spend"],
        changes["spend"],
        amounts["current_outcome"],
        amounts["optimal_outcome"],
        changes["outcome"],
    ]
    headings = [
        Heading("Channel", numeric=False),
        Heading(f"Current spend ({spend})"),
        Heading(f"Recommended ({spend})"),
        Heading("Change"),
        Heading(f"Current outcome ({unit})"),
        Heading(f"Expected outcome ({unit})"),
        Heading("Change"),
    ]
    if frame["extrapolated"].any():
        headings.append(Heading("Beyond the data", numeric=False, note="more per week than ever seen there"))
        columns.append([*(_beyond(int(count), len(inputs.geos)) for count in frame["extrapolated"]), Cell("")])
    rows = transposed(*columns)
    return Table(key=f"budget:{plan.name}", headings=tuple(headings), rows=rows[:-1], total=rows[-1])


def _beyond(count: int, n_geos: int) -> Cell:
    """In how many geos the recommended spend is more than ever seen."""
    if not count:
        return Cell("")
    return Cell(f"in {counted(count, 'geo')}" if n_geos > 1 else "yes", count, tone="warn")
