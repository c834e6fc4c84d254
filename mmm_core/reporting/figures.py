"""PNG figures for metadata of assets and files of their own; the report has its own charts."""

import base64

import numpy as np
import pandas as pd

from mmm_core.reporting.drawing import (
    FILE_DPI,
    SMALL_DPI,
    legend_outside,
    name_axes,
    new_figure,
    plain_label,
    png_bytes,
    title_style,
)
from mmm_core.reporting.inputs import MEDIA_KINDS
from mmm_core.reporting.palette import ACCENT, BASE, INK, MUTED, channel_colors

_MAX_COLUMNS = 4
"""Scenarios that `budget_bars` shows beside each other."""
_MAX_CURVES = 12
"""Channels that `response_curve_grid` shows, the largest spenders first."""


def kpi_spend_preview(panel: pd.DataFrame) -> bytes:
    """KPI above total spend per date, of one geo's panel (`date`, `kpi`, `spend__*`).

    What is not a number (in a raw panel) is left out.
    """
    figure, (upper, lower) = new_figure(7.0, 3.4, rows=2, dates=True, fitted=False)
    dates = pd.to_datetime(panel["date"], errors="coerce")
    spend = panel[[column for column in panel.columns if str(column).startswith("spend__")]]
    total = spend.apply(pd.to_numeric, errors="coerce").sum(axis=1)
    upper.plot(dates, pd.to_numeric(panel["kpi"], errors="coerce"), color=ACCENT, linewidth=1.2)
    lower.fill_between(dates, total, step="mid", color=BASE, linewidth=0)
    upper.set_title("KPI", **title_style())
    lower.set_title("Spend, all channels", **title_style())
    upper.tick_params(labelbottom=False)
    figure.subplots_adjust(left=0.08, right=0.99, top=0.94, bottom=0.08, hspace=0.25)
    return png_bytes(figure)


def contribution_area(contributions: pd.DataFrame, kpi: str = "", large: bool = False) -> bytes:
    """Stacked weekly contributions, all geos together: what is not media below, the channels above.

    Args:
        contributions: `contributions.csv`.
        kpi: unit of the KPI.
        large: for a file of its own.
    """
    figure, (axes,) = new_figure(8.0, 3.4, dates=True, dpi=FILE_DPI if large else SMALL_DPI)
    media = contributions["kind"].isin(MEDIA_KINDS)
    table = contributions.assign(layer=contributions["component"].where(media, "base"))
    sums = table.pivot_table(
        index="date", columns="layer", values="mean", aggfunc="sum", sort=False, fill_value=0.0
    )
    channels = [str(name) for name in table.loc[media, "layer"].unique()]
    colors = channel_colors(channels)
    layers = ["base", *channels] if "base" in sums.columns else channels
    axes.stackplot(
        sums.index,
        [sums[layer] for layer in layers],
        labels=layers,
        colors=[colors.get(layer, BASE) for layer in layers],
        linewidth=0,
    )
    axes.set_title("Contributions per week, all geos", **title_style())
    name_axes(axes, y=kpi)
    axes.margins(x=0)
    legend_outside(axes)
    return png_bytes(figure)


def roi_intervals(channel_summary: pd.DataFrame) -> bytes:
    """ROI means with 90 % intervals, the best on top."""
    table = channel_summary.dropna(subset=["roi_mean"]).sort_values("roi_mean").reset_index(drop=True)
    figure, (axes,) = new_figure(6.5, 1.1 + 0.28 * len(table))
    colors = channel_colors([str(channel) for channel in channel_summary["channel"]])
    for row, (channel, mean, low, high) in enumerate(
        table[["channel", "roi_mean", "roi_q05", "roi_q95"]].itertuples(index=False)
    ):
        axes.plot([low, high], [row, row], color=colors[str(channel)], linewidth=2.5, alpha=0.55)
        axes.plot([mean], [row], "o", color=colors[str(channel)], markersize=6)
    axes.set_yticks(range(len(table)), [plain_label(channel) for channel in table["channel"]])
    axes.set_title("ROI with 90% intervals", **title_style())
    axes.set_xlim(left=min(0.0, float(table["roi_q05"].min())) if len(table) else 0.0)
    return png_bytes(figure)


def roi_prior_posterior(channel_summary: pd.DataFrame, unit: str) -> bytes:
    """ROI with 90 % intervals before the data (prior, grey) and after (posterior), the best on top.

    Channels whose prior is of something else have no prior interval.

    Args:
        channel_summary: `channel_summary.csv`.
        unit: of the ROI, e.g. `USD per USD`.
    """
    table = channel_summary.dropna(subset=["roi_mean"]).sort_values("roi_mean").reset_index(drop=True)
    figure, (axes,) = new_figure(7.5, 1.6 + 0.42 * len(table), dpi=FILE_DPI)
    colors = channel_colors([str(channel) for channel in channel_summary["channel"]])
    with_prior = "roi_prior_mean" in table and table["roi_prior_mean"].notna().any()
    for number, row in table.iterrows():
        color, where = colors[str(row["channel"])], float(str(number))
        if with_prior:
            axes.hlines(where - 0.17, row["roi_prior_q05"], row["roi_prior_q95"], color=BASE, linewidth=5)
            axes.plot([row["roi_prior_mean"]], [where - 0.17], "|", color=MUTED, markersize=9)
        axes.hlines(where + 0.12, row["roi_q05"], row["roi_q95"], color=color, linewidth=5, alpha=0.6)
        axes.plot([row["roi_mean"]], [where + 0.12], "o", color=color, markersize=6)
    axes.set_yticks(range(len(table)), [plain_label(channel) for channel in table["channel"]])
    priors = "; grey: before the data (prior)" if with_prior else ""
    axes.set_title(f"ROI with 90% intervals{priors}", **title_style())
    axes.set_xlim(left=min(0.0, float(table["roi_q05"].min())) if len(table) else 0.0)
    name_axes(axes, f"ROI ({unit})")
    return png_bytes(figure)


def frontier_line(frontier: pd.DataFrame, currency: str, outcome: str) -> bytes:
    """Best outcome by total budget with its 90 % interval, the current budget marked.

    Args:
        frontier: `frontier.csv`.
        currency: of the budget.
        outcome: unit of the outcome.
    """
    table = frontier.sort_values("budget")
    figure, (axes,) = new_figure(7.0, 3.4, dpi=FILE_DPI)
    axes.fill_between(
        table["budget"], table["outcome_q05"], table["outcome_q95"], color=ACCENT, alpha=0.18, linewidth=0
    )
    axes.plot(table["budget"], table["outcome_mean"], "o-", color=ACCENT, linewidth=1.6, markersize=4)
    now = table[table["change"] == 0]
    axes.plot(now["budget"], now["outcome_mean"], "D", color=INK, markersize=7, label="current budget")
    axes.set_title("Best outcome by total budget (90% interval shaded)", **title_style())
    if len(now):
        axes.legend(fontsize=8, frameon=False, loc="best")
    name_axes(axes, f"total budget ({currency})", f"outcome ({outcome})")
    return png_bytes(figure)


def score_differences(scores: pd.DataFrame) -> bytes:
    """Log scores of compared models less the best one's, with 90 % intervals; the best on top.

    Args:
        scores: candidate, difference, difference_se, chosen; the best first (`ModelChoice.scores`).
    """
    figure, (axes,) = new_figure(6.5, 1.1 + 0.28 * len(scores))
    table = scores.iloc[::-1].reset_index(drop=True)
    for row, (mean, error, chosen) in enumerate(
        table[["difference", "difference_se", "chosen"]].itertuples(index=False)
    ):
        color, margin = ACCENT if chosen else MUTED, 1.645 * error
        axes.plot([mean - margin, mean + margin], [row, row], color=color, linewidth=2.5, alpha=0.55)
        axes.plot([mean], [row], "o", color=color, markersize=6)
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(table)), [plain_label(name) for name in table["candidate"]])
    axes.set_title("Log score per geo-week, less the best one's (90% intervals)", **title_style())
    return png_bytes(figure)


def response_curve_grid(pooled_curves: pd.DataFrame) -> bytes:
    """Response curves of the (at most 12) channels with the largest spend, current spend marked."""
    largest = pooled_curves.groupby("channel", sort=False)["spend"].max().sort_values(ascending=False)
    channels = [str(channel) for channel in largest.index[:_MAX_CURVES]]
    columns = min(len(channels), 4) or 1
    rows = -(-len(channels) // columns) or 1
    figure, cells = new_figure(2.3 * columns, 1.9 * rows, rows, columns)
    colors = channel_colors([str(channel) for channel in pooled_curves["channel"].unique()])
    for axes, channel in zip(cells, channels, strict=False):
        curve = pooled_curves[pooled_curves["channel"] == channel].sort_values("multiplier")
        color = colors[channel]
        axes.fill_between(curve["spend"], curve["q05"], curve["q95"], color=color, alpha=0.18, linewidth=0)
        axes.plot(curve["spend"], curve["outcome_mean"], color=color, linewidth=1.4)
        now = curve.iloc[int((curve["multiplier"] - 1).abs().to_numpy().argmin())]
        axes.plot([now["spend"]], [now["outcome_mean"]], "o", color=color, markersize=5)
        axes.set_title(plain_label(channel), **title_style())
        axes.locator_params(nbins=4)
    for axes in cells[len(channels) :]:
        axes.set_axis_off()
    return png_bytes(figure)


def fit_lines(fit: pd.DataFrame) -> bytes:
    """Actual and predicted KPI, summed over geos; with the interval if there is one geo.

    Weeks in which a geo's KPI is not known have no actual value.
    """
    figure, (axes,) = new_figure(8.0, 3.0, dates=True)
    total = fit.groupby("date")[["actual", "predicted_mean", "q05", "q95"]].sum()
    total["actual"] = total["actual"].mask(fit["actual"].isna().groupby(fit["date"]).any())
    if fit["geo"].nunique() == 1:
        axes.fill_between(total.index, total["q05"], total["q95"], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(total.index, total["predicted_mean"], color=ACCENT, linewidth=1.4, label="predicted")
    axes.plot(total.index, total["actual"], ".", color=INK, markersize=3.5, label="actual")
    axes.set_title("Actual and predicted KPI, all geos", **title_style())
    axes.margins(x=0.01)
    legend_outside(axes)
    return png_bytes(figure)


def budget_bars(budget_plan: pd.DataFrame, currency: str = "", large: bool = False) -> bytes:
    """Current and recommended spend per channel (all geos), one group of bars per scenario.

    Args:
        budget_plan: `budget_plan.csv`.
        currency: of the spend.
        large: for a file of its own.
    """
    sums = budget_plan.groupby(["scenario", "channel"], sort=False)[["current_spend", "optimal_spend"]].sum()
    scenarios = [str(name) for name in budget_plan["scenario"].unique()]
    channels = [str(name) for name in budget_plan["channel"].unique()]
    columns = min(max(len(scenarios), 1), _MAX_COLUMNS)
    rows = max(-(-len(scenarios) // columns), 1)
    dpi = FILE_DPI if large else SMALL_DPI
    figure, cells = new_figure(3.6 * columns, rows * (1.0 + 0.34 * len(channels)), rows, columns, dpi=dpi)
    where = np.arange(len(channels))[::-1]
    for axes, scenario in zip(cells, scenarios, strict=False):
        part = sums.xs(scenario, level="scenario").reindex(channels)
        axes.barh(where + 0.19, part["current_spend"], height=0.36, color=BASE, label="current")
        axes.barh(where - 0.19, part["optimal_spend"], height=0.36, color=ACCENT, label="recommended")
        axes.set_yticks(where, [plain_label(channel) for channel in channels])
        axes.set_title(plain_label(scenario.replace("_", " ")), **title_style())
        axes.locator_params(axis="x", nbins=5)
        name_axes(axes, currency)
    for axes in cells[len(scenarios) :]:
        axes.set_axis_off()
    if scenarios:
        handles, labels = cells[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=8)
    return png_bytes(figure)


def png_markdown(png: bytes) -> str:
    """The picture as Markdown that needs no file: `![](data:image/png;base64,...)`."""
    return f"![](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"
