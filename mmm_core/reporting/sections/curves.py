"""Response curves: what more or less spend would bring."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.curves import Curve, curve_chart
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import channel_colors


@dataclass(frozen=True)
class CurvesView:
    """(channel, colour, chart) of each channel."""

    charts: tuple[tuple[str, str, Markup], ...]


def curves_view(inputs: ReportInputs) -> CurvesView:
    """One chart per channel, in the order of the summary."""
    colors = channel_colors(inputs.channels)
    spend_unit, unit = f"spend ({inputs.currency})", f"incremental {inputs.outcome_unit}"
    parts = {str(name): part for name, part in inputs.pooled_curves.groupby("channel", sort=False)}
    return CurvesView(
        tuple(
            (name, colors[name], curve_chart(channel_curve(name, parts[name]), colors[name], spend_unit, unit))
            for name in inputs.channels
            if name in parts
        )
    )


def channel_curve(channel: str, table: pd.DataFrame) -> Curve:
    """The curve of one channel; current spend is where the multiplier is (nearest to) 1."""
    ordered = table.sort_values("multiplier")
    columns = {name: ordered[name].astype(float).tolist() for name in ("spend", "outcome_mean", "q05", "q95")}
    return Curve(
        channel=channel,
        spend=columns["spend"],
        mean=columns["outcome_mean"],
        low=columns["q05"],
        high=columns["q95"],
        current=int((ordered["multiplier"] - 1.0).abs().to_numpy().argmin()),
    )
