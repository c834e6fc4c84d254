"""Returns by calendar period and window."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.reporting.charts.intervals import Interval
from mmm_core.reporting.charts.periods import period_chart
from mmm_core.reporting.formats import day
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import channel_colors
from mmm_core.reporting.sections.dynamics import SmallChart
from mmm_core.reporting.tables import Cell, Heading, Table, interval_cells, number_cells, transposed

_KINDS = ("year", "window", "quarter", "month")
"""The order in which a reader chooses."""
_OVER_TIME = ("quarter", "month", "year")
"""Kinds whose returns are drawn over time, the first that has several periods."""
_CUT = 2.0
"""An interval may reach this multiple of the largest estimate; charts are cut off beyond."""


@dataclass(frozen=True)
class PeriodChoice:
    """The table of one period."""

    name: str
    title: str
    table: Table


@dataclass(frozen=True)
class PeriodsView:
    """Tables to choose from, and returns over time."""

    choices: tuple[PeriodChoice, ...]
    charts: tuple[SmallChart, ...]
    charts_kind: str
    """`quarter`, `month` or `year`."""


def periods_view(inputs: ReportInputs, geo: str = "all", kinds: tuple[str, ...] = _KINDS) -> PeriodsView | None:
    """Returns per period of one geo, or of all together; None where there are none.

    Args:
        inputs: of the report.
        geo: name of a geo, or `all`.
        kinds: kinds of periods to choose from, in this order.
    """
    table = period_rows(inputs, geo)
    if table is None or not table["kind"].isin(kinds).any():
        return None
    choices = tuple(
        _choice(part, inputs, geo)
        for kind in kinds
        for part in _periods(table[table["kind"] == kind], kind != "window")
    )
    kind = next((kind for kind in _OVER_TIME if table.loc[table["kind"] == kind, "period"].nunique() > 1), "")
    return PeriodsView(choices, _charts(table[table["kind"] == kind], inputs), kind)


def period_rows(inputs: ReportInputs, geo: str = "all") -> pd.DataFrame | None:
    """The rows of one geo; None where there are none."""
    table = inputs.decisions.present().get("periods")
    if table is None:
        return None
    rows = table[table["geo"].astype(str) == geo]
    return rows if len(rows) else None


def _periods(table: pd.DataFrame, newest_first: bool) -> list[pd.DataFrame]:
    """The parts of one kind; calendar periods of which the data hold less than half come last."""
    parts = [part for _, part in table.groupby("period", sort=False)]
    if not newest_first:
        return parts
    starts, ends = ([pd.Timestamp(part[key].iloc[0]) for part in parts] for key in ("start", "end"))
    lengths = [(end - start).days + 7 for start, end in zip(starts, ends, strict=True)]
    order = sorted(range(len(parts)), key=lambda n: (2 * lengths[n] < max(lengths), -starts[n].value))
    return [parts[number] for number in order]


def _choice(part: pd.DataFrame, inputs: ReportInputs, geo: str) -> PeriodChoice:
    """Table and heading of one period."""
    name = str(part["period"].iloc[0])
    first, last = (day(part[key].iloc[0]) for key in ("start", "end"))
    return PeriodChoice(
        name, f"{name} (weeks from {first} to {last})", returns_table(part, inputs, f"periods:{geo}:{name}")
    )


def returns_table(part: pd.DataFrame, inputs: ReportInputs, key: str) -> Table:
    """Spend, what it caused and its returns, the best first."""
    colors = channel_colors(inputs.channels)
    ordered = part.sort_values("roi_mean", ascending=False)
    rows = transposed(
        [Cell(str(name), swatch=colors.get(str(name))) for name in ordered["channel"]],
        number_cells(ordered["spend"].astype(float).tolist()),
        number_cells(ordered["contribution_mean"].astype(float).tolist()),
        number_cells(ordered["caused_mean"].astype(float).tolist()),
        *interval_cells(ordered, "roi"),
        number_cells(ordered["mroi_mean"].astype(float).tolist()),
        *interval_cells(ordered, "cpik"),
    )
    kpi = inputs.kpi_name
    headings = (
        Heading("Channel", numeric=False),
        Heading(f"Spend ({inputs.currency})"),
        Heading(f"In the period ({kpi})", note="falls into these weeks, also from media before them"),
        Heading(f"Caused ({kpi})", note="caused by the media of these weeks, also where it comes later"),
        Heading("ROI", note="caused outcome / spend of these weeks"),
        Heading("5%"),
        Heading("95%"),
        Heading("mROI", note="return of the next 1% of spend, per unit of spend"),
        Heading("Cost per KPI unit", note=f"spend / caused {kpi}"),
        Heading("5%"),
        Heading("95%"),
    )
    return Table(key, headings, rows)


def _charts(table: pd.DataFrame, inputs: ReportInputs) -> tuple[SmallChart, ...]:
    """ROI over time, all channels on one scale."""
    colors = channel_colors(inputs.channels)
    known = table[np.isfinite(table["roi_mean"].astype(float))]
    if known.empty:
        return ()
    top = min(float(known["roi_q95"].max()), _CUT * float(known["roi_mean"].max()))
    reference = 1.0 if inputs.has_revenue else None
    unit = f"{inputs.outcome_unit} per {inputs.currency}"
    charts = []
    for name in inputs.channels:
        part = table[table["channel"].astype(str) == name].sort_values("start")
        numbers = part[["roi_mean", "roi_q05", "roi_q95"]].astype(float).to_numpy().tolist()
        rows = [
            Interval(str(period), mean, low, high, colors[name])
            for period, (mean, low, high) in zip(part["period"], numbers, strict=True)
        ]
        if rows:
            charts.append(
                SmallChart(name, colors[name], period_chart(rows, top, unit, f"ROI of {name}", reference))
            )
    return tuple(charts)
