"""PNG figures about how well a model was sampled, and how well it fits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray
from mmm_core.reporting.drawing import (
    FILE_DPI,
    date_axis,
    legend_outside,
    name_axes,
    new_figure,
    plain_label,
    png_bytes,
    title_style,
)
from mmm_core.reporting.palette import ACCENT, BASE, CHANNEL_COLORS, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 20
_MAX_POINTS = 400
"""Points of a chain's line; more cannot be told apart."""
_MAX_LISTED = 25


def rank_grid(draws: Mapping[str, FloatArray]) -> bytes:
    """Histograms of the ranks of each chain's draws among all: alike and flat if the chains agree.

    Reference: Vehtari et al. (2021), Rank-normalization, folding, and localization, Bayesian Analysis 16(2).

    Args:
        draws: parameter -> (C, D) draws.
    """
    figure, cells = _grid(len(draws))
    for axes, (name, values) in zip(cells, draws.items(), strict=False):
        ranks = values.ravel().argsort(kind="stable").argsort(kind="stable").reshape(values.shape)
        edges = np.linspace(0, values.size, _BINS + 1)
        axes.axhline(values.shape[1] / _BINS, color=INK, linewidth=0.8, linestyle="--")
        for chain, of_chain in enumerate(ranks):
            color = CHANNEL_COLORS[chain % len(CHANNEL_COLORS)]
            axes.stairs(np.histogram(of_chain, edges)[0], edges, baseline=None, color=color, linewidth=1.1)
        axes.set_ylim(bottom=0)
        axes.set_title(plain_label(name), **title_style())
    figure.supxlabel("rank among the draws of all chains (one line per chain)", fontsize=8, color=MUTED)
    figure.supylabel("draws", fontsize=8, color=MUTED)
    return png_bytes(figure)


def trace_grid(draws: Mapping[str, FloatArray]) -> bytes:
    """Draws in their order, one line per chain, thinned to 400 points.

    Args:
        draws: parameter -> (C, D) draws.
    """
    figure, cells = _grid(len(draws))
    for axes, (name, values) in zip(cells, draws.items(), strict=False):
        step = -(-values.shape[1] // _MAX_POINTS)
        where = np.arange(0, values.shape[1], step)
        for chain, of_chain in enumerate(values):
            color = CHANNEL_COLORS[chain % len(CHANNEL_COLORS)]
            axes.plot(where, of_chain[where], color=color, linewidth=0.6, alpha=0.8)
        axes.set_title(plain_label(name), **title_style())
    figure.supxlabel("draw (one line per chain)", fontsize=8, color=MUTED)
    figure.supylabel("value", fontsize=8, color=MUTED)
    return png_bytes(figure)


def convergence_bars(parameters: pd.DataFrame, max_rhat: float | None, min_ess: float | None) -> bytes:
    """R-hat and effective sample sizes of the (at most 25) parameters with the largest R-hat.

    Args:
        parameters: parameter, rhat, ess_bulk, ess_tail.
        max_rhat: limit of R-hat; None: not drawn.
        min_ess: limit of the effective sample sizes; None: not drawn.
    """
    table = parameters.sort_values("rhat", ascending=False).head(_MAX_LISTED).iloc[::-1]
    figure, (left, right) = new_figure(9.0, 1.4 + 0.24 * len(table), columns=2, dpi=FILE_DPI)
    where = np.arange(len(table))
    left.plot(table["rhat"].replace(np.inf, np.nan), where, "o", color=ACCENT, markersize=5)
    right.plot(table["ess_bulk"], where, "o", color=ACCENT, markersize=5, label="bulk")
    right.plot(table["ess_tail"], where, "D", color=CHANNEL_COLORS[1], markersize=4.5, label="tail")
    for axes, limit in ((left, max_rhat), (right, min_ess)):
        axes.set_yticks(where, [plain_label(name) for name in table["parameter"]])
        if limit is not None:
            axes.axvline(limit, color=INK, linewidth=0.9, linestyle="--", label=f"limit {limit:g}")
            axes.legend(fontsize=8, frameon=False, loc="best")
    right.tick_params(labelleft=False)
    right.set_xlim(left=0)
    left.xaxis.set_major_formatter(lambda value, _: f"{value:.3f}")
    left.locator_params(axis="x", nbins=5)
    name_axes(left, "R-hat (1: the chains agree)")
    name_axes(right, "effective sample size (draws)")
    left.set_title("Interpreted parameters, the worst on top", **title_style())
    return png_bytes(figure)


def predictive_fit(fit: pd.DataFrame, kpi: str) -> bytes:
    """Actual and predicted KPI of all geos together, with the 90 % predictive interval.

    Args:
        fit: date, actual, predicted_mean, q05, q95 (`Totals.fit`).
        kpi: its unit.
    """
    figure, (axes,) = new_figure(9.0, 3.4, dates=True, dpi=FILE_DPI)
    axes.fill_between(
        fit["date"], fit["q05"], fit["q95"], color=ACCENT, alpha=0.2, linewidth=0, label="90% interval"
    )
    axes.plot(fit["date"], fit["predicted_mean"], color=ACCENT, linewidth=1.4, label="predicted")
    axes.plot(fit["date"], fit["actual"], ".", color=INK, markersize=4, label="actual")
    axes.set_title("Actual and predicted KPI per week, all geos", **title_style())
    axes.margins(x=0.01)
    name_axes(axes, y=kpi)
    legend_outside(axes)
    return png_bytes(figure)


def residuals(fit: pd.DataFrame, kpi: str) -> bytes:
    """Actual less predicted KPI of all geos together: by week, and by predicted value.

    Args:
        fit: date, actual, predicted_mean (`Totals.fit`).
        kpi: its unit.
    """
    figure, (left, right) = new_figure(9.5, 3.2, columns=2, dpi=FILE_DPI)
    difference = fit["actual"] - fit["predicted_mean"]
    date_axis(left)
    left.vlines(fit["date"], 0, difference, color=BASE, linewidth=1.2)
    left.plot(fit["date"], difference, ".", color=ACCENT, markersize=4)
    right.plot(fit["predicted_mean"], difference, ".", color=ACCENT, markersize=4.5)
    for axes in (left, right):
        axes.axhline(0.0, color=INK, linewidth=0.8)
        axes.margins(x=0.02)
    left.set_title("Actual less predicted KPI per week, all geos", **title_style())
    right.set_title("The same by predicted KPI", **title_style())
    name_axes(left, y=kpi)
    name_axes(right, f"predicted ({kpi})", kpi)
    return png_bytes(figure)


def _grid(count: int) -> "tuple[Figure, list[Axes]]":
    columns = min(max(count, 1), 4)
    rows = max(-(-count // columns), 1)
    figure, cells = new_figure(2.5 * columns, 1.8 * rows + 0.3, rows, columns, dpi=FILE_DPI)
    for axes in cells[count:]:
        axes.set_axis_off()
    for axes in cells:
        axes.locator_params(nbins=4)
    return figure, list(cells)
