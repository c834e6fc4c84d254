"""Response curves: what more or less spend would bring."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.curves import Curve, curve_chart
from mmm_core.reporting.charts.small_lines import Line, Mark, small_line_chart
from mmm_core.reporting.formats import compact, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import channel_colors
from mmm_core.reporting.sections.dynamics import saturation_points

_SMALLEST = 0.05
"""Multiple of the current spend from which on the marginal curve is drawn: near zero it can be boundless."""


@dataclass(frozen=True)
class ChannelCurves:
    """The curve of one channel and its slope."""

    name: str
    color: str
    chart: Markup
    marginal: Markup | None


@dataclass(frozen=True)
class CurvesView:
    """The channels in the order of the report."""

    charts: tuple[ChannelCurves, ...]
    has_points: bool
    """Whether half and saturation points are known."""
    has_marginal: bool


def curves_view(inputs: ReportInputs) -> CurvesView:
    """One chart per channel with spend, in the order of the summary."""
    curves = inputs.pooled_curves
    colors = channel_colors(inputs.channels)
    places = saturation_points(inputs)
    parts = {str(name): part.sort_values("multiplier") for name, part in curves.groupby("channel", sort=False)}
    charts = tuple(
        ChannelCurves(
            name,
            colors[name],
            _response(name, parts[name], colors[name], inputs, places.get(name)),
            _marginal(name, parts[name], colors[name], inputs) if "marginal_mean" in curves else None,
        )
        for name in inputs.channels
        if name in parts and (parts[name]["spend"] > 0).any()
    )
    return CurvesView(charts, bool(places), any(item.marginal for item in charts))


def channel_curve(channel: str, table: pd.DataFrame, places: tuple[float, float] | None = None) -> Curve:
    """The curve of one channel; current spend is where the multiplier is (nearest to) 1.

    Args:
        channel: its name.
        table: spend, outcome_mean, q05, q95, multiplier.
        places: half and saturation point as multiples of the current spend.
    """
    ordered = table.sort_values("multiplier")
    columns = {name: ordered[name].astype(float).tolist() for name in ("spend", "outcome_mean", "q05", "q95")}
    current = _current(ordered)
    now = columns["spend"][current]
    return Curve(
        channel=channel,
        spend=columns["spend"],
        mean=columns["outcome_mean"],
        low=columns["q05"],
        high=columns["q95"],
        current=current,
        half=places[0] * now if places else None,
        saturated=places[1] * now if places else None,
    )


def _current(table: pd.DataFrame) -> int:
    """Position of the row at current spend."""
    return int((table["multiplier"] - 1.0).abs().to_numpy().argmin())


def _response(
    channel: str, table: pd.DataFrame, color: str, inputs: ReportInputs, places: tuple[float, float] | None
) -> Markup:
    curve = channel_curve(channel, table, places)
    return curve_chart(curve, color, f"spend ({inputs.currency})", f"incremental {inputs.outcome_unit}")


def _marginal(channel: str, table: pd.DataFrame, color: str, inputs: ReportInputs) -> Markup | None:
    """Outcome of one more unit of money at each spend; None where it is not known."""
    shown = table[(table["multiplier"] >= _SMALLEST) & table["marginal_mean"].notna()]
    if shown.empty:
        return None
    spend = shown["spend"].astype(float).tolist()
    mean, low, high = (shown[f"marginal_{name}"].astype(float).tolist() for name in ("mean", "q05", "q95"))
    tips = [
        f"{channel} at {compact(at)}: the next {inputs.currency} brings {ratio(m)} "
        f"(90% interval {ratio(a)} to {ratio(b)})"
        for at, m, a, b in zip(spend, mean, low, high, strict=True)
    ]
    now = _current(shown)
    marks = [Mark(spend[now], f"now {ratio(mean[now])}", mean[now])]
    titles = (f"spend ({inputs.currency})", f"return of the next {inputs.currency}")
    reference = 1.0 if inputs.has_revenue else None
    return small_line_chart(
        Line(spend, mean, low, high, tips), color, titles, f"Marginal return of {channel}", marks, reference
    )
