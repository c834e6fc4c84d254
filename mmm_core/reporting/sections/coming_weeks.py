"""Plans week by week: flighting, and the KPI that is expected."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.reporting.charts.plan_weeks import ForecastLines, forecast_chart, spend_week_chart
from mmm_core.reporting.formats import compact
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, BASE, INK, MUTED, channel_colors
from mmm_core.reporting.sections.budget import scenario_parts
from mmm_core.reporting.sections.dynamics import SmallChart
from mmm_core.reporting.sections.panels import LegendItem, Panels, tooltip_data
from mmm_core.reporting.sections.scenarios import scenario_title
from mmm_core.reporting.tables import Heading, Table, number_cells, text_cells, transposed

ALL = "all"
_MOST_TIPS = 3000
"""Weeks of channels of scenarios up to which each tells its numbers; more would make the file heavy."""
_LABELS = ("Expected", "5%", "95%", "Without media")


@dataclass(frozen=True)
class FlightingChoice:
    """Charts of one scenario."""

    name: str
    title: str
    charts: tuple[SmallChart, ...]


@dataclass(frozen=True)
class ForecastView:
    """The KPI per week under each plan, and sums over the weeks."""

    panels: Panels
    table: Table


def flighting_view(inputs: ReportInputs, geo: str = ALL) -> tuple[FlightingChoice, ...]:
    """Spend per week and channel of every scenario, summed over geos or of one; empty where there is none."""
    table = inputs.decisions.present().get("flighting")
    if table is None:
        return ()
    if geo != ALL:
        table = table[table["geo"].astype(str) == geo]
    keys = ["scenario", "channel", "date"]
    summed = table.groupby(keys, sort=False)[["current_spend", "optimal_spend"]].sum().reset_index()
    tips = len(summed) <= _MOST_TIPS
    return tuple(
        FlightingChoice(scenario_title(name), scenario_title(name), _weeks(part, inputs, tips))
        for name, part in scenario_parts(summed, inputs)
    )


def _weeks(table: pd.DataFrame, inputs: ReportInputs, tips: bool) -> tuple[SmallChart, ...]:
    """One chart per channel."""
    colors = channel_colors(inputs.channels)
    charts = []
    for name in inputs.channels:
        part = table[table["channel"].astype(str) == name].sort_values("date")
        if part.empty:
            continue
        dates = pd.DatetimeIndex(pd.to_datetime(part["date"]))
        now, then = (part[key].astype(float).tolist() for key in ("current_spend", "optimal_spend"))
        unit, label = f"{inputs.currency} per week", f"Spend on {name} per week"
        charts.append(
            SmallChart(name, colors[name], spend_week_chart(dates, now, then, colors[name], unit, label, tips))
        )
    return tuple(charts)


def forecast_view(inputs: ReportInputs, geo: str = ALL) -> ForecastView | None:
    """The KPI under the current plan and every scenario; None where there is no forecast of this geo."""
    table = inputs.decisions.present().get("forecast")
    if table is None:
        return None
    table = _of_geo(table, geo, inputs.geos)
    if table.empty:
        return None
    dates = pd.DatetimeIndex(np.sort(pd.to_datetime(table["date"]).unique()))
    weeks = {str(name): _series(part, dates) for name, part in table.groupby("scenario", sort=False)}
    reference = _reference(list(weeks), inputs)
    charts = [
        forecast_chart(
            dates,
            _lines(values, None if name == reference else weeks.get(reference or "")),
            ACCENT,
            f"{inputs.kpi_name} per week",
            f"Forecast under {scenario_title(name)}",
            number,
        )
        for number, (name, values) in enumerate(weeks.items())
    ]
    panels = Panels(
        name="forecast",
        options=tuple(scenario_title(name) for name in weeks),
        charts=tuple(charts),
        legend=_legend(reference, len(weeks)),
        data=tooltip_data(dates, _LABELS, (ACCENT, "#b3d4e8", "#b3d4e8", MUTED), list(weeks.values())),
        choice="Plan",
    )
    return ForecastView(panels, _sums(table, inputs))


def _of_geo(table: pd.DataFrame, geo: str, geos: tuple[str, ...]) -> pd.DataFrame:
    """Rows of one geo or of all together; a single geo is all there is."""
    names = table["geo"].astype(str)
    found = table[names == geo]
    return table[names == geos[0]] if found.empty and geo == ALL and len(geos) == 1 else found


def _series(table: pd.DataFrame, dates: pd.DatetimeIndex) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """(4, T) mean, lower and upper bound, and what comes without media."""
    indexed = table.set_index(pd.DatetimeIndex(pd.to_datetime(table["date"])))
    return indexed[["kpi_mean", "q05", "q95", "baseline_mean"]].reindex(dates).to_numpy(dtype=np.float64).T


def _lines(
    values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
    reference: "np.ndarray[tuple[int, int], np.dtype[np.float64]] | None",
) -> ForecastLines:
    mean, low, high, baseline = values.tolist()
    return ForecastLines(mean, low, high, baseline, None if reference is None else reference[0].tolist())


def _reference(names: list[str], inputs: ReportInputs) -> str | None:
    """The plan that is no scenario: the current one."""
    scenarios = set(inputs.budget_plan["scenario"].astype(str))
    return next((name for name in names if name not in scenarios), None)


def _legend(reference: str | None, n_plans: int) -> tuple[LegendItem, ...]:
    items = [
        LegendItem("expected under the plan", ACCENT, "line"),
        LegendItem("90% predictive interval", "#d1e5f1"),
    ]
    if reference and n_plans > 1:
        items.append(LegendItem(f"{scenario_title(reference).lower()} (dashed)", INK, "line"))
    return (*items, LegendItem("without media", MUTED, "line"))


def _sums(table: pd.DataFrame, inputs: ReportInputs) -> Table:
    """Sums over the weeks; intervals of weeks do not add up, so there are none."""
    keys = ["spend", "kpi_mean", "baseline_mean", "media_mean"]
    sums = table.groupby("scenario", sort=False)[keys].sum()
    rows = transposed(
        text_cells([scenario_title(str(name)) for name in sums.index]),
        *(number_cells(sums[key].astype(float).tolist(), compact) for key in keys),
    )
    kpi = inputs.kpi_name
    headings = (
        Heading("Plan, sum over its weeks", numeric=False),
        Heading(f"Spend ({inputs.currency})"),
        Heading(f"Expected ({kpi})"),
        Heading(f"Without media ({kpi})"),
        Heading(f"From media ({kpi})"),
    )
    return Table("forecast", headings, rows)


LEGEND = (LegendItem("current plan", BASE), LegendItem("recommended (channel’s colour)", ACCENT, "line"))
"""Of the charts of flighting."""
