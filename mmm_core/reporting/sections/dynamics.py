"""How a channel works over time and at which frequency: decay, saturation, contacts per person."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.small_lines import Line, Mark, small_line_chart
from mmm_core.reporting.formats import counted, fixed, percent, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import channel_colors
from mmm_core.reporting.tables import Cell, Heading, Table, interval_cells, number_cells, quantity, transposed

_POINTS = 40
"""Points of a frequency curve that are drawn, about."""


@dataclass(frozen=True)
class SmallChart:
    """One of several charts side by side."""

    title: str
    color: str
    chart: Markup
    note: Markup | None = None


@dataclass(frozen=True)
class DynamicsView:
    """What there is of it; empty parts are left out."""

    saturation: Table | None
    decay: tuple[SmallChart, ...]
    frequency: tuple[SmallChart, ...]


def dynamics_view(inputs: ReportInputs) -> DynamicsView:
    """Saturation table, decay curves and frequency curves of the channels that have them."""
    found = inputs.decisions.present()
    colors = channel_colors(inputs.channels)
    unit = f"ROI ({inputs.outcome_unit} per {inputs.currency})"
    return DynamicsView(
        saturation=_saturation(found["saturation"], inputs, colors) if "saturation" in found else None,
        decay=tuple(
            _decay(name, part, colors[name]) for name, part in _by_channel(found.get("adstock"), inputs.channels)
        ),
        frequency=tuple(
            _frequency(name, part, colors[name], unit)
            for name, part in _by_channel(found.get("frequency"), inputs.channels)
        ),
    )


def _by_channel(table: pd.DataFrame | None, channels: tuple[str, ...]) -> list[tuple[str, pd.DataFrame]]:
    """The channels of a table in the order of the report."""
    if table is None:
        return []
    parts = {str(name): part for name, part in table.groupby("channel", sort=False)}
    return [(name, parts[name]) for name in channels if name in parts]


def _decay(channel: str, table: pd.DataFrame, color: str) -> SmallChart:
    """Share of the effect by weeks since the spend."""
    ordered = table.sort_values("lag")
    lags = ordered["lag"].astype(float).tolist()
    mean, low, high = (ordered[f"weight_{name}"].astype(float).tolist() for name in ("mean", "q05", "q95"))
    rest = ordered["remaining_mean"].astype(float).tolist()
    tips = [
        f"{counted(int(lag), 'week')} after: {percent(share)} of the effect (90% interval {percent(a)} to "
        f"{percent(b)}), {percent(left)} still to come"
        for lag, share, a, b, left in zip(lags, mean, low, high, rest, strict=True)
    ]
    line = Line(lags, mean, low, high, tips)
    drawn = small_line_chart(
        line, color, ("weeks since the spend", "share of the effect"), f"Decay of {channel}", dots=True
    )
    note = Markup("{} in the same week, {} later").format(
        quantity(percent(mean[0]), mean[0]), quantity(percent(rest[0]), rest[0])
    )
    return SmallChart(channel, color, drawn, note)


def _frequency(channel: str, table: pd.DataFrame, color: str, unit: str) -> SmallChart:
    """Return by contacts per person, the best and the current one marked."""
    ordered = table.sort_values("frequency")
    best = ordered.loc[ordered["optimal"].astype(bool), "frequency"].astype(float).tolist()
    shown = ordered.iloc[:: max(len(ordered) // _POINTS, 1)]
    values = shown["frequency"].astype(float).tolist()
    mean, low, high = (shown[f"roi_{name}"].astype(float).tolist() for name in ("mean", "q05", "q95"))
    tips = [
        f"{fixed(at, 1)} contacts per person and week: ROI {ratio(m)} (90% interval {ratio(a)} to {ratio(b)})"
        for at, m, a, b in zip(values, mean, low, high, strict=True)
    ]
    marks = [Mark(at, f"best {fixed(at, 1)}", at) for at in best]
    line, titles = Line(values, mean, low, high, tips), ("contacts per person and week", unit)
    drawn = small_line_chart(line, color, titles, f"ROI of {channel} by frequency", marks)
    return SmallChart(channel, color, drawn, _frequency_note(ordered))


def _frequency_note(table: pd.DataFrame) -> Markup | None:
    """How often people are reached now, where known."""
    if "current_frequency" not in table or not table["current_frequency"].notna().any():
        return None
    now = float(table["current_frequency"].dropna().iloc[0])
    return Markup("now {} on average").format(quantity(fixed(now, 1), now))


def _saturation(table: pd.DataFrame, inputs: ReportInputs, colors: dict[str, str]) -> Table:
    """Where each channel stands on its curve."""
    rows = transposed(
        [Cell(str(name), swatch=colors.get(str(name))) for name in table["channel"]],
        number_cells(table["spend_per_week"].astype(float).tolist()),
        *interval_cells(table, "saturation", percent),
        number_cells(table["half_spend"].astype(float).tolist()),
        number_cells(table["saturation_spend"].astype(float).tolist()),
    )
    unit = f"{inputs.currency} per week"
    headings = (
        Heading("Channel", numeric=False),
        Heading(f"Spend now ({unit})"),
        Heading("Saturation now", note="share of the largest outcome of this flighting that is reached now"),
        Heading("5%"),
        Heading("95%"),
        Heading(f"Half reached at ({unit})", note="spend per week where half of the largest outcome is reached"),
        Heading(
            f"Saturated from ({unit})",
            note="spend per week where the next unit of money brings a tenth of what a unit brought on average",
        ),
    )
    return Table("saturation", headings, rows)


def saturation_points(inputs: ReportInputs) -> dict[str, tuple[float, float]]:
    """channel -> half and saturation point as multiples of the current spend, where known."""
    table = inputs.decisions.present().get("saturation")
    if table is None:
        return {}
    now = table["spend_per_week"].astype(float).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        half, full = (table[name].astype(float).to_numpy() / now for name in ("half_spend", "saturation_spend"))
    return {
        str(name): (float(a), float(b))
        for name, a, b in zip(table["channel"], half, full, strict=True)
        if np.isfinite(a)
    }
