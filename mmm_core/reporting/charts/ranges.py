"""Where the weeks of each geo lie: one row per geo, on a logarithmic axis where sizes differ much."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, label_width, row_label
from mmm_core.reporting.charts.scales import Scale, nice_ticks, tick_labels
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import compact
from mmm_core.reporting.palette import ACCENT

WIDTH = 1080.0
_ROW, _TOP = 18.0, 8.0
_LOGARITHMIC_FROM = 20.0
"""Largest by smallest value from which on the axis is logarithmic."""


@dataclass(frozen=True)
class Range:
    """Quantiles of one row."""

    label: str
    quantiles: tuple[float, float, float, float, float]
    """5, 25, 50, 75 and 95 %."""


def range_chart(rows: Sequence[Range], title: str, label: str) -> Markup:
    """A thin line from 5 to 95 %, a thick one from 25 to 75 %, a dot at the median."""
    margin = label_width([row.label for row in rows], 170.0)
    area = Area(left=margin, right=WIDTH - 30, top=_TOP, bottom=_TOP + _ROW * len(rows))
    values = [value for row in rows for value in row.quantiles]
    lowest, highest = min(values, default=0.0), max(values, default=1.0)
    logarithmic = lowest > 0 and highest > _LOGARITHMIC_FROM * lowest
    ticks = _log_ticks(lowest, highest) if logarithmic else nice_ticks(min(lowest, 0.0), highest, 6)
    place = _Place(logarithmic, area, ticks[0], ticks[-1])
    labels = [compact(tick) for tick in ticks] if logarithmic else tick_labels(ticks)
    parts = []
    for tick, text in zip(ticks, labels, strict=True):
        x = place(tick)
        parts.append(tag("line", x1=x, x2=x, y1=area.top, y2=area.bottom, class_="grid"))
        parts.append(tag("text", text, x=x, y=area.bottom + 17, text_anchor="middle"))
    middle = (area.left + area.right) / 2
    suffix = " (logarithmic scale)" if logarithmic else ""
    parts.append(
        tag("text", title + suffix, x=middle, y=area.bottom + 36, text_anchor="middle", class_="axis-title")
    )
    marks = [_row(row, place, area.top + _ROW * (number + 0.5), margin) for number, row in enumerate(rows)]
    return chart(WIDTH, area.bottom + 44, label, *parts, *marks)


class _Place:
    """From a value to its pixel."""

    def __init__(self, logarithmic: bool, area: Area, low: float, high: float) -> None:
        self._logarithmic = logarithmic
        ends = (math.log10(low), math.log10(high)) if logarithmic else (low, high)
        self._scale = Scale(*ends, area.left, area.right)

    def __call__(self, value: float) -> float:
        return self._scale(math.log10(value) if self._logarithmic else value)


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten (the powers alone over more than three decades) that enclose the values."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1.0,) if last - first > 3 else (1.0, 2.0, 5.0)
    every = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    below, above = [tick for tick in every if tick <= low], [tick for tick in every if tick >= high]
    return tuple(tick for tick in every if below[-1] <= tick <= above[0])


def _row(row: Range, place: _Place, y: float, margin: float) -> Markup:
    q05, q25, q50, q75, q95 = (place(value) for value in row.quantiles)
    low, _, median, _, high = (compact(value) for value in row.quantiles)
    return tag(
        "g",
        row_label(row.label, margin - 8, y + 4, margin + 1),
        tag("line", x1=q05, x2=q95, y1=y, y2=y, stroke="#9cc3dd", stroke_width=2),
        tag("line", x1=q25, x2=q75, y1=y, y2=y, stroke="#5b9dc9", stroke_width=7),
        tag("circle", cx=q50, cy=y, r=4.0, fill=ACCENT, class_="dot"),
        data_tip=f"{row.label}: median {median} per week, nine of ten weeks from {low} to {high}",
    )
