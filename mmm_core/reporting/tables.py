"""Tables of the report: what a reader sees beside the exact number behind it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
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
    note: str | None = None
    """More about it, shown when pointed at."""

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
    top: int = 0
    """Rows that are shown until a reader asks for all; 0: all.  Without the script all are shown."""


def text_cells(texts: Sequence[str], tone: Tone = "") -> list[Cell]:
    """Plain text cells."""
    return [Cell(text, tone=tone) for text in texts]


def number_cells(
    values: Sequence[float | None], formatter: Callable[[float | None], str] | None = None
) -> list[Cell]:
    """Number cells with the same decimals, or with `formatter`."""
    show = formatter or column_format(values)
    return [Cell(show(value), value, numeric=True) for value in values]


def column_cells(
    table: pd.DataFrame, name: str, formatter: Callable[[float | None], str] | None = None
) -> list[Cell]:
    """Number cells of one column."""
    return number_cells(table[name].astype(float).tolist(), formatter)


def change_cells(values: Sequence[float | None]) -> list[Cell]:
    """Relative changes, signed."""
    return [Cell(percent(value, signed=True), value, numeric=True) for value in values]


def transposed(*columns: Sequence[Cell]) -> tuple[tuple[Cell, ...], ...]:
    """Rows from columns of equal length."""
    return tuple(zip(*columns, strict=True))


def interval_cells(
    table: pd.DataFrame, name: str, formatter: Callable[[float | None], str] | None = None
) -> list[list[Cell]]:
    """Columns `name`_mean, `name`_q05 and `name`_q95 with the same decimals."""
    keys = [f"{name}_mean", f"{name}_q05", f"{name}_q95"]
    columns = [table[key].astype(float).tolist() for key in keys]
    show = formatter or column_format([value for column in columns for value in column])
    return [number_cells(column, show) for column in columns]


def quantity(text: str, value: float) -> Markup:
    """A number within a sentence, with its exact value; what is not finite has none."""
    if not math.isfinite(value):
        return Markup("<b>{}</b>").format(text)
    return Markup('<b data-value="{}">{}</b>').format(repr(float(value)), text)
