"""Pairs of horizontal bars: what is spent now and what is recommended."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, label_width, row_label
from mmm_core.reporting.charts.scales import Scale
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import compact, percent
from mmm_core.reporting.palette import BASE, MUTED

_ROW, _BAR = 50.0, 16.0


@dataclass(frozen=True)
class Pair:
    """One row: two amounts of the same thing."""

    label: str
    before: float
    after: float
    color: str

    @property
    def change(self) -> float | None:
        """Relative change, None from zero."""
        return (self.after - self.before) / self.before if self.before > 0 else None


def pair_chart(rows: Sequence[Pair], title: str, label: str) -> Markup:
    """Two bars per row (`before` in grey above `after` in colour) with their values at the ends."""
    width, margin = 1080.0, label_width([row.label for row in rows])
    area = Area(left=margin, right=width - 150, top=6, bottom=6 + _ROW * len(rows))
    largest = max((max(row.before, row.after) for row in rows), default=0.0)
    x, axis = horizontal_axis(area, 0.0, largest, title, count=6)
    marks = [_row(row, x, area.top + _ROW * number, margin) for number, row in enumerate(rows)]
    return chart(width, area.bottom + 46, label, axis, *marks)


def _row(row: Pair, x: Scale, top: float, margin: float) -> Markup:
    """Label, both bars and their values."""
    change = percent(row.change, signed=True)
    first, second = top + 7, top + 7 + _BAR + 2
    tip = f"{row.label}: now {compact(row.before)}, recommended {compact(row.after)} ({change})"
    return tag(
        "g",
        row_label(row.label, margin - 10, top + _ROW / 2 + 4, margin),
        _bar(x, row.before, first, BASE),
        _bar(x, row.after, second, row.color),
        tag("text", compact(row.before), x=x(row.before) + 7, y=first + 12, fill=MUTED),
        tag(
            "text",
            compact(row.after),
            tag("tspan", f"  {change}", class_="change"),
            x=x(row.after) + 7,
            y=second + 12,
            class_="strong",
        ),
        data_tip=tip,
    )


def _bar(x: Scale, value: float, top: float, color: str) -> Markup:
    """One bar from zero."""
    return tag("rect", x=x(0.0), y=top, width=max(x(value) - x(0.0), 0.0), height=_BAR, fill=color, rx=1.5)
