"""Estimates of the same thing period by period."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, value_axis
from mmm_core.reporting.charts.intervals import Interval
from mmm_core.reporting.charts.scales import Scale, value_range
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import ratio

WIDTH, HEIGHT = 350.0, 220.0
_AREA = Area(left=48, right=338, top=28, bottom=188)
_MOST_LABELS = 4


def period_chart(
    rows: Sequence[Interval], top: float, unit: str, label: str, reference: float | None = None
) -> Markup:
    """A dot with its interval per period, from left to right.

    Args:
        rows: periods in their order; missing values leave a gap.
        top: end of the axis, so that charts side by side are on one scale; what goes beyond is cut off.
        unit: title of the value axis.
        label: what the chart shows, in words.
        reference: value of a dashed horizontal line.
    """
    low, _ = value_range([0.0, *(row.low for row in rows)])
    y, axis = value_axis(_AREA, min(low, 0.0), top, unit, count=3)
    step = (_AREA.right - _AREA.left) / max(len(rows), 1)
    every = math.ceil(len(rows) / _MOST_LABELS)
    parts = []
    if reference is not None and y.low <= reference <= y.high:
        at = y(reference)
        parts.append(tag("line", x1=_AREA.left, x2=_AREA.right, y1=at, y2=at, class_="reference"))
    for number, row in enumerate(rows):
        x = _AREA.left + step * (number + 0.5)
        if math.isfinite(row.mean):
            parts.append(_row(row, x, step, y))
        if number % every == 0:
            parts.append(tag("text", row.label, x=x, y=_AREA.bottom + 19, text_anchor="middle"))
    return chart(WIDTH, HEIGHT, label, axis, *parts)


def _row(row: Interval, x: float, step: float, y: Scale) -> Markup:
    """The interval and dot of one period."""
    low, mean, high = (y(min(value, y.high)) for value in (row.low, row.mean, row.high))
    tip = f"{row.label}: {ratio(row.mean)} (90% interval {ratio(row.low)} to {ratio(row.high)})"
    return tag(
        "g",
        tag("line", x1=x, x2=x, y1=low, y2=high, stroke=row.color, class_="whisker"),
        tag("circle", cx=x, cy=mean, r=4.5, fill=row.color, class_="dot"),
        tag("rect", x=x - step / 2, y=_AREA.top, width=step, height=_AREA.bottom - _AREA.top, class_="hit"),
        data_tip=tip,
    )
