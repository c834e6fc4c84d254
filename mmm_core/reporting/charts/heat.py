"""Heat maps over weeks: one row per geo or channel, one step of colour per class of values."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.reporting.charts.axes import Area, label_width, row_label, week_axis
from mmm_core.reporting.charts.svg import chart, tag

WIDTH, ROW = 1080.0, 16.0
_TOP = 34.0
_KEY, _GAP = 15.0, 6.0


def heat_map(
    classes: NDArray[np.integer],
    rows: Sequence[str],
    dates: pd.DatetimeIndex,
    steps: Sequence[tuple[str, str]],
    label: str,
    title: str = "",
    **attributes: object,
) -> Markup:
    """Coloured cells, runs of equal cells as one stroke.

    Args:
        classes: (R, T) position in `steps` of each cell; cells below 0 stay empty.
        rows: (R,) labels.
        dates: (T,) first day of each week.
        steps: (colour, what it stands for); they make the legend above the map.
        label: what the chart shows, in words.
        title: above the map, at the left of the legend.
        attributes: what the script needs to know about the cells.
    """
    margin = label_width(rows, 170.0)
    area = Area(left=margin, right=WIDTH - 10, top=_TOP, bottom=_TOP + ROW * len(rows))
    cell = (area.right - area.left) / max(len(dates), 1)
    inner = Area(area.left + cell / 2, area.right - cell / 2, area.top, area.bottom)
    labels = [
        row_label(name, margin - 8, area.top + ROW * (r + 0.5) + 4, margin + 1) for r, name in enumerate(rows)
    ]
    runs = _runs(classes, len(steps))
    strokes = [
        tag("path", d=data, stroke=color, stroke_width=0.9)
        for data, (color, _) in zip(runs, steps, strict=True)
        if data
    ]
    # Cells are drawn in units of rows and weeks, which keeps the paths short.
    to_cells = f"translate({area.left:.1f} {area.top + ROW / 2:.1f}) scale({cell:.4f} {ROW:.1f})"
    where = {"data_left": area.left, "data_right": area.right, "data_top": area.top, "data_bottom": area.bottom}
    return chart(
        WIDTH,
        area.bottom + 30,
        label,
        tag("text", title, x=0.0, y=14.0, class_="axis-title"),
        step_legend(steps, area.right),
        *labels,
        tag("g", *strokes, transform=to_cells, shape_rendering="crispEdges"),
        week_axis(inner, dates)[1],
        **where,
        **attributes,
    )


def step_legend(steps: Sequence[tuple[str, str]], right: float) -> Markup:
    """Small squares with their meaning, ending at `right`, on top of a chart."""
    widths = [_KEY + _GAP + 6.9 * len(text) + 16 for _, text in steps]
    x, parts = right - sum(widths) + 16, []
    for (color, text), width in zip(steps, widths, strict=True):
        parts.append(tag("rect", x=x, y=2.0, width=_KEY, height=_KEY, fill=color, class_="step"))
        parts.append(tag("text", text, x=x + _KEY + _GAP, y=14.0))
        x += width
    return Markup("").join(parts)


def _runs(classes: NDArray[np.integer], n_steps: int) -> list[str]:
    """Path data per step, in cells."""
    paths: list[list[str]] = [[] for _ in range(n_steps)]
    for r, row in enumerate(classes.tolist()):
        t = 0
        for step, group in groupby(row):
            length = sum(1 for _ in group)
            if step >= 0:
                paths[step].append(f"M{t} {r}h{length}")
            t += length
    return ["".join(path) for path in paths]
