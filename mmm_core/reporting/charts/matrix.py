"""A correlation matrix: every pair once, each name on the diagonal."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.reporting.charts.axes import CHARACTER, shortened
from mmm_core.reporting.charts.heat import step_legend
from mmm_core.reporting.charts.svg import chart, tag
from mmm_core.reporting.formats import MISSING, fixed

WIDTH = 1080.0
_TOP, _LABEL = 44.0, 230.0
_MAX_WITH_NUMBERS = 24
STEPS: tuple[tuple[float, str], ...] = (
    (-0.8, "#8c3a00"),
    (-0.5, "#d98b4a"),
    (-0.2, "#f3d3b5"),
    (0.2, "#f1f4f6"),
    (0.5, "#bcd9ea"),
    (0.8, "#5b9dc9"),
    (1.01, "#0b4f82"),
)
"""(upper end, colour): orange is negative, blue positive, and dark is strong, in print too."""


def color_of(correlation: float) -> str:
    """Colour of a cell; white if the correlation is not known."""
    if not math.isfinite(correlation):
        return "#ffffff"
    return next(color for end, color in STEPS if correlation <= end or end > 1)


def matrix_chart(names: Sequence[str], values: NDArray[np.float64], label: str) -> Markup:
    """The lower triangle; cells in the row of a name and below it belong to it.

    Args:
        names: (C,) variables.
        values: (C, C) correlations, NaN where there is none.
        label: what the chart shows, in words.
    """
    count = len(names)
    cell = min(92.0, (WIDTH - _LABEL) / max(count, 1))
    height = min(cell, 34.0)
    parts = [step_legend(_legend(), WIDTH - 10)]
    for i, name in enumerate(names):
        y = _TOP + height * i
        for j in range(i):
            parts.append(_cell(name, names[j], float(values[i, j]), (cell * j, y, cell, height), count))
        text = shortened(name, _LABEL + CHARACTER)
        parts.append(tag("text", tag("title", name), text, x=cell * i + 6, y=y + height / 2 + 4, class_="label"))
    return chart(WIDTH, _TOP + height * count + 6, label, *parts)


def _cell(one: str, other: str, value: float, box: tuple[float, float, float, float], count: int) -> Markup:
    x, y, width, height = box
    text = fixed(value, 2) if math.isfinite(value) else MISSING
    parts = [
        tag("rect", x=x + 1, y=y + 1, width=width - 2, height=height - 2, fill=color_of(value), rx=2.0),
    ]
    if count <= _MAX_WITH_NUMBERS:
        dark = "on-dark" if math.isfinite(value) and abs(value) > 0.8 else "cell"
        parts.append(tag("text", text, x=x + width / 2, y=y + height / 2 + 4, text_anchor="middle", class_=dark))
    return tag("g", *parts, data_tip=f"{one} and {other}: {text}")


def _legend() -> list[tuple[str, str]]:
    edges = [fixed(end, 1) for end, _ in STEPS[:-1]]
    texts = [f"below {edges[0]}", *(f"to {edge}" for edge in edges[1:]), f"above {edges[-1]}"]
    return [(color, text) for (_, color), text in zip(STEPS, texts, strict=True)]
