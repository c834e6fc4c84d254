"""Which rows of the source are whose, and their dates: found out once for all geos."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.dates import Days
from mmm_core.data.naming import geo_codes
from mmm_core.data.numbers import as_text, written_dates
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.patterns import shortened
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError

IntArray = NDArray[np.intp]
_SHOWN = 5


@dataclass(frozen=True)
class GeoRows:
    """The rows of each geo, in file order."""

    names: tuple[str, ...]
    """Geos, in order of appearance."""
    codes: IntArray
    """(N,) position of each row's geo in `names`, -1 where it has none."""
    rows: Mapping[str, IntArray]
    """geo -> positions of its rows."""


def geo_rows(source: SourceTable, keys: tuple[str, ...]) -> GeoRows:
    """Which rows are whose; kept with the source, so that asking for each geo costs one pass in all."""
    kept = source.found.get(("geo rows", keys))
    if isinstance(kept, GeoRows):
        return kept
    codes, names = geo_codes(source.frame, keys)
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    rows = {name: order[bounds[number] : bounds[number + 1]] for number, name in enumerate(names)}
    found = GeoRows(tuple(names), codes, rows)
    source.found["geo rows", keys] = found
    return found


def source_dates(
    source: SourceTable, column: str, date_format: str | None, setting: str = "data.date_format"
) -> Days:
    """(N,) dates of all rows, NaT where there is none; kept with the source.

    They are read for all geos together, because one geo's dates may say which number is the day.

    Args:
        source: the table.
        column: its column with dates.
        date_format: how they are written (strptime); None: recognised.
        setting: key of `date_format` in the configuration, for messages.

    Raises:
        DataError: day and month cannot be told apart, or no date is written as `date_format` says.
    """
    key = ("dates", column, date_format)
    kept = source.found.get(key)
    if isinstance(kept, np.ndarray):
        return kept
    written = written_dates(source.frame[column], date_format)
    if written.undecided.any():
        raise DataError(
            f"{source.origin}: the dates in column {column!r} can be read as day/month and as month/day "
            f"({_shown(source, column, np.flatnonzero(written.undecided))}); set {setting}, for example "
            "to %d/%m/%Y or %m/%d/%Y."
        )
    if date_format is not None and len(written.days) and np.isnat(written.days).all():
        raise DataError(
            f"{source.origin}: no date in column {column!r} is written as {setting} says, {date_format!r} "
            f"({_shown(source, column, np.arange(len(written.days)))}); correct or remove it."
        )
    source.found[key] = written.days
    return written.days


def row_numbers(source: SourceTable) -> NDArray[np.int64]:
    """(N,) line of each row in the file."""
    if SOURCE_ROW in source.frame:
        return source.frame[SOURCE_ROW].to_numpy(dtype=np.int64)
    return np.arange(2, len(source.frame) + 2)


def named_rows(source: SourceTable, positions: NDArray[np.integer]) -> str:
    """The first rows by their number, and how many there are: `row 4, 7 (2 in all)`."""
    numbers = row_numbers(source)[positions[:_SHOWN]]
    more = ", …" if len(positions) > _SHOWN else ""
    return f"row {', '.join(map(str, numbers))}{more} ({len(positions)} in all)"


def _shown(source: SourceTable, column: str, positions: NDArray[np.integer]) -> str:
    text = as_text(source.frame[column].iloc[positions[:1]]).iloc[0]
    return f"{shortened(str(text))!r} in {named_rows(source, positions)}"
