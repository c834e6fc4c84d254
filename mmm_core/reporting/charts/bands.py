"""A line with its band against what was observed, over weeks."""

import math
from collections.abc import Sequence

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, value_axis, week_axis
from mmm_core.reporting.charts.scales import value_range
from mmm_core.reporting.charts.svg import band_data, chart, dot_data, line_data, tag

WIDTH, HEIGHT = 1080.0, 320.0
AREA = Area(left=58, right=1070, top=26, bottom=285)


def fit_chart(
    dates: pd.DatetimeIndex,
    actual: Sequence[float],
    predicted: Sequence[float],
    band: tuple[Sequence[float], Sequence[float]] | None,
    unit: str,
    label: str,
    panel: int,
) -> Markup:
    """Actual (dots) and predicted (line) values per week, with the band (low, high) where there is one.

    Args:
        dates: (T,) first day of each week.
        actual: (T,) observed values; missing ones get no dot.
        predicted: (T,) posterior predictive means; the line is interrupted where they are missing.
        band: (T,) lower and (T,) upper bounds.
        unit: title of the value axis.
        label: what the chart shows, in words.
        panel: number of the panel in the data that tooltips read.
    """
    every = [*actual, *predicted, *(band[0] if band else ()), *(band[1] if band else ())]
    y, value_part = value_axis(AREA, *value_range(every), unit)
    x, week_part = week_axis(AREA, dates)
    across = x.many(range(len(dates)))
    band_part = (
        tag("path", d=band_data(across, y.many(band[0]), y.many(band[1])), class_="s2 band")
        if band
        else Markup("")
    )
    line = tag("path", d=line_data(across, y.many(predicted)), class_="s1 line predicted")
    # One path of zero-length round strokes draws all dots in a fifth of the bytes that circles need.
    observed_points = (point for point in zip(across, y.many(actual), strict=True) if math.isfinite(point[1]))
    dots = "".join(dot_data(point) for point in observed_points)
    observed = tag("path", d=dots, class_="s0 dots")
    return chart(WIDTH, HEIGHT, label, value_part, week_part, band_part, line, observed, **hover(AREA, panel))


def hover(area: Area, panel: int) -> dict[str, object]:
    """Attributes that tell the script where weeks are, so that it can show the week under the pointer."""
    return {
        "data_panel": panel,
        "data_left": area.left,
        "data_right": area.right,
        "data_top": area.top,
        "data_bottom": area.bottom,
    }
