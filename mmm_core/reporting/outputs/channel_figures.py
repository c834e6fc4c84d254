"""PNG figures of one channel."""

import pandas as pd

from mmm_core.reporting.drawing import FILE_DPI, name_axes, new_figure, plain_label, png_bytes, title_style
from mmm_core.reporting.palette import BASE, INK


def contribution_weeks(weeks: pd.DataFrame, channel: str, color: str, kpi: str, currency: str) -> bytes:
    """Contribution by week with its 90 % interval, above the spend.

    Args:
        weeks: date, mean, q05, q95 (KPI units), spend (money); all geos together.
        channel: its name.
        color: of the channel.
        kpi: unit of the KPI.
        currency: of the spend.
    """
    figure, (upper, lower) = new_figure(8.0, 4.2, rows=2, dates=True, dpi=FILE_DPI)
    upper.fill_between(weeks["date"], weeks["q05"], weeks["q95"], color=color, alpha=0.22, linewidth=0)
    upper.plot(weeks["date"], weeks["mean"], color=color, linewidth=1.4)
    lower.fill_between(weeks["date"], 0, weeks["spend"], color=BASE, step="mid", linewidth=0)
    upper.set_title(
        f"{plain_label(channel)}: contribution per week, all geos (90% interval shaded)", **title_style()
    )
    lower.set_title("Spend per week", **title_style())
    name_axes(upper, y=kpi)
    name_axes(lower, y=currency)
    for axes in (upper, lower):
        axes.margins(x=0.01)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    return png_bytes(figure)


def response_curve(curve: pd.DataFrame, color: str, currency: str, outcome: str) -> bytes:
    """Outcome by spend with its 90 % interval and the current spend; marginal return beside it, where known.

    Args:
        curve: one channel's rows of the pooled response curves.
        color: of the channel.
        currency: of the spend.
        outcome: unit of the outcome.
    """
    table, channel = curve.sort_values("multiplier"), plain_label(curve["channel"].iloc[0])
    parts = [
        (
            "outcome_mean",
            "q05",
            "q95",
            f"{channel}: outcome by spend (90% interval shaded)",
            f"outcome ({outcome})",
        )
    ]
    if "marginal_mean" in table and table["marginal_mean"].notna().any():
        names = ("marginal_mean", "marginal_q05", "marginal_q95")
        parts.append((*names, "Return of one more unit of spend", f"{outcome} per {currency}"))
    figure, cells = new_figure(4.6 * len(parts), 3.2, columns=len(parts), dpi=FILE_DPI)
    now = table.iloc[int((table["multiplier"] - 1).abs().to_numpy().argmin())]
    for axes, (mean, low, high, title, unit) in zip(cells, parts, strict=True):
        axes.fill_between(table["spend"], table[low], table[high], color=color, alpha=0.22, linewidth=0)
        axes.plot(table["spend"], table[mean], color=color, linewidth=1.6)
        axes.plot([now["spend"]], [now[mean]], "o", color=color, markersize=6, label="observed spend")
        axes.set_title(title, **title_style())
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.legend(fontsize=8, frameon=False, loc="best")
        name_axes(axes, f"spend over the fit window ({currency})", unit)
    return png_bytes(figure)


def adstock_decay(weights: pd.DataFrame, color: str) -> bytes:
    """Share of the effect by weeks since the media, with 90 % intervals.

    Args:
        weights: one channel's rows of the adstock table.
        color: of the channel.
    """
    figure, (axes,) = new_figure(6.0, 3.0, dpi=FILE_DPI)
    mean = weights["weight_mean"]
    below, above = (mean - weights["weight_q05"]).clip(lower=0), (weights["weight_q95"] - mean).clip(lower=0)
    axes.bar(weights["lag"], 100 * mean, color=color, alpha=0.75, width=0.8)
    axes.errorbar(weights["lag"], 100 * mean, 100 * pd.concat([below, above], axis=1).to_numpy().T,
                  fmt="none", ecolor=INK, elinewidth=1.0, capsize=3)  # fmt: skip
    axes.set_title(
        f"{plain_label(weights['channel'].iloc[0])}: when the effect comes (bars: mean, lines: 90% interval)",
        **title_style(),
    )
    axes.set_ylim(bottom=0)
    name_axes(axes, "weeks since the media", "% of the whole effect")
    return png_bytes(figure)
