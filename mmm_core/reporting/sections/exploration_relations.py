"""What moves together: the parts of the data page about correlations, none of which is an effect."""

import math

import numpy as np
import pandas as pd
from markupsafe import Markup

from mmm_core.exploration.exploration import Exploration
from mmm_core.reporting.charts.matrix import matrix_chart
from mmm_core.reporting.charts.small import lag_chart, scatter_chart
from mmm_core.reporting.charts.year import year_chart
from mmm_core.reporting.formats import MISSING, counted, fixed, plain
from mmm_core.reporting.palette import INK, channel_colors
from mmm_core.reporting.sections.exploration_spend import SmallChart
from mmm_core.reporting.sections.panels import LegendItem
from mmm_core.reporting.tables import Cell, Heading, Table, transposed

MAX_MATRIX = 32
"""Variables of the correlation matrix."""
_PARTS = 8
_MIN_AXIS = 0.2
_WEEKS = 53
_YEAR_COLORS = ("#0b4f82", "#3a80b0", "#7fb4d6", "#b4cfe0", "#9aa5b1", "#c3ccd5")
"""The latest year is the darkest."""


def scatter_charts(found: Exploration) -> tuple[SmallChart, ...]:
    """KPI against exposure per channel, both as multiples of the geo's mean week."""
    colors = channel_colors(found.channel_names)
    ranks = dict(zip(found.channel_names, found.channels["rank_correlation"].astype(float), strict=True))
    charts = []
    for channel in found.channel_names:
        part = found.pairs[found.pairs["channel"] == channel]
        x, y = part["exposure"].astype(float).tolist(), part["kpi"].astype(float).tolist()
        what = "spend" if channel in found.paid else "media units"
        chart = scatter_chart(
            x, y, _middle(part), colors[channel], (f"{what} (1 = mean week)", "KPI (1 = mean week)")
        )
        note = f"rank correlation {fixed(ranks[channel], 2)}"
        charts.append(SmallChart(channel, note, chart))
    return tuple(charts)


def scatter_note(found: Exploration) -> str:
    """Where the dots come from."""
    most = int(found.channels["pairs"].max()) if len(found.channels) else 0
    drawn = found.pairs["channel"].value_counts().max() if len(found.pairs) else 0
    noun = "geo-week" if found.n_geos > 1 else "week"
    every = f" {drawn:,} of {counted(most, noun)} per channel are drawn; rank correlations are over all."
    return (
        "Each dot is one week of one geo, as a multiple of that geo’s mean week. The black line joins the mean "
        f"KPI of eight groups of dots, from least to most spend.{every if drawn < most else ''}"
    )


def lag_charts(found: Exploration) -> tuple[SmallChart, ...]:
    """Cross-correlation of exposure and KPI per channel, on one scale."""
    colors = channel_colors(found.channel_names)
    largest = found.lead_lag["correlation"].abs().max() if len(found.lead_lag) else math.nan
    most = max(_MIN_AXIS, 0.0 if pd.isna(largest) else math.ceil(10 * float(largest)) / 10)
    charts = []
    for channel, part in found.lead_lag.groupby("channel", sort=False):
        lags, values = part["lag"].astype(int).tolist(), part["correlation"].astype(float).tolist()
        charts.append(
            SmallChart(str(channel), "", lag_chart(lags, values, most, colors[str(channel)], str(channel)))
        )
    return tuple(charts)


def correlation_figure(found: Exploration) -> tuple[Markup, str]:
    """The matrix, and which variables it leaves out."""
    names = [str(name) for name in found.correlations["one"].unique()]
    values = found.correlations["correlation"].to_numpy(dtype=np.float64).reshape(len(names), len(names))
    kept = names[:MAX_MATRIX]
    chart = matrix_chart(kept, values[: len(kept), : len(kept)], "Correlations of channels and controls")
    left_out = len(names) - len(kept)
    return chart, f"The last {counted(left_out, 'variable')} of {len(names)} are not shown." if left_out else ""


def inflation_rows(found: Exploration) -> Table:
    """Variance inflation, the highest first."""
    table = found.inflation.copy()
    table["worst"] = table[["among_channels", "with_controls"]].max(axis=1).fillna(-1.0)
    table = table.sort_values("worst", ascending=False, kind="stable")
    rows = transposed(
        [Cell(str(name)) for name in table["name"]],
        [Cell(str(kind), tone="muted") for kind in table["kind"]],
        [_inflation(float(value), found.inflation_limit) for value in table["among_channels"]],
        [_inflation(float(value), found.inflation_limit) for value in table["with_controls"]],
    )
    headings = (
        Heading("Variable", numeric=False),
        Heading("Kind", numeric=False),
        Heading("Among channels", note="1 / (1 − R²) of a regression on the other channels"),
        Heading("With controls and calendar", note="1 / (1 − R²) of a regression on all other variables"),
    )
    return Table("variance_inflation", headings, rows)


def relation_sentence(found: Exploration) -> str:
    """The strongest pair of channels, and the highest variance inflation among channels."""
    table = found.correlations[found.correlations["one"].isin(found.channel_names)]
    pairs = table[table["other"].isin(found.channel_names) & (table["one"] < table["other"])].dropna()
    sentences = []
    if len(pairs):
        top = pairs.loc[pairs["correlation"].abs().idxmax()]
        state = "above" if abs(top["correlation"]) > found.correlation_limit else "within"
        sentences.append(
            f"The two channels that move together most are {top['one']} and {top['other']} (correlation "
            f"{fixed(float(top['correlation']), 2)}, {state} the limit of {plain(found.correlation_limit)})."
        )
    channels = found.inflation[found.inflation["kind"] == "channel"].dropna(subset=["among_channels"])
    if len(channels) > 1:
        worst = channels.loc[channels["among_channels"].idxmax()]
        value = float(worst["among_channels"])
        number = fixed(value, 1) if math.isfinite(value) else "infinite: the others give it exactly"
        state = "above" if value > found.inflation_limit else "within"
        sentences.append(
            f"The highest variance inflation is that of {worst['name']} ({number}, {state} the limit of "
            f"{plain(found.inflation_limit)})."
        )
    return " ".join(sentences)


def season_chart(found: Exploration) -> tuple[Markup, tuple[LegendItem, ...]]:
    """Index of the KPI by week of the year: each year and their mean, with the legend."""
    table = found.seasonality.pivot_table(index="week", columns="year", values="index", aggfunc="mean")
    table = table.reindex(range(1, _WEEKS + 1))
    table = table[[year for year in table.columns if table[year].notna().sum() > 1]]
    colors = dict(
        zip(table.columns[::-1], _YEAR_COLORS * (1 + len(table.columns) // len(_YEAR_COLORS)), strict=False)
    )
    years = [(str(year), colors[year], table[year].astype(float).tolist()) for year in table.columns]
    mean = table.mean(axis=1).astype(float).tolist()
    unit = "KPI, 1 = average week"
    chart = year_chart(years, mean, unit, "KPI by week of the year")
    items = [LegendItem(name, color, "line") for name, color, _ in years]
    return chart, (LegendItem("mean of the years", INK, "line"), *items)


def _middle(pairs: pd.DataFrame) -> list[tuple[float, float]]:
    """Mean exposure and KPI of groups of equal size, by exposure."""
    ordered = pairs.sort_values("exposure", kind="stable")
    if len(ordered) < 4 * _PARTS:
        return []
    group = np.arange(len(ordered)) * _PARTS // len(ordered)
    means = ordered.groupby(group)[["exposure", "kpi"]].mean()
    return [(float(x), float(y)) for x, y in means.itertuples(index=False)]


def _inflation(value: float, limit: float) -> Cell:
    if math.isnan(value):
        return Cell(MISSING, numeric=True)
    text = fixed(value, 1) if math.isfinite(value) else "infinite"
    return Cell(text, value if math.isfinite(value) else None, tone="warn" if value > limit else "", numeric=True)
