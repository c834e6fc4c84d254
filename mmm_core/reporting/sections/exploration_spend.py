"""What was spent where and when, and what it cost: the parts of the data page about media."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.exploration.exploration import Exploration
from mmm_core.exploration.spend import EXPOSURE
from mmm_core.reporting.charts.heat import heat_map
from mmm_core.reporting.charts.kpi_spend import kpi_spend_chart
from mmm_core.reporting.charts.small import week_line_chart
from mmm_core.reporting.formats import MISSING, compact, fixed, listed, percent, ratio
from mmm_core.reporting.palette import INK, MUTED, channel_colors
from mmm_core.reporting.sections.panels import LegendItem, Panels, embedded_json, tooltip_data
from mmm_core.reporting.tables import Cell, Heading, Table, number_cells, transposed

UNKNOWN_LIMIT = 0.02
"""Share of the usual KPI that may be unknown in a week whose total is drawn."""
STEPS = ("#eceff2", "#d3e5f2", "#a6cbe3", "#6fa9cf", "#3a80b0", "#175a8c", "#08304f")
"""From nothing to the highest class."""
_CHEAP = 0.1
"""Median cost of a media unit below which costs are given per thousand."""
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SmallChart:
    """A chart with a title, one of several side by side."""

    title: str
    note: str
    chart: Markup


@dataclass(frozen=True)
class HeatMaps:
    """Heat maps of the same kind, the first shown at the beginning."""

    options: tuple[str, ...]
    charts: tuple[Markup, ...]
    data: Markup
    """JSON for tooltips."""


def shares_table(found: Exploration) -> Table:
    """Spend, share, activity and cost per channel, the largest first."""
    table = found.channels.sort_values("spend", ascending=False, kind="stable")
    colors = channel_colors(found.channel_names)
    spend, shares = table["spend"].astype(float).tolist(), table["share"].astype(float).tolist()
    organic = (table["kind"] == "organic_media").tolist()
    largest = max([share for share in shares if np.isfinite(share)], default=1.0) or 1.0
    rows = transposed(
        [Cell(str(name), swatch=colors[str(name)]) for name in table["channel"]],
        [
            Cell("no spend", tone="muted", numeric=True) if free else Cell(compact(value), value, numeric=True)
            for value, free in zip(spend, organic, strict=True)
        ],
        [
            Cell(MISSING, numeric=True)
            if free or not np.isfinite(share)
            else Cell(percent(share), share, numeric=True, bar=share / largest)
            for share, free in zip(shares, organic, strict=True)
        ],
        number_cells(table["active"].astype(float).tolist(), percent),
        number_cells(table["media"].astype(float).tolist(), compact),
        number_cells((1000 * table["cost"].astype(float)).tolist(), ratio),
    )
    total = (
        Cell("Total"),
        Cell(compact(sum(spend)), sum(spend), numeric=True),
        Cell("", numeric=True),
        *(Cell("", numeric=True) for _ in range(3)),
    )
    headings = (
        Heading("Channel", numeric=False),
        Heading(f"Spend ({found.currency})"),
        Heading("Share of spend"),
        Heading("Weeks with media", note="Share of the weeks of all geos in which the channel was on"),
        Heading("Media units", note="Impressions, clicks and the like; contacts where reach is known"),
        Heading(f"{found.currency} per 1,000 units"),
    )
    return Table("spend_shares", headings, rows, total)


def time_panels(found: Exploration, kpi_name: str, compact_page: bool) -> Panels:
    """KPI above spend by channel: of everything, and of each geo unless the page shall be short."""
    dates = week_dates(found)
    colors = channel_colors(found.channel_names)
    paid = found.paid
    names = found.names[:1] if compact_page else found.names
    units = (f"{kpi_name} per week", f"spend per week ({found.currency})")
    charts, panels = [], []
    for number, name in enumerate(names):
        kpi, values = _series(found, name)
        layers = values[[found.channel_names.index(channel) for channel in paid]]
        label = f"{kpi_name} and spend per week, {name}"
        shades = [colors[channel] for channel in paid]
        charts.append(kpi_spend_chart(dates, kpi, layers, shades, units, label, number))
        panels.append(np.vstack([kpi[None], layers.sum(axis=0)[None], values]))
    labels = [_with_unit(found, channel) for channel in found.channel_names]
    return Panels(
        name="kpi_spend",
        options=names,
        charts=tuple(charts),
        legend=(LegendItem(kpi_name, INK, "line"), *(LegendItem(channel, colors[channel]) for channel in paid)),
        data=tooltip_data(
            dates,
            [kpi_name, f"All spend ({found.currency})", *labels],
            [INK, MUTED, *(colors[channel] for channel in found.channel_names)],
            panels,
        ),
    )


def flighting_by_channel(found: Exploration) -> HeatMaps:
    """When each channel was on: all geos together, each channel against its own highest week."""
    dates = week_dates(found)
    _, values = _series(found, found.names[0])
    highest = values.max(axis=1, keepdims=True)
    relative = values / np.where(highest > 0, highest, 1.0)
    classes = np.where(values > 0, np.ceil(relative * 5).clip(1, 5), 0).astype(np.int64)
    words = ["none", "to 20%", "to 40%", "to 60%", "to 80%", "to 100% of its highest week"]
    cells = [[0, 2 + m] for m in range(len(found.channel_names))]
    label = "Weeks in which each channel was on, all geos together"
    steps = list(zip((STEPS[0], *STEPS[2:]), words, strict=True))
    chart = heat_map(classes, found.channel_names, dates, steps, label, data_cells=embedded_json(cells))
    return HeatMaps(("All channels",), (chart,), _heat_data(dates, found.channel_names))


def flighting_by_geo(found: Exploration) -> HeatMaps | None:
    """Spend by geo and week, per person where geos' sizes are known; None with one geo."""
    if found.n_geos == 1:
        return None
    dates, rows = week_dates(found), found.names[1:]
    cube = np.stack([_series(found, name)[1] for name in rows])
    paid = [found.channel_names.index(channel) for channel in found.paid]
    outside = np.stack([found.weeks.loc[found.weeks["geo"] == name, "unknown"].isna() for name in rows])
    people = _people(found, rows)
    views = [("All spend", 1, cube[:, paid].sum(axis=1))] if len(paid) > 1 else []
    views += [(_with_unit(found, name), 2 + m, cube[:, m]) for m, name in enumerate(found.channel_names)]
    charts = []
    for option, series, values in views:
        classes, words = _classes(values / people[:, None] if people is not None else values)
        steps = list(zip((STEPS[0], *STEPS[1:][: len(words) - 1]), words, strict=True))
        cells = embedded_json([[1 + row, series] for row in range(len(rows))])
        classes = np.where(outside, -1, classes)
        unit = found.currency if series == 1 or option in found.paid else "media units"
        title = f"{unit} {'per 1,000 people' if people is not None else 'per week'}"
        charts.append(heat_map(classes, rows, dates, steps, f"{option} by geo and week", title, data_cells=cells))
    return HeatMaps(tuple(option for option, _, _ in views), tuple(charts), _heat_data(dates, rows))


def flighting_note(found: Exploration) -> str:
    """What the colours mean, and which geos are not shown."""
    classes = "Each of the six classes above none holds a sixth of the active weeks."
    notes = ["Amounts are per 1,000 people, so that small and large geos compare."] if found.per_person else []
    notes += [classes, "White: outside the geo’s dates."]
    left_out = found.n_geos - len(found.shown)
    if left_out:
        rows = f"The {len(found.shown)} geos with the largest spend have rows of their own"
        notes.append(f"{rows}, the other {left_out:,} share one.")
    return " ".join(notes)


def cost_charts(found: Exploration) -> tuple[SmallChart, ...]:
    """Cost of media units over weeks, per channel that has both."""
    colors, dates = channel_colors(found.channel_names), week_dates(found)
    charts = []
    for channel, part in found.costs.groupby("channel", sort=False):
        values = part["cost"].to_numpy(dtype=np.float64)
        cheap = float(np.nanmedian(values)) < _CHEAP
        unit = f"{found.currency} per {'1,000 media units' if cheap else 'media unit'}"
        scaled = (1000 * values if cheap else values).tolist()
        note = f"median {ratio(float(np.nanmedian(scaled)))}, highest {ratio(float(np.nanmax(scaled)))}"
        label = f"Cost of {channel} per week"
        charts.append(
            SmallChart(str(channel), note, week_line_chart(dates, scaled, colors[str(channel)], unit, label))
        )
    return tuple(charts)


def cost_note(found: Exploration) -> str:
    """Which paid channels have no costs."""
    without = [name for name in found.paid if name not in set(found.costs["channel"])]
    if not without:
        return ""
    return f"No cost for {listed(without)}: there are no media units beside spend."


def week_dates(found: Exploration) -> pd.DatetimeIndex:
    """(T,) first days of weeks."""
    return pd.DatetimeIndex(found.seasonality["date"])


def _series(found: Exploration, name: str) -> tuple[FloatArray, FloatArray]:
    """(T,) KPI, NaN where too much of it is unknown, and (M, T) exposure of a geo or a group."""
    part = found.weeks[found.weeks["geo"] == name]
    kpi = part["kpi"].where(~(part["unknown"] > UNKNOWN_LIMIT)).to_numpy(dtype=np.float64)
    columns = [f"{EXPOSURE}{channel}" for channel in found.channel_names]
    return kpi, part[columns].to_numpy(dtype=np.float64).T


def _people(found: Exploration, rows: tuple[str, ...]) -> FloatArray | None:
    """(R,) thousands of people behind each row; None where that is not known."""
    if not found.per_person:
        return None
    own = found.geos.set_index("geo")["population"]
    rest = float(own[~own.index.isin(found.shown)].sum())
    return np.array([float(own[name]) if name in own.index else rest for name in rows]) / 1000.0


def _classes(values: FloatArray) -> tuple[NDArray[np.int64], list[str]]:
    """Class of each cell (0: nothing, then up to six of about equal size), and what each class stands for."""
    active = values[values > 0]
    if not active.size:
        return np.zeros(values.shape, dtype=np.int64), ["none"]
    edges = np.unique([float(f"{edge:.2g}") for edge in np.quantile(active, np.arange(1, 6) / 6)])
    classes = np.where(values > 0, 1 + np.searchsorted(edges, values, side="left"), 0)
    words = ["none", *(f"to {_short(edge)}" for edge in edges), f"above {_short(edges[-1])}"]
    return classes.astype(np.int64), words


def _short(value: float) -> str:
    return compact(value, 2) if value >= 0.01 else fixed(value, 5)


def _with_unit(found: Exploration, channel: str) -> str:
    return channel if channel in found.paid else f"{channel} (media units)"


def _heat_data(dates: pd.DatetimeIndex, rows: tuple[str, ...]) -> Markup:
    return embedded_json({"dates": [f"{date:%Y-%m-%d}" for date in dates], "rows": list(rows)})
