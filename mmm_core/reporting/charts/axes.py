"""The frame of a chart: plot area, gridlines and tick labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.scales import Scale, month_ticks, nice_ticks, tick_labels
from mmm_core.reporting.charts.svg import tag

CHARACTER = 7.2
"""Pixels that a character of a label takes at most, on average."""


@dataclass(frozen=True)
class Area:
    """The plot area within a chart, in pixels from the top left."""

    left: float
    right: float
    top: float
    bottom: float


def value_axis(area: Area, low: float, high: float, title: str, count: int = 5) -> tuple[Scale, Markup]:
    """A vertical axis that encloses [low, high]: horizontal gridlines, labels at the left, title on top."""
    ticks = nice_ticks(low, high, count)
    scale = Scale(ticks[0], ticks[-1], area.bottom, area.top)
    parts = [tag("text", title, x=0.0, y=area.top - 14, class_="axis-title")]
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        y = scale(tick)
        kind = "zero" if tick == 0 else "grid"
        parts.append(tag("line", x1=area.left, x2=area.right, y1=y, y2=y, class_=kind))
        parts.append(tag("text", label, x=area.left - 8, y=y + 4, text_anchor="end"))
    return scale, Markup("").join(parts)


def horizontal_axis(
    area: Area, low: float, high: float, title: str, count: int = 5, grid: bool = True
) -> tuple[Scale, Markup]:
    """A horizontal axis below the area, with a title under its labels; vertical gridlines if wanted."""
    ticks = nice_ticks(low, high, count)
    scale = Scale(ticks[0], ticks[-1], area.left, area.right)
    parts = []
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        x = scale(tick)
        if grid:
            kind = "zero" if tick == 0 else "grid"
            parts.append(tag("line", x1=x, x2=x, y1=area.top, y2=area.bottom, class_=kind))
        parts.append(tag("text", label, x=x, y=area.bottom + 17, text_anchor="middle"))
    middle = (area.left + area.right) / 2
    parts.append(tag("text", title, x=middle, y=area.bottom + 36, text_anchor="middle", class_="axis-title"))
    return scale, Markup("").join(parts)


def week_axis(area: Area, dates: pd.DatetimeIndex) -> tuple[Scale, Markup]:
    """A horizontal axis over weeks (positions 0 .. T - 1) with month labels."""
    scale = Scale(0, max(len(dates) - 1, 1), area.left, area.right)
    parts = []
    for position, label in month_ticks(dates):
        x = scale(position)
        parts.append(tag("line", x1=x, x2=x, y1=area.bottom, y2=area.bottom + 5, class_="tick"))
        # A label at the right edge would be cut off, so it ends at its tick there.
        anchor = "end" if x > area.right - 30 else "middle"
        parts.append(tag("text", label, x=x, y=area.bottom + 19, text_anchor=anchor))
    return scale, Markup("").join(parts)


def label_width(labels: Sequence[str], most: float = 230.0) -> float:
    """Pixels that the longest of the (shortened) labels needs."""
    return min(max((len(label) for label in labels), default=0) * CHARACTER + 10, most)


def shortened(label: str, width: float) -> str:
    """The label, cut with an ellipsis if it is wider than `width` pixels."""
    most = max(int((width - 10) / CHARACTER + 1e-6), 4)
    return label if len(label) <= most else label[: most - 1] + "…"


def row_label(label: str, x: float, y: float, width: float) -> Markup:
    """A label that ends at x, shortened to fit, with the full text for those who point at it."""
    return tag("text", tag("title", label), shortened(label, width), x=x, y=y, text_anchor="end", class_="label")
