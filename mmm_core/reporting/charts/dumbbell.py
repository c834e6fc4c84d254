"""From where to where values moved: one row per thing, a line from a ring to one or more dots."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, label_width, row_label
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.palette import ACCENT, MUTED

_WIDTH, _ROW, _TOP = 720.0, 24.0, 8.0


@dataclass(frozen=True)
class Dumbbell:
    """One row."""

    label: str
    before: float
    after: tuple[tuple[str, float], ...]
    """(name, value), any number."""


def dumbbell_chart(
    rows: Sequence[Dumbbell], title: str, label: str, show: Callable[[float | None], str]
) -> Markup:
    """Rings where values were, dots where they went; what is not finite is left out.

    Args:
        rows: from top to bottom.
        title: of the value axis.
        label: what the chart shows, in words.
        show: how values are written.
    """
    values = [value for row in rows for value in (row.before, *(after for _, after in row.after))]
    finite = [value for value in values if math.isfinite(value)]
    area = Area(label_width([row.label for row in rows]), _WIDTH - 14, _TOP, _TOP + _ROW * len(rows))
    x, axis = horizontal_axis(area, min(0.0, *finite, 0.0), max(0.0, *finite, 0.0), title)
    parts = [axis]
    for number, row in enumerate(rows):
        y = area.top + _ROW * (number + 0.5)
        parts.append(row_label(row.label, area.left - 10, y + 4, area.left))
        known = [(name, value) for name, value in row.after if math.isfinite(value)]
        if not known or not math.isfinite(row.before):
            continue
        start, places = x(row.before), [x(value) for _, value in known]
        ends = (min(start, *places), max(start, *places))
        marks = [tag("line", x1=ends[0], x2=ends[1], y1=y, y2=y, stroke=ACCENT, class_="whisker")]
        marks += [
            tag("circle", cx=place, cy=y, r=4.0, fill=ACCENT, class_="dot", data_value=repr(float(value)))
            for place, (_, value) in zip(places, known, strict=True)
        ]
        ring = {"fill": "#fff", "stroke": MUTED, "stroke_width": 2}
        marks.append(tag("circle", cx=start, cy=y, r=4.5, **ring, data_value=repr(float(row.before))))
        hit = tag("rect", x=area.left, y=y - _ROW / 2, width=area.right - area.left, height=_ROW, class_="hit")
        parts.append(tag("g", *marks, hit, data_tip=_tip(row, known, show)))
    return chart(_WIDTH, area.bottom + 46, label, *parts)


def _tip(row: Dumbbell, known: Sequence[tuple[str, float]], show: Callable[[float | None], str]) -> str:
    name, farthest = max(known, key=lambda pair: abs(pair[1] - row.before))
    return f"{row.label}: {show(row.before)}, {name} {show(farthest)}"
