"""One geo's raw rows as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mmm_core.cleaning.change_log import DateArray, FloatArray, IntArray, ObjectArray
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.numbers import dates_or_text, numbers_or_text
from mmm_core.data.panel import CURRENCY, CURRENCY_RATE, DATE, GEO, KPI, NATIONAL_SHARE, SOURCE_ROW
from mmm_core.errors import DataError


@dataclass(frozen=True)
class Rows:
    """N rows of one geo with C numeric columns, sorted by date (rows of one date in the source's order)."""

    geo: str
    dates: DateArray
    """(N,) datetime64[ns], midnight."""
    columns: tuple[str, ...]
    """C panel columns, those of the clean panel."""
    values: FloatArray
    """(N, C), NaN where missing."""
    source_rows: IntArray
    """(N,) line in the source."""
    currency: ObjectArray | None
    """(N,) code in capital letters, empty where missing; None without a currency column."""
    rate: FloatArray | None
    """(N,) worth of one unit of it in the project's currency; None without such a column."""
    national_share: FloatArray | None
    """(N,) share of national amounts that is this geo's; None without national columns."""

    def take(self, positions: IntArray) -> Rows:
        """The rows at these positions, in this order."""
        return replace(
            self,
            dates=self.dates[positions],
            values=self.values[positions],
            source_rows=self.source_rows[positions],
            currency=None if self.currency is None else self.currency[positions],
            rate=None if self.rate is None else self.rate[positions],
            national_share=None if self.national_share is None else self.national_share[positions],
        )

    def numbered(self, positions: IntArray) -> str:
        """`row 3, 4, … (7 in all)`, for messages."""
        lines = self.source_rows[positions].tolist()
        return f"row {', '.join(map(str, lines[:5]))}{', …' if len(lines) > 5 else ''} ({len(lines)} in all)"


def typed_rows(raw: pd.DataFrame, mapping: ColumnMapping, masked: bool) -> Rows:
    """The raw panel sorted by date, numbers as float64.

    Args:
        raw: a raw panel, at least one row.
        mapping: gives source names for the messages.
        masked: whether the KPI may be missing.

    Raises:
        DataError: text among the numbers or dates, no date, infinite numbers, or a missing KPI; what the
            blocking checks refuse.
    """
    columns, text = tuple(mapping.clean_columns), []
    values = np.full((len(raw), len(columns)), np.nan)
    for position, column in enumerate(columns):
        numbers = numbers_or_text(raw[column])
        if pd.api.types.is_numeric_dtype(numbers):
            values[:, position] = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            text.append(column)
    dates = dates_or_text(raw[DATE])
    if not pd.api.types.is_datetime64_any_dtype(dates):
        text.append(DATE)
    source_rows = raw[SOURCE_ROW].to_numpy(dtype=np.intp)
    missing = source_rows[np.isnan(values[:, columns.index(KPI)])]
    problems = [f"column {mapping.source_column(column)!r} holds text" for column in text]
    if len(missing) and not masked and KPI not in text:
        problems.append(f"{mapping.source_column(KPI)!r} is empty in row {missing[0]}")
    problems += _impossible(values, dates, source_rows, [mapping.source_column(column) for column in columns])
    if problems:
        raise not_cleanable(str(raw[GEO].iloc[0]), "; ".join(problems))
    order = np.argsort(dates.to_numpy(), kind="stable")
    rows = Rows(
        geo=str(raw[GEO].iloc[0]),
        dates=dates.to_numpy().astype("datetime64[ns]"),
        columns=columns,
        values=values,
        source_rows=source_rows,
        currency=_codes(raw[CURRENCY]) if CURRENCY in raw else None,
        rate=_floats(raw, CURRENCY_RATE, mapping),
        national_share=_floats(raw, NATIONAL_SHARE, mapping),
    )
    return rows.take(order)


def _impossible(values: FloatArray, dates: pd.Series, source_rows: IntArray, sources: list[str]) -> list[str]:
    """Missing dates and infinite numbers."""
    undated = source_rows[dates.isna().to_numpy()]
    found = [f"a date is missing in row {undated[0]}"] if len(undated) else []
    infinite = np.argwhere(np.isinf(values))
    if len(infinite):
        row, column = infinite[0]
        found.append(f"{sources[column]!r} is infinite in row {source_rows[row]}")
    return found


def not_cleanable(geo: str, problems: str) -> DataError:
    """What the blocking checks of the raw panel would have refused."""
    return DataError(
        f"Geo {geo} cannot be cleaned: {problems}; the checks of raw_panel name the rows, correct them in the "
        "source."
    )


def frame_of(rows: Rows, positions: IntArray) -> pd.DataFrame:
    """These rows as a table: geo, date, the numeric columns, source_row."""
    taken = rows.take(positions)
    frame = pd.DataFrame(taken.values, columns=list(rows.columns))
    frame.insert(0, GEO, rows.geo)
    frame.insert(1, DATE, taken.dates)
    return frame.assign(**{SOURCE_ROW: taken.source_rows})


def _codes(values: pd.Series) -> ObjectArray:
    return values.astype("object").fillna("").astype(str).str.strip().str.upper().to_numpy(dtype=object)


def _floats(raw: pd.DataFrame, column: str, mapping: ColumnMapping) -> FloatArray | None:
    if column not in raw:
        return None
    numbers = numbers_or_text(raw[column])
    if not pd.api.types.is_numeric_dtype(numbers):
        raise not_cleanable(str(raw[GEO].iloc[0]), f"column {mapping.source_column(column)!r} holds text")
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
