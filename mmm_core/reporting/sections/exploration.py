"""The data before any model: a page of its own, and in short a section of the report."""

from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.exploration.exploration import Exploration
from mmm_core.reporting.formats import counted, day, listed, money, percent, plain
from mmm_core.reporting.sections.exploration_quality import (
    change_table,
    completeness_map,
    completeness_note,
    completeness_sentence,
    geo_rows,
    histogram_figure,
    outlier_note,
    outlier_rows,
    range_figure,
)
from mmm_core.reporting.sections.exploration_relations import (
    correlation_figure,
    inflation_rows,
    lag_charts,
    relation_sentence,
    scatter_charts,
    scatter_note,
    season_chart,
)
from mmm_core.reporting.sections.exploration_spend import (
    UNKNOWN_LIMIT,
    HeatMaps,
    SmallChart,
    cost_charts,
    cost_note,
    flighting_by_channel,
    flighting_by_geo,
    flighting_note,
    shares_table,
    time_panels,
    week_dates,
)
from mmm_core.reporting.sections.panels import LegendItem, Panels
from mmm_core.reporting.tables import Table

PARTS: tuple[tuple[str, str], ...] = (
    ("spend", "Spend"),
    ("time", "KPI and spend over time"),
    ("flighting", "Flighting"),
    ("scatter", "KPI against spend"),
    ("correlation", "Correlation"),
    ("completeness", "Completeness"),
    ("outliers", "Changes and outliers"),
    ("geos", "Geos"),
    ("costs", "Media costs"),
)
"""(id, title) of each part of the page; the template of a part has its id as name."""
SHORT_PARTS = ("spend", "time", "flighting", "correlation", "completeness")
"""Those that stand in the report too."""


@dataclass(frozen=True)
class ExplorationView:
    """What the templates of the parts show."""

    short: bool
    """Whether this is the section of the report, not the page."""
    parts: tuple[tuple[str, str], ...]
    """(id, title) in order."""
    kpi_name: str
    facts: tuple[str, ...]
    """What the data are, in sentences."""
    shares: Table
    time: Panels
    time_note: str
    season: Markup
    season_legend: tuple[LegendItem, ...]
    by_channel: HeatMaps
    by_geo: HeatMaps | None
    flighting_note: str
    scatter: tuple[SmallChart, ...]
    scatter_note: str
    lags: tuple[SmallChart, ...]
    correlation: Markup
    correlation_note: str
    correlation_sentence: str
    inflation: Table
    completeness: HeatMaps | None
    completeness_sentence: str
    completeness_note: str
    changes: Table | None
    outliers: Table
    outlier_note: str
    ranges: Markup | None
    ranges_note: str
    histogram: Markup
    geos: Table
    geos_left_out: int
    costs: tuple[SmallChart, ...]
    cost_note: str


def exploration_view(found: Exploration, kpi_name: str, short: bool = False) -> ExplorationView:
    """All figures and tables of the page; `short`: only one chart of KPI and spend, no map by geo."""
    parts = tuple(part for part in PARTS if part[0] in SHORT_PARTS or not short)
    if found.costs.empty:
        parts = tuple(part for part in parts if part[0] != "costs")
    if found.n_geos == 1:
        parts = tuple((name, "Distribution" if name == "geos" else text) for name, text in parts)
    season, season_legend = season_chart(found)
    correlation, correlation_note = correlation_figure(found)
    ranges, ranges_note = range_figure(found, kpi_name)
    geos, left_out = geo_rows(found, kpi_name)
    return ExplorationView(
        short=short,
        parts=parts,
        kpi_name=kpi_name,
        facts=_facts(found, kpi_name),
        shares=shares_table(found),
        time=time_panels(found, kpi_name, short),
        time_note=_time_note(found),
        season=season,
        season_legend=season_legend,
        by_channel=flighting_by_channel(found),
        by_geo=None if short else flighting_by_geo(found),
        flighting_note=flighting_note(found),
        scatter=scatter_charts(found),
        scatter_note=scatter_note(found),
        lags=lag_charts(found),
        correlation=correlation,
        correlation_note=correlation_note,
        correlation_sentence=relation_sentence(found),
        inflation=inflation_rows(found),
        completeness=completeness_map(found),
        completeness_sentence=completeness_sentence(found),
        completeness_note=completeness_note(found),
        changes=change_table(found),
        outliers=outlier_rows(found),
        outlier_note=outlier_note(found),
        ranges=ranges,
        ranges_note=ranges_note,
        histogram=histogram_figure(found),
        geos=geos,
        geos_left_out=left_out,
        costs=cost_charts(found),
        cost_note=cost_note(found),
    )


def _facts(found: Exploration, kpi_name: str) -> tuple[str, ...]:
    """Size, spend and completeness in sentences."""
    dates = week_dates(found)
    table = found.channels
    spend = float(table["spend"].sum())
    window = f"{counted(len(dates), 'week')} from {day(dates[0])} to {day(dates[-1])}"
    facts = [f"{counted(found.n_geos, 'geo')}, {window}; {counted(len(table), 'channel')}."]
    if spend > 0:
        top = table.sort_values("spend", ascending=False, kind="stable").head(3)
        shares = [
            f"{name} ({percent(float(share))})" for name, share in zip(top["channel"], top["share"], strict=True)
        ]
        facts.append(f"{money(spend, found.currency)} was spent, most of it on {listed(shares)}.")
    quiet = [str(name) for name, active in zip(table["channel"], table["active"], strict=True) if active < 0.1]
    if quiet:
        facts.append(f"{listed(quiet)} had media in fewer than one in ten geo-weeks, so expect wide intervals.")
    return (*facts, completeness_sentence(found), relation_sentence(found))


def _time_note(found: Exploration) -> str:
    names, left_out = found.names, found.n_geos - len(found.shown)
    notes = ["The KPI line is interrupted where "]
    notes[0] += (
        f"more than {plain(100 * UNKNOWN_LIMIT)}% of the usual KPI is not known."
        if len(names) > 1
        else "it is not known."
    )
    if left_out:
        notes.append(
            f"The {len(found.shown)} geos with the largest spend can be chosen, the other {left_out:,} together."
        )
    return " ".join(notes)
