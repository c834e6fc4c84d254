"""Several estimates of the same thing side by side, one row per thing; symbols differ, not only colours."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, label_width, row_label
from mmm_core.reporting.charts.scales import Scale
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import as_number, compact, span
from mmm_core.reporting.palette import ACCENT

Symbol = Literal["dot", "ring", "square", "diamond"]
SIGNS: dict[Symbol, str] = {"dot": "●", "ring": "○", "square": "■", "diamond": "◆"}
"""How a symbol is written in a legend."""
_LINE, _GAP = 17.0, 13.0


@dataclass(frozen=True)
class Estimate:
    """One mark, with a line where there is an interval."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    color: str = ACCENT
    symbol: Symbol = "dot"
    words: str = "90% interval"
    """What the line shows."""


def estimate_of(
    name: str,
    row: Mapping[Hashable, Any],
    keys: tuple[str, str, str],
    color: str = ACCENT,
    symbol: Symbol = "dot",
    words: str = "90% interval",
) -> Estimate:
    """An estimate from a row's columns of value, lower and upper end."""
    value, low, high = (as_number(row[key]) for key in keys)
    return Estimate(name, value, low, high, color, symbol, words)


@dataclass(frozen=True)
class Compared:
    """One row: estimates from top to bottom."""

    label: str
    estimates: tuple[Estimate, ...]


def compared_chart(
    rows: Sequence[Compared],
    title: str,
    label: str,
    show: Callable[[float | None], str] = compact,
    domain: tuple[float, float] | None = None,
    width: float = 1080.0,
    reference: float | None = None,
) -> Markup:
    """Marks with their intervals; a line that leaves the axis ends there with an arrow.

    Args:
        rows: from top to bottom.
        title: of the value axis.
        label: what the chart shows, in words.
        show: how values are written.
        domain: values that the axis must enclose; None: all, and 0.
        width: of the chart.
        reference: value of a dashed vertical line.
    """
    margin = label_width([row.label for row in rows], 0.4 * width)
    heights = [_LINE * len(row.estimates) + _GAP for row in rows]
    area = Area(left=margin, right=width - 14, top=8, bottom=8 + sum(heights))
    x, axis = horizontal_axis(area, *(domain or domain_of(rows)), title, count=8 if width > 600 else 3)
    parts = [axis]
    if reference is not None and x.low <= reference <= x.high:
        at = x(reference)
        parts.append(tag("line", x1=at, x2=at, y1=area.top, y2=area.bottom, class_="reference"))
    top = area.top
    for row, height in zip(rows, heights, strict=True):
        parts.append(row_label(row.label, area.left - 10, top + height / 2 + 4, area.left))
        for number, estimate in enumerate(row.estimates):
            y = top + _GAP / 2 + _LINE * (number + 0.5)
            parts.append(_mark(row.label, estimate, x, y, area, show))
        top += height
    return chart(width, area.bottom + 46, label, *parts)


def domain_of(rows: Sequence[Compared]) -> tuple[float, float]:
    """All finite values and ends, and 0."""
    values = [
        value
        for row in rows
        for estimate in row.estimates
        for value in (estimate.value, estimate.low, estimate.high)
    ]
    finite = [value for value in values if math.isfinite(value)]
    return min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)


def _mark(
    row: str, estimate: Estimate, x: Scale, y: float, area: Area, show: Callable[[float | None], str]
) -> Markup:
    """Line, symbol and the area that tells the numbers; nothing of what is not known."""
    if not math.isfinite(estimate.value):
        return Markup("")
    parts = []
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        low, high = (x(min(max(value, x.low), x.high)) for value in (estimate.low, estimate.high))
        parts.append(tag("line", x1=low, x2=high, y1=y, y2=y, stroke=estimate.color, class_="whisker"))
        if estimate.high > x.high:
            parts.append(_arrow(high, y, 1, estimate.color))
        if estimate.low < x.low:
            parts.append(_arrow(low, y, -1, estimate.color))
    if x.low <= estimate.value <= x.high:
        parts.append(_symbol(estimate, x(estimate.value), y))
    size = area.right - area.left
    parts.append(tag("rect", x=area.left, y=y - _LINE / 2, width=size, height=_LINE, class_="hit"))
    return tag("g", *parts, data_tip=_tip(row, estimate, show))


def _tip(row: str, estimate: Estimate, show: Callable[[float | None], str]) -> str:
    text = f"{row}, {estimate.name}: {show(estimate.value)}"
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        text += f" ({estimate.words} {span(show(estimate.low), show(estimate.high))})"
    return text


def _arrow(x: float, y: float, direction: int, color: str) -> Markup:
    """The line goes on beyond the axis."""
    return tag("path", d=f"M{x:.1f} {y - 5:.1f}l{6 * direction} 5l{-6 * direction} 5z", fill=color)


def _symbol(estimate: Estimate, x: float, y: float) -> Markup:
    exact = repr(float(estimate.value))
    if estimate.symbol == "square":
        box = {"x": x - 4.5, "y": y - 4.5, "width": 9.0, "height": 9.0}
        return tag("rect", **box, fill=estimate.color, class_="dot", data_value=exact)
    if estimate.symbol == "diamond":
        shape = f"M{x:.1f} {y - 6.5:.1f}l6 6.5l-6 6.5l-6-6.5z"
        return tag("path", d=shape, fill=estimate.color, class_="dot", data_value=exact)
    if estimate.symbol == "ring":
        ring = {"fill": "#fff", "stroke": estimate.color, "stroke_width": 2}
        return tag("circle", cx=x, cy=y, r=4.5, **ring, data_value=exact)
    return tag("circle", cx=x, cy=y, r=5.0, fill=estimate.color, class_="dot", data_value=exact)
