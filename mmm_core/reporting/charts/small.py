"""Small charts of one channel each, a few side by side."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, value_axis
from mmm_core.reporting.charts.scales import Scale, month_ticks
from mmm_core.reporting.charts.svg import chart, dot_data, line_data, path_data, tag
from mmm_core.reporting.formats import counted, fixed
from mmm_core.reporting.palette import BASE, INK

WIDTH, HEIGHT = 350.0, 230.0
_AREA = Area(left=48, right=338, top=28, bottom=184)
WITHOUT_TITLE = Area(left=48, right=338, top=28, bottom=200)


def scatter_chart(
    x: Sequence[float],
    y: Sequence[float],
    middle: Sequence[tuple[float, float]],
    color: str,
    titles: tuple[str, str],
) -> Markup:
    """Dots, and a line through the typical ones.

    Args:
        x: (N,) values to the right.
        y: (N,) values upwards.
        middle: points of the line, from left to right.
        color: of the dots.
        titles: of the horizontal and the vertical axis.
    """
    down, y_axis = value_axis(_AREA, 0.0, max(y, default=1.0), titles[1], count=3)
    across, x_axis = horizontal_axis(_AREA, 0.0, max(x, default=1.0), titles[0], count=4, grid=False)
    dots = "".join(dot_data(point) for point in zip(across.many(x), down.many(y), strict=True))
    line = path_data([(across(a), down(b)) for a, b in middle]) if len(middle) > 1 else ""
    return chart(
        WIDTH,
        HEIGHT,
        f"{titles[1]} against {titles[0]}",
        y_axis,
        x_axis,
        tag("path", d=dots, stroke=color, class_="cloud"),
        tag("path", d=line, stroke=INK, class_="line"),
    )


def lag_chart(lags: Sequence[int], values: Sequence[float], most: float, color: str, name: str) -> Markup:
    """One column per lag; the strongest is labelled.

    Args:
        lags: (L,) weeks by which the channel is earlier than the KPI.
        values: (L,) correlations, NaN where there is none.
        most: largest |correlation| of the axis, the same in all charts side by side.
        color: of the columns with a positive lag; the others are grey.
        name: of the channel.
    """
    y, y_axis = value_axis(_AREA, -most, most, "correlation", count=4)
    step = (_AREA.right - _AREA.left) / max(len(lags), 1)
    parts, known = [], [number for number, value in enumerate(values) if math.isfinite(value)]
    strongest = max(known, key=lambda number: abs(values[number]), default=None)
    for number, (lag, value) in enumerate(zip(lags, values, strict=True)):
        x = _AREA.left + step * number
        if number in known:
            top, bottom = sorted((y(value), y(0.0)))
            when = (
                f"{counted(abs(lag), 'week')} {'later' if lag > 0 else 'earlier'}" if lag else "in the same week"
            )
            tip = f"{name} and the KPI {when}: correlation {fixed(value, 2)}"
            fill = color if lag >= 0 else BASE
            bar = tag("rect", x=x + 1, y=top, width=step - 2, height=max(bottom - top, 0.5), fill=fill)
            hit = tag("rect", x=x, y=_AREA.top, width=step, height=_AREA.bottom - _AREA.top, class_="hit")
            parts.append(tag("g", bar, hit, data_tip=tip))
        if lag % 4 == 0:
            text = "0" if lag == 0 else fixed(lag, 0)
            parts.append(tag("text", text, x=x + step / 2, y=_AREA.bottom + 17, text_anchor="middle"))
        if number == strongest:
            above = y(value) - 5 if value >= 0 else y(value) + 14
            parts.append(
                tag("text", fixed(value, 2), x=x + step / 2, y=above, text_anchor="middle", class_="strong mark")
            )
    title = "weeks from spend to KPI"
    middle = (_AREA.left + _AREA.right) / 2
    parts.append(tag("text", title, x=middle, y=_AREA.bottom + 36, text_anchor="middle", class_="axis-title"))
    return chart(WIDTH, HEIGHT, f"Correlation of the KPI with {name} by lag", y_axis, *parts)


def week_line_chart(dates: pd.DatetimeIndex, values: Sequence[float], color: str, unit: str, label: str) -> Markup:
    """A line over weeks from zero upwards, interrupted where values are missing."""
    finite = [value for value in values if math.isfinite(value)]
    y, y_axis = value_axis(WITHOUT_TITLE, 0.0, max(finite, default=1.0), unit, count=3)
    x, weeks = few_months(dates)
    points = line_data(x.many(range(len(dates))), y.many(values))
    return chart(WIDTH, HEIGHT, label, y_axis, weeks, tag("path", d=points, stroke=color, class_="line thin"))


def histogram_chart(edges: Sequence[float], counts: Sequence[int], titles: tuple[str, str], label: str) -> Markup:
    """Columns over intervals.

    Args:
        edges: (B + 1,) ends of the intervals.
        counts: (B,) how often.
        titles: of the horizontal and the vertical axis.
        label: what the chart shows, in words.
    """
    area = Area(left=58, right=700, top=28, bottom=204)
    y, y_axis = value_axis(area, 0.0, float(max(counts, default=1)), titles[1], count=3)
    x, x_axis = horizontal_axis(area, edges[0], edges[-1], titles[0], count=6, grid=False)
    bars = [
        tag(
            "rect",
            x=x(low) + 0.5,
            y=y(count),
            width=max(x(high) - x(low) - 1, 0.5),
            height=y(0.0) - y(count),
            fill="#7fb4d6",
            data_tip=f"{fixed(low, 2)} to {fixed(high, 2)}: {counted(count, 'geo-week')}",
        )
        for (low, high), count in zip(pairwise(edges), counts, strict=True)
        if count
    ]
    return chart(720.0, 250.0, label, y_axis, x_axis, *bars)


def few_months(dates: pd.DatetimeIndex) -> tuple[Scale, Markup]:
    """A horizontal axis over weeks with at most four labels."""
    area = WITHOUT_TITLE
    scale = Scale(0, max(len(dates) - 1, 1), area.left, area.right)
    parts = []
    for position, label in month_ticks(dates, most=4):
        x = scale(position)
        parts.append(tag("line", x1=x, x2=x, y1=area.bottom, y2=area.bottom + 5, class_="tick"))
        anchor = "end" if x > area.right - 26 else "middle"
        parts.append(tag("text", label, x=x, y=area.bottom + 19, text_anchor=anchor))
    return scale, Markup("").join(parts)
