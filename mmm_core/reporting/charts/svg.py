"""SVG elements with everything escaped, and short path data."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup, escape

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate with at most one decimal, as short as possible: 12.0 -> `12`, -0.3 -> `-.3`."""
    text = f"{value:.1f}".removesuffix(".0")
    if text in ("-0", "0"):
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """An element; `stroke_width=2` becomes `stroke-width="2"`, None is left out, text is escaped."""
    opening = [Markup("{}").format(name)]
    for key, value in attributes.items():
        if value is not None:
            text = number(value) if isinstance(value, float) else value
            opening.append(Markup('{}="{}"').format(key.rstrip("_").replace("_", "-"), text))
    content = Markup("").join(children)
    start = Markup(" ").join(opening)
    return Markup("<{}>{}</{}>").format(start, content, name) if content else Markup("<{}/>").format(start)


def path_data(points: Iterable[Point], close: bool = False) -> str:
    """Straight lines through the points, in relative coordinates of a tenth of a pixel."""
    tenths = [(round(10 * x), round(10 * y)) for x, y in points]
    if not tenths:
        return ""
    steps = [f"M{_pair(*tenths[0])}l"]
    for (x0, y0), (x1, y1) in pairwise(tenths):
        step = _pair(x1 - x0, y1 - y0)
        joined = steps[-1].endswith("l") or step.startswith("-")
        steps.append(step if joined else f" {step}")
    return "".join(steps) + ("z" if close else "")


def band_data(x: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
    """The closed area between two lines over the same x, interrupted where one of them is missing."""
    there, back = list(zip(x, high, strict=True)), list(zip(x, low, strict=True))
    return "".join(path_data([*there[part], *back[part][::-1]], close=True) for part in stretches(low, high))


def stretches(*lines: Sequence[float]) -> list[slice]:
    """Longest runs of positions in which all lines are finite."""
    known = [all(math.isfinite(value) for value in values) for values in zip(*lines, strict=True)]
    edges = [index for index, (one, other) in enumerate(pairwise([False, *known, False])) if one != other]
    return [slice(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def line_data(x: Sequence[float], y: Sequence[float]) -> str:
    """A line through the points, interrupted where y is missing."""
    points = list(zip(x, y, strict=True))
    parts = [points[part] for part in stretches(y)]
    return "".join(path_data(part) if len(part) > 1 else dot_data(part[0]) for part in parts)


def dot_data(point: Point) -> str:
    """A stroke of no length, which round line ends make a dot."""
    return f"{path_data([point])[:-1]}h0"


def chart(width: float, height: float, label: str, *children: str, **attributes: object) -> Markup:
    """The outer `svg` element; `label` says to a screen reader what is shown."""
    return tag(
        "svg",
        *children,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_label=label,
        class_="chart",
        **attributes,
    )


def _pair(x: int, y: int) -> str:
    """Two numbers given in tenths."""
    first, second = number(x / 10), number(y / 10)
    return f"{first}{second}" if second.startswith("-") else f"{first} {second}"


class _Verbatim(str):
    """Text that says of itself that it is markup."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def verbatim(text: str) -> Markup:
    """Text that is not escaped: only for files of this package and for JSON that is safe by itself."""
    return escape(_Verbatim(text))
