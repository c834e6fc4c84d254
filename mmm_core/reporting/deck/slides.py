"""What stands on a slide, independent of the file format.  All lengths are inches."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from mmm_core.reporting.deck.said import Said

WIDTH, HEIGHT = 13.333, 7.5
LEFT, RIGHT = 0.6, 12.733
TOP, BOTTOM = 1.6, 6.8
"""The body of a slide, between its title and its foot."""
Tone = Literal["", "muted", "warn", "bad"]
Kind = Literal["bars", "columns", "area", "lines"]


@dataclass(frozen=True)
class Box:
    """A rectangle on the slide."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Words:
    """Paragraphs; those that do not fit even in small letters are left out and counted."""

    box: Box
    paragraphs: tuple[Said, ...]
    size: float = 18
    """Points; smaller if there is much to say, down to `SMALLEST`."""
    bullets: bool = False
    tone: Tone = ""


@dataclass(frozen=True)
class Tile:
    """One big number, what it is, and how sure it is."""

    box: Box
    number: Said
    label: Said
    note: Said


@dataclass(frozen=True)
class Column:
    """A column of a grid."""

    heading: str
    cells: tuple[Said, ...]
    numeric: bool = True
    """Numbers stand right and are never shortened."""


@dataclass(frozen=True)
class Grid:
    """A native table."""

    box: Box
    columns: tuple[Column, ...]
    alt: str
    source: str
    """Table and columns that the cells come from."""
    emphasis: int | None = None
    """Row in bold."""


@dataclass(frozen=True)
class Series:
    """Values of one series, one per category."""

    name: str
    values: tuple[float | None, ...]
    color: str
    low: tuple[float | None, ...] | None = None
    high: tuple[float | None, ...] | None = None
    """Ends of the interval of each value, drawn as error bars."""
    dashed: bool = False
    dots: bool = False
    """Markers without a line (charts of kind `lines`)."""


@dataclass(frozen=True)
class Chart:
    """A native chart over categories or dates."""

    box: Box
    kind: Kind
    categories: tuple[str, ...] | tuple[date, ...]
    series: tuple[Series, ...]
    unit: str
    """Title of the value axis."""
    alt: str
    source: str


@dataclass(frozen=True)
class Points:
    """A line or a single point of an XY chart."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    color: str
    dashed: bool = False
    marker: bool = False


@dataclass(frozen=True)
class Plot:
    """A native XY chart."""

    box: Box
    points: tuple[Points, ...]
    x_unit: str
    y_unit: str
    alt: str
    source: str
    title: str = ""
    legend: bool = True


Part = Words | Tile | Grid | Chart | Plot


@dataclass(frozen=True)
class Slide:
    """One slide.  Its title is a finding in one sentence."""

    title: Said
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    """What the speaker should know beside the sources, which are added."""
    opening: bool = False
    """Whether this is the title slide."""


def halves(share: float = 0.5, gap: float = 0.3, top: float = TOP, bottom: float = BOTTOM) -> tuple[Box, Box]:
    """The body in two columns, the left one with `share` of the width."""
    width = RIGHT - LEFT - gap
    left = width * share
    return (
        Box(LEFT, top, left, bottom - top),
        Box(LEFT + left + gap, top, width - left, bottom - top),
    )


def body(top: float = TOP, bottom: float = BOTTOM) -> Box:
    """The whole width between two heights."""
    return Box(LEFT, top, RIGHT - LEFT, bottom - top)


def note(text: str | Said, height: float) -> Words:
    """What to know about the charts above, muted, over the whole width of the lowest part of the body."""
    return Words(_lowest(height), (Said(text) if isinstance(text, str) else text,), size=13, tone="muted")


def findings(*said: Said, height: float = 0.7) -> Words:
    """What follows from the charts above, likewise, a paragraph each."""
    return Words(_lowest(height, height + 0.05), tuple(one for one in said if one.text), size=14)


def _lowest(height: float, box_height: float | None = None) -> Box:
    return Box(LEFT, BOTTOM - height, RIGHT - LEFT, box_height or height)


def tiled(box: Box, n_columns: int, n_rows: int, gap: float = 0.2) -> list[Box]:
    """Equal boxes, row by row."""
    width = (box.width - gap * (n_columns - 1)) / n_columns
    height = (box.height - gap * (n_rows - 1)) / n_rows
    return [
        Box(box.left + column * (width + gap), box.top + row * (height + gap), width, height)
        for row in range(n_rows)
        for column in range(n_columns)
    ]
