"""Estimates with their intervals, one row each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, label_width, row_label
from mmm_core.reporting.charts.scales import Scale
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import ratio
from mmm_core.reporting.palette import PRIOR, TRUTH

_ROW = 34.0
_BAND = 20.0
"""Height of the band of a prior."""


@dataclass(frozen=True)
class Interval:
    """One row of the chart."""

    label: str
    mean: float
    low: float
    high: float
    color: str
    truth: float | None = None
    prior: tuple[float, float] | None = None
    """5 % and 95 % quantile before the data were seen."""


def interval_chart(
    rows: Sequence[Interval],
    title: str,
    label: str,
    domain: tuple[float, float],
    reference: float | None = None,
    show: Callable[[float | None], str] = ratio,
    words: str = "",
) -> Markup:
    """Dots with intervals, a diamond at the truth and a light band of the prior where they are known.

    Args:
        rows: rows from top to bottom.
        title: title of the value axis.
        label: what the chart shows, in words.
        domain: values that the axis must enclose.
        reference: value of a dashed vertical line.
        show: how values are written.
        words: what the line leads to from the dot, where it is no interval.
    """
    width, margin = 540.0, label_width([row.label for row in rows], 185)
    height = _ROW * len(rows) + 62
    area = Area(left=margin, right=width - 14, top=12, bottom=12 + _ROW * len(rows))
    x, axis = horizontal_axis(area, *domain, title, count=4)
    marks = [_row(row, x, area, n, _tip(row, show, words)) for n, row in enumerate(rows)]
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


def _row(row: Interval, x: Scale, area: Area, number: int, tip: str) -> Markup:
    """Label, interval and dot of one row."""
    low, mean, high = x.many([row.low, row.mean, row.high])
    y = area.top + _ROW * (number + 0.5)
    return tag(
        "g",
        row_label(row.label, area.left - 10, y + 4, area.left),
        _band(row.prior, x, y) if row.prior else Markup(""),
        tag("line", x1=low, x2=high, y1=y, y2=y, stroke=row.color, class_="whisker"),
        tag("circle", cx=mean, cy=y, r=5.5, fill=row.color, class_="dot"),
        tag("rect", x=area.left, y=y - _ROW / 2, width=area.right - area.left, height=_ROW, class_="hit"),
        data_tip=tip,
    )


def _tip(row: Interval, show: Callable[[float | None], str], words: str) -> str:
    """What is said of a row."""
    if words:
        other = row.low if row.mean == row.high else row.high
        return f"{row.label}: {show(row.mean)} ({words}: {show(other)})"
    tip = f"{row.label}: {show(row.mean)} (90% interval {show(row.low)} to {show(row.high)})"
    return tip + (f"; before the data {show(row.prior[0])} to {show(row.prior[1])}" if row.prior else "")


def _band(prior: tuple[float, float], x: Scale, y: float) -> Markup:
    """The prior's interval, cut off where the axis ends."""
    low, high = (x(min(max(value, x.low), x.high)) for value in prior)
    return tag("rect", x=low, y=y - _BAND / 2, width=max(high - low, 0.0), height=_BAND, fill=PRIOR, rx=3.0)


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
