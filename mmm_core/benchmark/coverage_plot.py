"""The coverage study as a picture: measured coverage of each level, with the interval that chance gives it."""

import io
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.reporting.palette import GRID, INK, MUTED, channel_colors

_DPI = 100
_SPREAD = 0.05
"""Width over which the channels of a level are set apart."""


def coverage_picture(table: pd.DataFrame) -> bytes:
    """PNG: one plot per backend and scenario (rows) and quantity (columns); lines are where coverage should be.

    Args:
        table: `coverage.coverage_table`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    cases = list(table[["backend", "scenario"]].drop_duplicates().itertuples(index=False, name=None))
    quantities = list(dict.fromkeys(table["quantity"]))
    shape = (max(len(cases), 1), max(len(quantities), 1))
    figure = Figure(figsize=(4.2 * shape[1] + 1.6, 3.0 * shape[0] + 0.4), dpi=_DPI, layout="constrained")
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    colors = channel_colors(list(dict.fromkeys(table["channel"])))
    for line, (backend, scenario) in zip(grid, cases, strict=False):
        for axes, quantity in zip(line, quantities, strict=True):
            rows = table[(table["backend"] == backend) & (table["scenario"] == scenario)]
            _plot(axes, rows[rows["quantity"] == quantity], colors)
            panels = rows["panels"].max()
            title = f"{quantity}: {backend}, {scenario}, {panels} panels"
            axes.set_title(title, fontsize=9, color=INK, loc="left")
    if cases:
        grid[0, -1].legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.supxlabel("probability of the interval", fontsize=8, color=MUTED)
    figure.supylabel("share of intervals that hold the truth", fontsize=8, color=MUTED)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _plot(axes: Any, rows: pd.DataFrame, colors: dict[str, str]) -> None:
    levels = sorted(set(rows["level"]))
    for level in levels:
        axes.hlines(level, level - _SPREAD, level + _SPREAD, color=MUTED, linewidth=1, linestyle="--")
    offsets = np.linspace(-_SPREAD / 2, _SPREAD / 2, max(len(colors), 2))
    for offset, (channel, color) in zip(offsets, colors.items(), strict=False):
        found = rows[rows["channel"] == channel].sort_values("level")
        if found.empty:
            continue
        share = found["coverage"].to_numpy()
        ends = np.abs(np.stack([share - found["low"].to_numpy(), found["high"].to_numpy() - share]))
        where = found["level"].to_numpy() + offset
        axes.errorbar(where, share, yerr=ends, fmt="o", markersize=4, linewidth=1.2, color=color, label=channel)
    axes.set_xticks(levels, [f"{100 * level:.0f} %" for level in levels])
    axes.set_xlim(min(levels) - 0.1, 1.0)
    axes.set_ylim(0, 1.02)
    axes.grid(axis="y", color=GRID)
    axes.tick_params(labelsize=8, colors=MUTED, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
