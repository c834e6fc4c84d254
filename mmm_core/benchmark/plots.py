"""The benchmark's plots: one group of bars per data set, one bar per backend."""

import io
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from mmm_core.reporting.palette import GRID, INK, MUTED, channel_colors

_DPI = 100


def grouped_bars(
    table: pd.DataFrame, metric: str, title: str, log: bool = False, goal: float | None = None
) -> bytes | None:
    """PNG of one metric by data set and backend; None if no run has it.

    Args:
        table: `summary.result_table`.
        metric: its column.
        title: above the plot.
        log: whether the axis is logarithmic.
        goal: value of a dashed line.
    """
    if metric not in table:
        return None
    known = table[pd.to_numeric(table[metric], errors="coerce").notna()]
    if known.empty:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    datasets, backends = list(dict.fromkeys(known["dataset"])), list(dict.fromkeys(table["backend"]))
    figure = Figure(figsize=(2.5 + 1.6 * len(datasets), 3.4), dpi=_DPI, layout="constrained")
    axes = figure.subplots()
    colors, width = channel_colors(backends), 0.8 / len(backends)
    for number, backend in enumerate(backends):
        rows = known[known["backend"] == backend]
        where = np.array([datasets.index(name) for name in rows["dataset"]], dtype=np.float64)
        offset = (number - (len(backends) - 1) / 2) * width
        axes.bar(where + offset, rows[metric].astype(float), width * 0.92, color=colors[backend], label=backend)
    if goal is not None:
        axes.axhline(goal, color=MUTED, linewidth=1, linestyle="--")
    if log:
        axes.set_yscale("log")
    axes.set_xticks(range(len(datasets)), [name.replace("_", "\n") for name in datasets])
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=MUTED, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _bars(
    metric: str, title: str, log: bool = False, goal: float | None = None
) -> tuple[str, Callable[[pd.DataFrame], bytes | None]]:
    return title, lambda table: grouped_bars(table, metric, title, log, goal)


PLOTS: Mapping[str, tuple[str, Callable[[pd.DataFrame], bytes | None]]] = {
    "ess_per_second": _bars("ess_min_per_second", "Smallest effective sample size per second", log=True),
    "seconds": _bars("seconds", "Seconds, compilation included", log=True),
    "srmse": _bars("srmse", "Error of weekly contributions (SRMSE)"),
    "weekly_coverage": _bars("weekly_coverage", "True weekly contributions inside 90 % intervals", goal=0.9),
    "roas_error": _bars("roas_error", "Relative error of ROAS"),
    "peak_memory": _bars("peak_memory_bytes", "Peak memory, bytes", log=True),
}
"""File name -> title, and what draws it from `summary.result_table`."""
