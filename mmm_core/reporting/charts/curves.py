"""A response curve with the current spend and the places of saturation marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from mmm_core.reporting.charts.axes import Area, horizontal_axis, value_axis
from mmm_core.reporting.charts.scales import Scale
from mmm_core.reporting.charts.svg import band_data, chart, path_data, tag
from mmm_core.reporting.formats import compact
from mmm_core.reporting.palette import INK

WIDTH, HEIGHT = 350.0, 250.0
_AREA = Area(left=52, right=338, top=28, bottom=204)
_HALF = "m0-6l6 6l-6 6l-6-6z"
_SATURATED = "m-5-5h10v10h-10z"


@dataclass(frozen=True)
class Curve:
    """The curve of one channel: (P,) arrays in order of spend."""

    channel: str
    spend: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    current: int
    """Index of the point at current spend."""
    half: float | None = None
    """Spend where half of the largest outcome is reached."""
    saturated: float | None = None
    """Spend where more brings a tenth of what it brought on average."""


def curve_chart(curve: Curve, color: str, spend_unit: str, outcome_unit: str) -> Markup:
    """Outcome over spend with its band; dashed beyond current spend, where the data says little."""
    y, value_part = value_axis(_AREA, min(0.0, *curve.low), max(curve.high), outcome_unit, count=4)
    x, spend_part = horizontal_axis(_AREA, 0.0, max(curve.spend), spend_unit, count=3, grid=False)
    across, mean = x.many(curve.spend), y.many(curve.mean)
    points = list(zip(across, mean, strict=True))
    now = curve.current
    band = tag(
        "path",
        d=band_data(across, y.many(curve.low), y.many(curve.high)),
        fill=color,
        class_="band",
    )
    known = tag("path", d=path_data(points[: now + 1]), stroke=color, class_="line")
    beyond = tag("path", d=path_data(points[now:]), stroke=color, class_="line beyond")
    return chart(
        WIDTH,
        HEIGHT,
        f"Response curve of {curve.channel}",
        value_part,
        spend_part,
        band,
        known,
        beyond,
        *_places(curve, points, x),
        _current_mark(curve, points[now], color),
    )


def _places(curve: Curve, points: Sequence[tuple[float, float]], x: Scale) -> list[Markup]:
    """A small mark on the curve at the half and the saturation point, where the axis reaches them."""
    marks = []
    places = (
        ("half of the largest outcome", curve.half, _HALF),
        ("saturation point", curve.saturated, _SATURATED),
    )
    for words, spend, shape in places:
        if spend is not None and np.isfinite(spend) and spend <= curve.spend[-1]:
            at = x(spend)
            y = float(np.interp(at, [point[0] for point in points], [point[1] for point in points]))
            tip = f"{curve.channel}: {words} at {compact(spend)}"
            outline = {"fill": "#fff", "stroke": INK, "stroke_width": 1.6}
            marks.append(
                tag("path", d=f"M{at:.1f} {y:.1f}{shape}", **outline, data_value=repr(float(spend)), data_tip=tip)
            )
    return marks


def _current_mark(curve: Curve, point: tuple[float, float], color: str) -> Markup:
    """Drop line, dot and label at current spend."""
    x, y = point
    now = curve.current
    tip = (
        f"{curve.channel} now: {compact(curve.spend[now])} spent, {compact(curve.mean[now])} back "
        f"(90% interval {compact(curve.low[now])} to {compact(curve.high[now])})"
    )
    label = f"now {compact(curve.spend[now])}"
    anchor, shift = ("end", -6) if x > np.mean([_AREA.left, _AREA.right]) + 60 else ("start", 6)
    return tag(
        "g",
        tag("line", x1=x, x2=x, y1=y, y2=_AREA.bottom, class_="drop"),
        tag("circle", cx=x, cy=y, r=5.5, fill=color, class_="dot"),
        tag("text", label, x=x + shift, y=_AREA.bottom - 7, text_anchor=anchor, class_="mark"),
        data_tip=tip,
    )
