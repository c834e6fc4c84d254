"""Further tables, put beside the main one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.config.ingest import TableConfig
from mmm_core.config.schema import Config
from mmm_core.data.calendar import week_starts
from mmm_core.data.geo_rows import geo_rows, named_rows, source_dates
from mmm_core.data.mapping import mapped_data
from mmm_core.data.numbers import as_text, numbers_or_text
from mmm_core.data.patterns import listed
from mmm_core.data.preparation.columns import numbers_of, require_column, require_new, with_columns
from mmm_core.data.preparation.periods import (
    NOWHERE,
    WEEK,
    IntArray,
    Periods,
    lasting,
    overlapping,
    period_bounds,
    row_lengths,
    sorted_periods,
)
from mmm_core.data.preparation.spreading import Stretches, held_on, spread
from mmm_core.data.preparation.table_dates import table_dates
from mmm_core.data.preparation.table_keys import matched_keys
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError


@dataclass(frozen=True)
class MainRows:
    """Which days the rows of the main table stand for."""

    start: IntArray
    """(N,) first day (days since 1970)."""
    length: IntArray
    """(N,) 1 or 7 days; 0 for a row without date, or of a geo that is neither daily nor weekly."""
    notes: tuple[str, ...]
    """Which geos those are."""


def main_rows(source: SourceTable, config: Config) -> MainRows:
    """Days of the main table's rows; weekly dates that cleaning will align are aligned here too.

    Raises:
        DataError: dates of which day and month cannot be told apart.
    """
    data = mapped_data(config, [str(column) for column in source.frame.columns], source.origin)
    if data.date_col is None:
        raise ConfigError(f"data.date_col is not set; name the date column of {source.origin}.")
    for position, column in enumerate(data.keys):
        require_column(source, column, f"data.keys[{position}]")
    require_column(source, data.date_col, "data.date_col")
    days = source_dates(source, data.date_col, data.date_format)
    found = geo_rows(source, data.keys)
    length = row_lengths(found.codes, days, len(found.names))
    known = ~np.isnat(days)
    if config.enhanced_cleaning.week_alignment == "align":
        aligned = week_starts(pd.DatetimeIndex(days), data.week_start).to_numpy()
        days = np.where(length == WEEK, aligned, days)
    odd = [found.names[code] for code in np.unique(found.codes[known & (found.codes >= 0) & (length == 0)])]
    note = f"The dates of {listed(odd)} are neither daily nor weekly, so further tables have no values for them."
    start = np.where(known, days.astype("datetime64[D]").astype(np.int64), 0)
    return MainRows(start, length, (note,) if odd else ())


def put_beside(
    source: SourceTable,
    other: SourceTable,
    table: TableConfig,
    key: str,
    rows: MainRows,
    words: frozenset[str] = frozenset(),
) -> SourceTable:
    """The main table with the columns of another one, and notes of what was left out.

    Args:
        source: the main table.
        other: the further table as it was read.
        table: what it is.
        key: where that stands in the configuration.
        rows: days of the main table's rows.
        words: new columns that may hold words instead of numbers.

    Raises:
        ConfigError: it brings no column, or one that is there already, or amounts without a date.
        DataError: a column is missing, a date or number cannot be read, two rows are of the same keys and days,
            or no key of it is in the main table.
    """
    _check_columns(source, other, table, key)
    main_key, table_key, key_notes = matched_keys(source, other, table, key)
    periods = _periods(other, table, key, table_key, rows)
    stretches = Stretches(main_key, rows.start, rows.length)
    notes = [f"{key}: {len(other.frame):,} rows of {other.origin}, one per {_period_word(table)}.", *key_notes]
    named_words = {
        name: column for name, column in table.levels.items() if name in words and _is_text(other, column)
    }
    columns: dict[str, np.ndarray] = {
        name: _words(other, column, periods, stretches, table.carry_days, f"{key}.levels.{name}")
        for name, column in named_words.items()
    }
    levels = {name: column for name, column in table.levels.items() if name not in named_words}
    for amounts, named in ((True, table.amounts), (False, levels)):
        if not named:
            continue
        numbers = np.column_stack([numbers_of(other, column, f"{key}") for column in named.values()])
        own = result = spread(periods, numbers[periods.row], amounts, stretches)
        if table.carry_days and not amounts:
            result = held_on(periods, numbers[periods.row], table.carry_days, stretches)
        carried = (result.known_days > own.known_days).sum(axis=0)
        for position, name in enumerate(named):
            columns[name] = result.values[:, position]
            known = result.known_days[:, position]
            partly = int(((known > 0) & (known < rows.length)).sum())
            total = float(np.nansum(numbers[:, position])) if amounts else None
            note = _column_note(name, columns[name], partly, total, float(result.used[position]))
            notes.append(note + _carry_note(int(carried[position]), table.carry_days))
    return with_columns(source, columns, tuple(notes))


def _is_text(other: SourceTable, column: str) -> bool:
    return not pd.api.types.is_numeric_dtype(numbers_or_text(other.frame[column]))


def _words(
    other: SourceTable, column: str, periods: Periods, stretches: Stretches, carry_days: int, key: str
) -> np.ndarray:
    """(N,) words of each row's day, None without any.

    Raises:
        DataError: a row stands for a week, which may have several.
    """
    if (stretches.length > 1).any():
        raise DataError(
            f"{key}: column {column!r} of {other.origin} holds words, which cannot be put beside weekly rows; "
            "give the days of events in features.events."
        )
    written = as_text(other.frame[column])
    if carry_days:
        periods = lasting(periods, written.notna().to_numpy()[periods.row], carry_days)
    texts = np.array([*written.to_numpy(dtype=object)[periods.row], None], dtype=object)
    period = np.where(stretches.length > 0, periods.at(stretches.key, stretches.start), NOWHERE)
    found: np.ndarray = texts[period]
    return found


def _column_note(name: str, values: np.ndarray, partly: int, total: float | None, used: float) -> str:
    missing = int(np.isnan(values).sum())
    note = f"{name}: "
    if total is not None:
        note += f"{used:,.6g} of a total of {total:,.6g} belongs to days of the source"
        note += f", {total - used:,.6g} is left out; " if abs(total - used) > 1e-9 * abs(total) else "; "
    note += f"{missing:,} of {len(values):,} rows have no value"
    return note + (f", {partly:,} have one for only some of their days." if partly else ".")


def _carry_note(carried: int, days: int) -> str:
    """How many rows have a level that is of earlier days, in part or in whole."""
    return f" In {carried:,} rows it is of up to {days} days before, in whole or in part." if carried else ""


def _period_word(table: TableConfig) -> str:
    timeless = table.date_col is None and table.year_col is None
    by = f" and {', '.join(table.keys)}" if table.keys else ""
    return (", ".join(table.keys) or "table (the same on all days)") if timeless else f"{table.grain}{by}"


def _check_columns(source: SourceTable, other: SourceTable, table: TableConfig, key: str) -> None:
    if not (table.amounts or table.levels):
        raise ConfigError(
            f"{key} brings no column; name some in {key}.amounts or {key}.levels, or remove the table."
        )
    for name in [*table.amounts, *table.levels]:
        require_new(source, name, key)
    twice = set(table.amounts) & set(table.levels)
    if twice:
        raise ConfigError(f"{key}: {', '.join(sorted(twice))} is in amounts and in levels; give it one kind.")
    for column, main in table.keys.items():
        require_column(other, column, f"{key}.keys")
        require_column(source, main, f"{key}.keys.{column}")
    for kind, named in (("amounts", table.amounts), ("levels", table.levels)):
        for name, column in named.items():
            require_column(other, column, f"{key}.{kind}.{name}")
    for setting, given in (
        ("date_col", table.date_col),
        ("year_col", table.year_col),
        ("month_col", table.month_col),
    ):
        if given is not None:
            require_column(other, given, f"{key}.{setting}")


def _periods(other: SourceTable, table: TableConfig, key: str, table_key: IntArray, rows: MainRows) -> Periods:
    if table.date_col is None and table.year_col is None:
        if table.amounts:
            raise ConfigError(
                f"{key} has amounts but no date; name {key}.date_col, or {key}.year_col and month_col."
            )
        first, last = rows.start.min(initial=0), (rows.start + rows.length).max(initial=0)
        periods = sorted_periods(table_key, np.full(len(table_key), first), np.full(len(table_key), last))
    else:
        days = table_dates(other, table, key)
        periods = sorted_periods(table_key, *period_bounds(days, table.grain))
    double = overlapping(periods)
    if len(double):
        timeless = table.date_col is None and table.year_col is None
        same = "not told apart" if timeless else f"of the same {' and '.join([table.grain, *table.keys])}"
        raise DataError(
            f"{key}: several rows of {other.origin} are {same}: {named_rows(other, double)}; name in {key}.keys "
            "what tells them apart, or keep one of them."
        )
    return periods
