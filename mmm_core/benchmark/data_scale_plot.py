"""The data path as a picture: processor time per geo and memory, by number of geos."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.reporting.palette import ACCENT, GRID, INK, MUTED, channel_colors

_DPI = 100
_GIBIBYTE = 2.0**30
_MILLISECONDS = 1000.0


def data_scale_picture(table: pd.DataFrame, stages: Sequence[str]) -> bytes:
    """PNG: seconds of the processor per geo against geos, stages stacked; memory beside it.

    Args:
        table: `data_scale.DataScale.table`.
        stages: its columns with milliseconds of the processor per geo, in their order.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 3.8), dpi=_DPI, layout="constrained")
    time, memory = figure.subplots(1, 2, width_ratios=(2, 1))
    where, colors = np.arange(len(table)), channel_colors(list(stages))
    bottom = np.zeros(len(table))
    for stage in stages:
        seconds = table[stage].to_numpy(dtype=np.float64) / _MILLISECONDS
        time.bar(where, seconds, 0.6, bottom, color=colors[stage], label=stage)
        bottom += seconds
    memory.bar(where, table["peak_memory_bytes"] / _GIBIBYTE, 0.6, color=ACCENT)
    _dress(time, table, "Processor seconds per geo, from Parquet to the model's data")
    _dress(memory, table, "Peak memory, GiB")
    time.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _dress(axes: Any, table: pd.DataFrame, title: str) -> None:
    axes.set_xticks(range(len(table)), [f"{geos:,} geos" for geos in table["geos"]])
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=MUTED, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
