"""Dots of single values in rows, each with the limit of its row; the worst stand out."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, label_width, row_label
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import counted
from mmm_core.reporting.palette import ACCENT, INK

WIDTH = 350.0
_ROW, _TOP = 19.0, 8.0
_DOTS = 8
_BAD = "#b3261e"


@dataclass(frozen=True)
class Strip:
    """One row."""

    label: str
    values: tuple[tuple[str, float], ...]
    """(name, value), the worst first; infinite: beyond the axis."""
    limit: float | None = None
    """None: none is known."""


def strip_chart(
    rows: Sequence[Strip],
    title: str,
    label: str,
    show: Callable[[float | None], str],
    high_is_bad: bool,
    start: float,
) -> Markup:
    """A line from the smallest to the largest value of a row, and dots of its worst.

    Args:
        rows: from top to bottom, each with a value.
        title: of the axis.
        label: what the chart shows, in words.
        show: how values are written.
        high_is_bad: whether values above the limit fail, else those below.
        start: where the axis begins.
    """
    area = Area(label_width([row.label for row in rows], 140.0), WIDTH - 12, _TOP, _TOP + _ROW * len(rows))
    numbers = [value for row in rows for _, value in row.values] + [row.limit or start for row in rows]
    most = max((value for value in numbers if math.isfinite(value)), default=start)
    x, axis = horizontal_axis(area, start, most if most > start else start + 1, title, count=3)
    parts = [axis]
    for number, row in enumerate(rows):
        y = area.top + _ROW * (number + 0.5)
        places = [x(min(max(value, x.low), x.high)) for _, value in row.values]
        parts.append(row_label(row.label, area.left - 8, y + 4, area.left))
        line = tag("line", x1=min(places), x2=max(places), y1=y, y2=y, stroke=ACCENT, stroke_width=2, opacity=0.35)
        dots = []
        for (_, value), place in list(zip(row.values, places, strict=True))[:_DOTS]:
            bad = row.limit is not None and (value > row.limit if high_is_bad else value < row.limit)
            dots.append(tag("circle", cx=place, cy=y, r=3.5, fill=_BAD if bad else ACCENT, class_="dot"))
        if row.limit is not None:
            at = x(row.limit)
            dots.append(tag("line", x1=at, x2=at, y1=y - 7, y2=y + 7, stroke=INK, stroke_width=1.5))
        hit = tag("rect", x=area.left, y=y - _ROW / 2, width=area.right - area.left, height=_ROW, class_="hit")
        parts.append(tag("g", line, *dots, hit, data_tip=_tip(row, show)))
    return chart(WIDTH, area.bottom + 46, label, *parts)


def _tip(row: Strip, show: Callable[[float | None], str]) -> str:
    name, worst = row.values[0]
    limit = "" if row.limit is None else f", limit {show(row.limit)}"
    shown = show(worst) if math.isfinite(worst) else "without end"
    return f"{row.label}, {counted(len(row.values), 'parameter')}: worst {name} {shown}{limit}"
