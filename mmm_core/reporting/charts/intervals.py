"""Estimates with their intervals, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, label_width, row_label
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import ratio
from mmm_core.reporting.palette import TRUTH

_ROW = 34.0


@dataclass(frozen=True)
class Interval:
    """One row of the chart."""

    label: str
    mean: float
    low: float
    high: float
    color: str
    truth: float | None = None


def interval_chart(
    rows: Sequence[Interval], title: str, label: str, domain: tuple[float, float], reference: float | None = None
) -> Markup:
    """Dots with intervals, a diamond at the truth where it is known.

    Args:
        rows: rows from top to bottom.
        title: title of the value axis.
        label: what the chart shows, in words.
        domain: values that the axis must enclose.
        reference: value of a dashed vertical line.
    """
    width, margin = 540.0, label_width([row.label for row in rows], 170)
    height = _ROW * len(rows) + 62
    area = Area(left=margin, right=width - 14, top=12, bottom=12 + _ROW * len(rows))
    x, axis = horizontal_axis(area, *domain, title, count=4)
    marks = [_row(row, x.many([row.low, row.mean, row.high]), area, n) for n, row in enumerate(rows)]
    truths = [
        _diamond(x(row.truth), area.top + _ROW * (n + 0.5), row)
        for n, row in enumerate(rows)
        if row.truth is not None
    ]
    line = Markup("")
    if reference is not None and x.low <= reference <= x.high:
        at = x(reference)
        line = tag("line", x1=at, x2=at, y1=area.top, y2=area.bottom, class_="reference")
    return chart(width, height, label, axis, line, *marks, *truths)


def _row(row: Interval, pixels: Sequence[float], area: Area, number: int) -> Markup:
    """Label, interval and dot of one row."""
    low, mean, high = pixels
    y = area.top + _ROW * (number + 0.5)
    tip = f"{row.label}: {ratio(row.mean)} (90% interval {ratio(row.low)} to {ratio(row.high)})"
    return tag(
        "g",
        row_label(row.label, area.left - 10, y + 4, area.left),
        tag("line", x1=low, x2=high, y1=y, y2=y, stroke=row.color, class_="whisker"),
        tag("circle", cx=mean, cy=y, r=5.5, fill=row.color, class_="dot"),
        tag("rect", x=area.left, y=y - _ROW / 2, width=area.right - area.left, height=_ROW, class_="hit"),
        data_tip=tip,
    )


def _diamond(x: float, y: float, row: Interval) -> Markup:
    """The mark of a known truth."""
    return tag(
        "path",
        d=f"M{x:.1f} {y - 7:.1f}l5 7l-5 7l-5-7z",
        fill="none",
        stroke=TRUTH,
        stroke_width=2,
        data_tip=f"{row.label}: truth {ratio(row.truth)}",
    )
