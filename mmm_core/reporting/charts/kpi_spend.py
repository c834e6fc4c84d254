"""KPI above spend, on the same weeks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.reporting.charts.axes import Area, value_axis, week_axis
from mmm_core.reporting.charts.bands import hover
from mmm_core.reporting.charts.scales import value_range
from mmm_core.reporting.charts.svg import band_data, chart, line_data, tag
from mmm_core.reporting.palette import INK

WIDTH, HEIGHT = 1080.0, 430.0
_KPI = Area(left=58, right=1070, top=26, bottom=175)
_SPEND = Area(left=58, right=1070, top=225, bottom=395)


def kpi_spend_chart(
    dates: pd.DatetimeIndex,
    kpi: NDArray[np.float64],
    layers: NDArray[np.float64],
    colors: Sequence[str],
    units: tuple[str, str],
    label: str,
    panel: int,
) -> Markup:
    """A line for the KPI, and stacked areas for the spend of channels below it.

    Args:
        dates: (T,) first day of each week.
        kpi: (T,) NaN interrupts the line.
        layers: (L, T) spend per channel, >= 0; may have no row.
        colors: (L,) one colour per channel.
        units: titles of the two value axes.
        label: what the chart shows, in words.
        panel: number of the panel in the data that tooltips read.
    """
    upper, upper_axis = value_axis(_KPI, *value_range(kpi.tolist()), units[0], count=3)
    edges = np.vstack([np.zeros((1, len(dates))), np.cumsum(layers, axis=0)])
    lower, lower_axis = value_axis(_SPEND, 0.0, float(edges.max(initial=0.0)), units[1], count=3)
    x, weeks = week_axis(_SPEND, dates)
    across = x.many(range(len(dates)))
    areas = [
        tag("path", d=band_data(across, lower.many(low), lower.many(high)), fill=color, class_=f"s{number} area")
        for number, (low, high, color) in enumerate(zip(edges, edges[1:], colors, strict=False), start=1)
    ]
    line = tag("path", d=line_data(across, upper.many(kpi)), stroke=INK, class_="line thin")
    spans = Area(_KPI.left, _KPI.right, _KPI.top, _SPEND.bottom)
    return chart(WIDTH, HEIGHT, label, upper_axis, lower_axis, weeks, *areas, line, **hover(spans, panel))
