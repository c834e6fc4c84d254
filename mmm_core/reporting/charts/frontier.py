"""The largest outcome that each budget can bring, and where the scenarios lie."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.charts.axes import CHARACTER, Area, horizontal_axis, value_axis
from mmm_core.reporting.charts.svg import band_data, chart, path_data, tag
from mmm_core.reporting.formats import compact
from mmm_core.reporting.palette import ACCENT, BASE, INK

WIDTH, HEIGHT = 1080.0, 380.0
_AREA = Area(left=64, right=1066, top=30, bottom=326)
_LINE = 17.0
"""Height of a label."""
_SAME = 6.0
"""Pixels between budgets that count as equal."""


@dataclass(frozen=True)
class Point:
    """A plan: its budget and expected outcome."""

    label: str
    budget: float
    outcome: float
    current: bool = False


@dataclass(frozen=True)
class Frontier:
    """(P,) values in order of the budget."""

    budget: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def frontier_chart(frontier: Frontier, points: Sequence[Point], titles: tuple[str, str]) -> Markup:
    """The frontier with its 90 % band, and plans as diamonds (a ring for the current one).

    Args:
        frontier: best outcome by budget.
        points: plans.
        titles: of the horizontal and the vertical axis.
    """
    outcomes = [*frontier.low, *frontier.high, *(point.outcome for point in points)]
    budgets = [*frontier.budget, *(point.budget for point in points)]
    y, y_axis = value_axis(_AREA, *_wide(outcomes), titles[1])
    x, x_axis = horizontal_axis(_AREA, *_wide(budgets), titles[0], count=6, grid=False)
    across, mean = x.many(frontier.budget), y.many(frontier.mean)
    band = tag(
        "path", d=band_data(across, y.many(frontier.low), y.many(frontier.high)), fill=ACCENT, class_="band"
    )
    line = tag("path", d=path_data(zip(across, mean, strict=True)), stroke=ACCENT, class_="line bold")
    dots = [_dot(frontier, number, at) for number, at in enumerate(zip(across, mean, strict=True))]
    placed = [(point, x(point.budget), y(point.outcome)) for point in points]
    marks = [_mark(*one) for one in placed]
    return chart(
        WIDTH, HEIGHT, "Best outcome by budget", y_axis, x_axis, band, line, *dots, *marks, *_labels(placed)
    )


def _wide(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the range of the values."""
    low, high = min(values), max(values)
    margin = 0.04 * (high - low or high)
    return (max(low - margin, 0.0) if low >= 0 else low - margin), high + margin


def _dot(frontier: Frontier, number: int, at: tuple[float, float]) -> Markup:
    """One point of the frontier."""
    tip = (
        f"Budget {compact(frontier.budget[number])}: at best {compact(frontier.mean[number])} "
        f"(90% interval {compact(frontier.low[number])} to {compact(frontier.high[number])})"
    )
    return tag("circle", cx=at[0], cy=at[1], r=4.5, fill=ACCENT, class_="dot", data_tip=tip)


def _mark(point: Point, x: float, y: float) -> Markup:
    """A diamond, or a ring for the current plan."""
    tip = f"{point.label}: budget {compact(point.budget)}, expected outcome {compact(point.outcome)}"
    if point.current:
        return tag("circle", cx=x, cy=y, r=7.0, fill=BASE, stroke=INK, stroke_width=2, data_tip=tip)
    return tag("path", d=f"M{x:.1f} {y - 8:.1f}l7 8l-7 8l-7-8z", fill="#e69f00", stroke=INK, data_tip=tip)


@dataclass(frozen=True)
class _Box:
    """A rectangle that nothing else may cover."""

    left: float
    right: float
    top: float
    bottom: float

    def covers(self, other: "_Box") -> bool:
        """Whether the two share any place."""
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)


def _labels(placed: Sequence[tuple[Point, float, float]]) -> list[Markup]:
    """Names above or below the marks, from the best outcome down where budgets are (nearly) equal."""
    taken = [_Box(x - 8, x + 8, y - 8, y + 8) for _, x, y in placed]
    parts = []
    for group in _groups(placed):
        box = _free_box(group, taken)
        taken.append(box)
        middle = (box.left + box.right) / 2
        for number, (point, _, _) in enumerate(group):
            at = box.top + _LINE * (number + 0.8)
            parts.append(tag("text", point.label, x=middle, y=at, text_anchor="middle", class_="label mark"))
    return parts


def _groups(placed: Sequence[tuple[Point, float, float]]) -> list[list[tuple[Point, float, float]]]:
    """Marks at (nearly) the same budget, each group from top to bottom."""
    groups: list[list[tuple[Point, float, float]]] = []
    for one in sorted(placed, key=lambda one: one[1]):
        if groups and one[1] - groups[-1][0][1] < _SAME:
            groups[-1].append(one)
        else:
            groups.append([one])
    return [sorted(group, key=lambda one: one[2]) for group in groups]


def _free_box(group: Sequence[tuple[Point, float, float]], taken: Sequence[_Box]) -> _Box:
    """The nearest free place above or below a group; where it covers something if there is none."""
    width = CHARACTER * max(len(point.label) for point, _, _ in group)
    height = _LINE * len(group)
    left = min(max(group[0][1] - width / 2, _AREA.left), _AREA.right - width)
    top, bottom = group[0][2] - 11 - height, group[-1][2] + 10
    tries = [at for step in range(24) for at in (top - _LINE * step, bottom + _LINE * step)]
    boxes = [_Box(left, left + width, at, at + height) for at in tries]
    inside = [box for box in boxes if box.top >= _AREA.top and box.bottom <= _AREA.bottom]
    free = [box for box in inside if not any(box.covers(other) for other in taken)]
    start = max(min(top, _AREA.bottom - height), _AREA.top)
    return (free or inside or [_Box(left, left + width, start, start + height)])[0]
