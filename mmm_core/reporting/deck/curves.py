"""What more or less spend on the largest channels would bring."""

import pandas as pd

from mmm_core.reporting.deck.phrases import amount, indistinct, measured, single, some, spent
from mmm_core.reporting.deck.said import Said, interval, say
from mmm_core.reporting.deck.slides import BOTTOM, TOP, Box, Plot, Points, Slide, body, note, tiled
from mmm_core.reporting.formats import compact, percent, span
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import INK, channel_colors
from mmm_core.reporting.sections.curves import channel_curve

_MOST = 4
"""Channels with a curve."""


def curves_slide(inputs: ReportInputs) -> Slide | None:
    """Curves with bounds of the channels with most spend; None without any."""
    known = set(inputs.pooled_curves["channel"].astype(str))
    table = inputs.channel_summary[inputs.channel_summary["channel"].isin(inputs.paid_channels)]
    ranked = table.sort_values("spend", ascending=False, kind="stable")["channel"].astype(str)
    names = [name for name in ranked if name in known][:_MOST]
    if not names:
        return None
    boxes = tiled(body(TOP, BOTTOM - 0.55), min(len(names), 2), 1 if len(names) <= 2 else 2, 0.25)
    plots = [_plot(name, inputs, box) for name, box in zip(names, boxes, strict=False)]
    meaning = say(
        "Solid: expected; dashed: 90% interval; dot: spend now. Right of the dot the curve follows from the "
        "model’s shape, not from observed spend. Axes differ from chart to chart."
    )
    return Slide(
        _title(names, inputs),
        (*plots, note(meaning, 0.4)),
    )


def _title(names: list[str], inputs: ReportInputs) -> Said:
    table = inputs.decisions.saturation
    if table is None or not len(table) or not table["channel"].isin(names).any():
        return _doubled(names[0], inputs)
    shown = table[table["channel"].isin(names)].sort_values("saturation_mean", ascending=False, kind="stable")
    row = shown.iloc[0]
    source = f"saturation.csv, channel {row['channel']}"
    reached = measured(row, "saturation", percent, source)
    same = indistinct(shown, "saturation")
    if same:
        return say(
            "{} brings {} of the most it could with this timing, not distinguishable from {}",
            *(str(row["channel"]), reached, some(same)),
        )
    return say(
        "{} is the closest to its ceiling: it brings {} of the most it could with this timing",
        *(str(row["channel"]), reached),
    )


def _doubled(name: str, inputs: ReportInputs) -> Said:
    """What the right end of the curve says."""
    part = inputs.pooled_curves[inputs.pooled_curves["channel"] == name].sort_values("multiplier")
    now = part.iloc[int((part["multiplier"] - 1.0).abs().to_numpy().argmin())]
    then, show = part.iloc[-1], amount(inputs)
    parts = []
    for row in (now, then):
        source = f"response_curves.csv summed over geos, channel {name}, multiplier {row['multiplier']:g}"
        low, high = float(row["q05"]), float(row["q95"])
        parts.append(single(row, "outcome_mean", show, source))
        parts.append(interval(low, high, compact, source, ("q05", "q95")))
        parts.append(single(row, "spend", spent(inputs), source))
    return say(
        "{} brings {} ({}) for {}; for {} it would bring {} ({})",
        *(name, parts[0], parts[1], parts[2], parts[5], parts[3], parts[4]),
    )


def _plot(name: str, inputs: ReportInputs, box: Box) -> Plot:
    """Expected outcome by spend, both ends of its interval, and where the channel is now."""
    curve = channel_curve(name, pd.DataFrame(inputs.pooled_curves[inputs.pooled_curves["channel"] == name]))
    color = channel_colors(inputs.channels)[name]
    x = tuple(curve.spend)
    now = curve.current
    return Plot(
        box=box,
        points=(
            Points("expected", x, tuple(curve.mean), color),
            Points("5%", x, tuple(curve.low), color, dashed=True),
            Points("95%", x, tuple(curve.high), color, dashed=True),
            Points("now", (x[now],), (curve.mean[now],), INK, marker=True),
        ),
        x_unit=f"spend ({inputs.currency})",
        y_unit=f"added {inputs.outcome_unit}",
        alt=(
            f"Response curve of {name}: {compact(curve.mean[now])} {inputs.outcome_unit} "
            f"({span(compact(curve.low[now]), compact(curve.high[now]))}) at the spend of now, "
            f"{compact(x[now])} {inputs.currency}; {compact(curve.mean[-1])} at {compact(x[-1])}."
        ),
        source=f"response_curves.csv summed over geos, channel {name}",
        title=name,
        legend=False,
    )
