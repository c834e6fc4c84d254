"""One line per year over the weeks of the year, and their mean."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, value_axis
from mmm_core.reporting.charts.scales import Scale, value_range
from mmm_core.reporting.charts.svg import chart, line_data, tag
from mmm_core.reporting.formats import percent
from mmm_core.reporting.palette import INK

WIDTH, HEIGHT = 1080.0, 280.0
_AREA = Area(left=58, right=1070, top=26, bottom=245)
_WEEKS = 53
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def year_chart(
    years: Sequence[tuple[str, str, Sequence[float]]], mean: Sequence[float], unit: str, label: str
) -> Markup:
    """Thin lines per year and a strong one for their mean.

    Args:
        years: (name, colour, 53 values; NaN where there is none).
        mean: 53 values.
        unit: title of the value axis.
        label: what the chart shows, in words.
    """
    every = [*mean, *(value for _, _, values in years for value in values)]
    y, y_axis = value_axis(_AREA, *value_range(every), unit, count=4)
    x = Scale(1, _WEEKS, _AREA.left, _AREA.right)
    across = x.many(range(1, _WEEKS + 1))
    parts = []
    for number, month in enumerate(_MONTHS):
        at = x(1 + number * 52.18 / 12)
        parts.append(tag("line", x1=at, x2=at, y1=_AREA.bottom, y2=_AREA.bottom + 5, class_="tick"))
        parts.append(tag("text", month, x=at + 4, y=_AREA.bottom + 19))
    lines = [
        tag("path", d=line_data(across, y.many(values)), stroke=color, class_="line thin")
        for _, color, values in years
    ]
    bold = tag("path", d=line_data(across, y.many(mean)), stroke=INK, class_="line bold")
    step = across[1] - across[0]
    hits = [
        tag("rect", x=at - step / 2, y=_AREA.top, width=step, height=_AREA.bottom - _AREA.top, class_="hit",
            data_tip=_tip(week, years, mean))
        for week, at in enumerate(across)
        if math.isfinite(mean[week])
    ]  # fmt: skip
    return chart(WIDTH, HEIGHT, label, y_axis, *parts, *lines, bold, *hits)


def _tip(week: int, years: Sequence[tuple[str, str, Sequence[float]]], mean: Sequence[float]) -> str:
    known = [f"{name} {percent(values[week])}" for name, _, values in years if math.isfinite(values[week])]
    return f"Week {week + 1}: mean {percent(mean[week])} of the average week ({', '.join(known)})"
