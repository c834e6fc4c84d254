"""Small charts of one line with its band and marked places, a few side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, value_axis
from mmm_core.reporting.charts.scales import Scale, value_range
from mmm_core.reporting.charts.svg import band_data, chart, line_data, tag

WIDTH, HEIGHT = 350.0, 230.0
_AREA = Area(left=52, right=338, top=28, bottom=184)


@dataclass(frozen=True)
class Mark:
    """A place on a line, with a few words."""

    x: float
    label: str
    value: float
    """The number that the label tells."""


@dataclass(frozen=True)
class Line:
    """(P,) values in order of x; missing ones interrupt the line."""

    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    tips: Sequence[str] = ()
    """(P,) words for those who point at a place."""


def small_line_chart(
    line: Line,
    color: str,
    titles: tuple[str, str],
    label: str,
    marks: Sequence[Mark] = (),
    reference: float | None = None,
    dots: bool = False,
) -> Markup:
    """A line with its band.

    Args:
        line: what is drawn.
        color: of line and band.
        titles: of the horizontal and the vertical axis.
        label: what the chart shows, in words.
        marks: places with a vertical line and a label.
        reference: value of a dashed horizontal line, drawn where the axis holds it.
        dots: whether every point has a dot, for values at whole numbers only.
    """
    low, high = value_range([0.0, *line.low, *line.high])
    y, y_axis = value_axis(_AREA, min(low, 0.0), high, titles[1], count=3)
    x, x_axis = horizontal_axis(_AREA, min(0.0, *line.x), max(line.x), titles[0], count=4, grid=False)
    across, middle = x.many(line.x), y.many(line.mean)
    parts = [tag("path", d=band_data(across, y.many(line.low), y.many(line.high)), fill=color, class_="band")]
    if reference is not None and y.low <= reference <= y.high:
        at = y(reference)
        parts.append(tag("line", x1=_AREA.left, x2=_AREA.right, y1=at, y2=at, class_="reference"))
    parts.append(tag("path", d=line_data(across, middle), stroke=color, class_="line"))
    parts += [_mark(mark, x, _level(line, mark.x, y), color) for mark in marks]
    if dots:
        parts += [
            tag("circle", cx=a, cy=b, r=4.0, fill=color, class_="dot") for a, b in zip(across, middle, strict=True)
        ]
    parts += [_hit(across, n, tip) for n, tip in enumerate(line.tips)]
    return chart(WIDTH, HEIGHT, label, y_axis, x_axis, *parts)


def _level(line: Line, at: float, y: Scale) -> float:
    """Pixel of the line at a place between its points."""
    known = [(a, b) for a, b in zip(line.x, line.mean, strict=True) if math.isfinite(b)]
    before = max((point for point in known if point[0] <= at), default=known[0])
    after = min((point for point in known if point[0] >= at), default=known[-1])
    share = (at - before[0]) / (after[0] - before[0]) if after[0] > before[0] else 0.0
    return y(before[1] + share * (after[1] - before[1]))


def _mark(mark: Mark, x: Scale, level: float, color: str) -> Markup:
    """A drop line, a dot and its label."""
    at = x(mark.x)
    anchor, shift = ("end", -6) if at > (_AREA.left + _AREA.right) / 2 + 40 else ("start", 6)
    above = level - 11 if level > _AREA.top + 18 else level + 20
    exact = repr(float(mark.value))
    return tag(
        "g",
        tag("line", x1=at, x2=at, y1=level, y2=_AREA.bottom, class_="drop"),
        tag("circle", cx=at, cy=level, r=5.5, fill=color, class_="dot"),
        tag(
            "text",
            mark.label,
            x=at + shift,
            y=above,
            text_anchor=anchor,
            class_="mark",
            data_value=exact,
        ),
    )


def _hit(across: Sequence[float], number: int, tip: str) -> Markup:
    """The stretch around a point that tells of it."""
    left = across[0] if number == 0 else (across[number - 1] + across[number]) / 2
    right = across[-1] if number == len(across) - 1 else (across[number] + across[number + 1]) / 2
    left, right = left - 4 * (number == 0), right + 4 * (number == len(across) - 1)
    height = _AREA.bottom - _AREA.top
    return tag("rect", x=left, y=_AREA.top, width=right - left, height=height, class_="hit", data_tip=tip)
