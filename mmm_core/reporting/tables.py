"""Tables of the report: what a reader sees beside the exact number behind it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from mmm_core.reporting.formats import column_format, percent

Tone = Literal["", "good", "warn", "bad", "muted"]


@dataclass(frozen=True)
class Cell:
    """One cell."""

    text: str
    value: float | None = None
    """Exact number behind the text."""
    tone: Tone = ""
    numeric: bool = False
    swatch: str | None = None
    """Colour of a small square before the text."""
    bar: float | None = None
    """Length of a bar behind the text, as a share of the cell."""

    @property
    def exact(self) -> str | None:
        """The exact number in full precision, as Python writes it; None if there is none."""
        return None if self.value is None or not math.isfinite(self.value) else repr(float(self.value))


@dataclass(frozen=True)
class Heading:
    """Title of a column."""

    text: str
    numeric: bool = True
    note: str | None = None
    """What the column means, shown when pointed at."""


@dataclass(frozen=True)
class Table:
    """A table with an optional last row of totals."""

    key: str
    """Stable name of the table within the report."""
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    wide: bool = False
    """Whether texts wrap instead of columns being as narrow as they can."""


def text_cells(texts: Sequence[str], tone: Tone = "") -> list[Cell]:
    """Plain text cells."""
    return [Cell(text, tone=tone) for text in texts]


def number_cells(
    values: Sequence[float | None], formatter: Callable[[float | None], str] | None = None
) -> list[Cell]:
    """Number cells with the same decimals, or with `formatter`."""
    show = formatter or column_format(values)
    return [Cell(show(value), value, numeric=True) for value in values]


def change_cells(values: Sequence[float | None]) -> list[Cell]:
    """Relative changes, signed."""
    return [Cell(percent(value, signed=True), value, numeric=True) for value in values]


def transposed(*columns: Sequence[Cell]) -> tuple[tuple[Cell, ...], ...]:
    """Rows from columns of equal length."""
    return tuple(zip(*columns, strict=True))


def quantity(text: str, value: float) -> Markup:
    """A number within a sentence, with its exact value."""
    return Markup('<b data-value="{}">{}</b>').format(repr(float(value)), text)
