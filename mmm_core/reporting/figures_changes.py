"""Picture of what has changed since the last accepted fit."""

import numpy as np
import pandas as pd

from mmm_core.reporting.drawing import legend_outside, new_figure, plain_label, png_bytes, title_style
from mmm_core.reporting.palette import ACCENT, MUTED

_MOST_ROWS = 30
"""Channels of a picture, the largest changes first; further ones are left out."""


def roi_before_after(table: pd.DataFrame) -> bytes:
    """ROI of each channel in the last accepted fit and in this one, with 90 % intervals, joined by a line.

    Args:
        table: `refresh.returns.return_changes`; channels without a change that is known are left out.
    """
    known = table.dropna(subset=["roi_change_mean"])
    order = known["roi_change_mean"].abs().sort_values(ascending=False).index[:_MOST_ROWS]
    shown = known.loc[order[::-1]].reset_index(drop=True)
    figure, (axes,) = new_figure(7.0, 1.2 + 0.42 * len(shown))
    where = np.arange(len(shown))
    axes.hlines(where, shown["roi_before_mean"], shown["roi_now_mean"], color=MUTED, linewidth=1.0, linestyle=":")
    for when, offset, color, mark, label in (
        ("before", 0.14, MUTED, "s", "last accepted fit"),
        ("now", -0.14, ACCENT, "o", "this fit"),
    ):
        low, high = shown[f"roi_{when}_q05"], shown[f"roi_{when}_q95"]
        axes.hlines(where + offset, low, high, color=color, linewidth=2.5, alpha=0.55)
        axes.plot(shown[f"roi_{when}_mean"], where + offset, mark, color=color, markersize=5, label=label)
    axes.set_yticks(where, [plain_label(name) for name in shown["channel"]])
    axes.set_title("ROI before and now, with 90% intervals", **title_style())
    if len(shown):
        axes.set_xlim(left=min(0.0, float(shown[["roi_before_q05", "roi_now_q05"]].min().min())))
        legend_outside(axes)
    return png_bytes(figure)
