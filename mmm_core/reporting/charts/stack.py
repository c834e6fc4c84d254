"""Stacked areas over weeks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.reporting.charts.axes import value_axis, week_axis
from mmm_core.reporting.charts.bands import AREA, HEIGHT, WIDTH, hover
from mmm_core.reporting.charts.svg import band_data, chart, tag


def stack_chart(
    dates: pd.DatetimeIndex,
    layers: NDArray[np.float64],
    colors: Sequence[str],
    unit: str,
    label: str,
    panel: int,
) -> Markup:
    """Layers on top of each other, the first at the bottom.

    Args:
        dates: (T,) first day of each week.
        layers: (L, T) values; only the first may be negative, so that the top is the sum.  Weeks of
            missing values are left empty.
        colors: (L,) one colour per layer.
        unit: title of the value axis.
        label: what the chart shows, in words.
        panel: number of the panel in the data that tooltips read.
    """
    edges = np.vstack([np.zeros((1, len(dates))), np.cumsum(layers, axis=0)])
    y, value_part = value_axis(AREA, float(np.nanmin(edges)), float(np.nanmax(edges)), unit)
    x, week_part = week_axis(AREA, dates)
    across = x.many(range(len(dates)))
    areas = [
        tag("path", d=band_data(across, y.many(low), y.many(high)), fill=color, class_=f"s{number} area")
        for number, (low, high, color) in enumerate(zip(edges, edges[1:], colors, strict=False))
    ]
    zero = tag("line", x1=AREA.left, x2=AREA.right, y1=y(0.0), y2=y(0.0), class_="zero")
    return chart(WIDTH, HEIGHT, label, value_part, week_part, *areas, zero, **hover(AREA, panel))
