"""Which period each row of a further table stands for."""

import re

import numpy as np
import pandas as pd

from mmm_core.config.ingest import TableConfig
from mmm_core.data.dates import Days
from mmm_core.data.geo_rows import named_rows, source_dates
from mmm_core.data.numbers import as_text
from mmm_core.data.preparation.columns import numbers_of
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError

_COARSE = {
    "month": re.compile(r"(\d{4})[-/]?(\d{2})", re.ASCII),
    "quarter": re.compile(r"(\d{4})[- ]?Q([1-4])", re.IGNORECASE | re.ASCII),
    "year": re.compile(r"(\d{4})()", re.ASCII),
}


def table_dates(other: SourceTable, table: TableConfig, key: str) -> Days:
    """(P,) a date in each row's period.

    Raises:
        ConfigError: year and month are not given as the grain needs them.
        DataError: a date cannot be read; names rows.
    """
    if table.date_col is None:
        return _year_and_month(other, table, key)
    days = source_dates(other, table.date_col, table.date_format, f"{key}.date_format")
    if table.grain in _COARSE and np.isnat(days).any() and table.date_format is None:
        days = np.where(np.isnat(days), _coarse_dates(other.frame[table.date_col], table.grain), days)
    wrong = np.flatnonzero(np.isnat(days))
    if len(wrong):
        text = as_text(other.frame[table.date_col].iloc[wrong[:1]]).iloc[0]
        raise DataError(
            f"{key}: {other.origin} has no date in column {table.date_col!r} in {named_rows(other, wrong)} "
            f"({text!r:.60}); write YYYY-MM-DD, or set {key}.date_format."
        )
    return days


def _coarse_dates(written: pd.Series, grain: str) -> Days:
    """First days of `2023-04` (month), `2023-Q2` (quarter), `2023` (year); NaT for anything else."""
    codes, distinct = pd.factorize(written)
    days = []
    for text in as_text(pd.Series(distinct)).fillna("").str.strip():
        match = _COARSE[grain].fullmatch(text) or _COARSE["month"].fullmatch(text)
        month = 1
        if match and match[2]:
            month = (int(match[2]) - 1) * 3 + 1 if "q" in text.lower() else int(match[2])
        usable = match is not None and 1 <= month <= 12 and 1700 <= int(match[1]) <= 2200
        days.append(
            np.datetime64(f"{match[1]}-{month:02d}-01", "ns") if match and usable else np.datetime64("NaT", "ns")
        )
    return np.array([*days, np.datetime64("NaT", "ns")])[codes]


def _year_and_month(other: SourceTable, table: TableConfig, key: str) -> Days:
    if table.grain not in _COARSE:
        raise ConfigError(
            f"{key}.year_col gives no {table.grain}; set {key}.date_col, or {key}.grain to month or year."
        )
    if table.month_col is None and table.grain != "year":
        raise ConfigError(f"{key}.month_col is not set; name the column with the month (1-12).")
    years = numbers_of(other, str(table.year_col), f"{key}.year_col")
    months = (
        np.ones(len(years)) if table.month_col is None else numbers_of(other, table.month_col, f"{key}.month_col")
    )
    fine = (years == np.round(years)) & (years >= 1700) & (years <= 2200)
    fine &= (months == np.round(months)) & (months >= 1) & (months <= 12)
    wrong = np.flatnonzero(~fine)
    if len(wrong):
        raise DataError(
            f"{key}: {other.origin} has no year and month (1-12) in {named_rows(other, wrong)}; correct them."
        )
    number = (years.astype(np.int64) - 1970) * 12 + months.astype(np.int64) - 1
    return number.astype("datetime64[M]").astype("datetime64[ns]")
