"""Single values, as databases and workbooks give them, to columns of one kind; and columns to what is kept."""

import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from mmm_core.data.numbers import as_text, numbers_or_text
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.errors import DataError

_NUMBERS = (bool, int, float, Decimal)
_PRINTABLE = (str, *_NUMBERS, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)
_WORTH_FEWER_CONVERSIONS = 0.5
"""A text column with at most this share of distinct values is converted once per distinct value."""


def typed_frame(frame: pd.DataFrame, text_columns: frozenset[str]) -> pd.DataFrame:
    """Make every column numbers, text or dates; `text_columns` become text, dates stay dates.

    The frame is changed in place, so that a large one is not copied.
    """
    for name in frame.columns:
        if name != SOURCE_ROW:
            column = frame[name]
            kept = _typed(column, keep_text=name in text_columns)
            if kept is not column:
                frame[name] = kept
    return frame


def _typed(values: pd.Series, keep_text: bool) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values
    convert = as_text if keep_text else numbers_or_text
    if pd.api.types.is_numeric_dtype(values):
        return convert(values)
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    few = len(distinct) <= len(values) * _WORTH_FEWER_CONVERSIONS
    if not few or not all(isinstance(value, str) for value in distinct):
        return convert(values)
    missing = [None] if (codes < 0).any() else []
    converted = convert(pd.Series([*distinct, *missing], dtype="object"))
    return pd.Series(converted.to_numpy()[codes], index=values.index, name=values.name)


def column_of(values: Sequence[Any], name: str, origin: str) -> pd.Series:
    """A column of one kind: numbers, dates, or else text; None and NaN where missing.

    Raises:
        DataError: values that are neither numbers, dates nor text (binary data, lists).
    """
    present = [value for value in values if value is not None]
    strange = next((value for value in present if not isinstance(value, _PRINTABLE)), None)
    if strange is not None:
        raise DataError(
            f"{origin} has values of type {type(strange).__name__} in column {name}; leave the column out, or "
            "convert it to numbers or text."
        )
    if present and all(isinstance(value, _NUMBERS) for value in present):
        return _number_column(values, present)
    if present and all(isinstance(value, datetime.date) for value in present):
        dates = _date_column(values)
        if dates is not None:
            return dates
    return pd.Series([None if value is None else _text(value) for value in values], dtype="object")


def _number_column(values: Sequence[Any], present: Sequence[Any]) -> pd.Series:
    whole = len(present) == len(values) and all(isinstance(value, int) for value in present)
    if whole and all(abs(value) < 2**63 for value in present):
        return pd.Series([int(value) for value in values], dtype="int64")
    return pd.Series([float("nan") if value is None else float(value) for value in values], dtype="float64")


def _date_column(values: Sequence[Any]) -> pd.Series | None:
    """Dates without a time zone; those with one keep the day that is written, as text would."""
    moments = [value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value for value in values]
    try:
        return pd.Series(pd.to_datetime(pd.Series(moments, dtype="object")))
    except (pd.errors.OutOfBoundsDatetime, ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def check_names(names: Sequence[str], origin: str) -> None:
    """Refuse columns that cannot be told apart.

    Raises:
        DataError: a repeated or reserved name.
    """
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{origin} has more than one column named {', '.join(repeated)}; rename or remove them.")
    if SOURCE_ROW in names:
        raise DataError(f"{origin} has a column named {SOURCE_ROW}, which is reserved; rename it.")
