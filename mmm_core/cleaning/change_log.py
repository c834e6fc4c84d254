"""The log of everything that cleaning changed.

How to read it, column by column: a line says that one cell, at one date, went from `before` to `after` by a
rule.  NaN means that there is no value: before, the cell was empty; after, it is masked, or its row is not in
the panel any more (left out, or combined into another one).  With NaN counted as 0, every amount adds up:

    sum of the raw column + sum of (after - before) over the column's lines = sum of the clean column

for KPI, spend, media, reach and attributed conversions.  Levels (controls, prices, ...) are averaged over the
week, so their sums have no meaning, but their changed cells are there as well.

Lines of the column `(row)` are about whole rows, for reading and counting: `before` is the row's line in the
source, `after` the line of the row that it was combined into (NaN: left out; the same: moved to another date).
Dates are those of the rows: the day, for daily data; for changes after the aggregation, the week.  Rows that
were moved to the first day of their week have that date, and the `(row)` line has the date in the source.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
DateArray = NDArray[np.datetime64]
ObjectArray = NDArray[np.object_]

LOG_COLUMNS = ("geo", "date", "column", "before", "after", "rule")
ROW = "(row)"
"""In place of a column: the line is about the whole row."""


class Changes(NamedTuple):
    """K lines of the log of one geo."""

    dates: DateArray
    columns: ObjectArray
    before: FloatArray
    after: FloatArray
    rules: ObjectArray


def cell_changes(
    dates: DateArray,
    columns: Sequence[str],
    before: FloatArray,
    after: FloatArray | float,
    changed: BoolArray,
    rules: str | ObjectArray,
) -> Changes:
    """One line for each changed cell, by row, then in the order of the columns.

    Args:
        dates: (N,) date of each row.
        columns: C names.
        before: (N, C) values before.
        after: (N, C) values after, or one value for all.
        changed: (N, C) which cells changed; K of them.
        rules: which rule it was; one text, or (K,) in the order of the lines.
    """
    rows, positions = np.nonzero(changed)
    return Changes(
        dates[rows],
        np.array(columns, dtype=object)[positions],
        before[rows, positions],
        np.full(len(rows), after) if isinstance(after, float) else after[rows, positions],
        np.full(len(rows), rules, dtype=object) if isinstance(rules, str) else rules,
    )


def row_changes(dates: DateArray, source_rows: IntArray, after: IntArray | None, rule: str) -> Changes:
    """One line for each row, which is named by its line in the source.

    Args:
        dates: (K,) date of each row.
        source_rows: (K,) its line.
        after: (K,) line of the row that holds its values now; None: it was left out.
        rule: why.
    """
    number = len(dates)
    held = np.full(number, np.nan) if after is None else after.astype(np.float64)
    names, rules = np.full(number, ROW, dtype=object), np.full(number, rule, dtype=object)
    return Changes(dates, names, source_rows.astype(np.float64), held, rules)


def changes_of_dropped_rows(
    dates: DateArray, source_rows: IntArray, columns: Sequence[str], values: FloatArray, reason: str
) -> list[Changes]:
    """The rows' lines, and one line for each of their cells that holds a number.

    Args:
        dates: (K,) date of each row that is left out.
        source_rows: (K,) its line in the source.
        columns: C names.
        values: (K, C) what is lost.
        reason: why.
    """
    rule = f"dropped: {reason}"
    lost = cell_changes(dates, columns, values, float("nan"), ~np.isnan(values), rule)
    return [row_changes(dates, source_rows, None, rule), lost]


def log_frame(geo: str, changes: Sequence[Changes]) -> pd.DataFrame:
    """All changes of one geo, in the order in which they were made; columns `LOG_COLUMNS`."""
    used = [lines for lines in changes if len(lines.dates)]
    if not used:
        empty = np.array([], dtype=object)
        used = [Changes(np.array([], dtype="datetime64[ns]"), empty, np.zeros(0), np.zeros(0), empty)]
    dates, columns, before, after, rules = (np.concatenate(parts) for parts in zip(*used, strict=True))
    return pd.DataFrame(
        {
            "geo": np.full(len(dates), geo, dtype=object),
            "date": dates.astype("datetime64[ns]"),
            "column": columns,
            "before": before,
            "after": after,
            "rule": rules,
        }
    )
