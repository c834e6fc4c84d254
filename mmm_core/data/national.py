"""Amounts that are known for all geos together: where they stand, and each geo's share of them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data import calendar
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.dates import Days
from mmm_core.data.geo_rows import IntArray, geo_rows, named_rows, row_numbers, source_dates
from mmm_core.data.numbers import numbers_or_text
from mmm_core.data.patterns import listed
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError

FloatArray = NDArray[np.float64]
NOWHERE = -1


def national_shares(source: SourceTable, mapping: ColumnMapping) -> FloatArray:
    """(N,) share of each row's geo in the national amounts of the row's date; kept with the source.

    With weights w (population, a column, or 1), the share of geo g on date t is w_g,t / sum over the geos
    that have a row on t.  Several rows of one geo and date count once, with the mean of their weights, and
    all hold the geo's share.  NaN on a date on which a weight is missing, negative or infinite, or all are 0;
    and in rows without date and of the geo that holds the national amounts.
    """
    key = (
        "national shares",
        mapping.keys,
        mapping.date,
        mapping.national_by,
        mapping.national_geo,
        mapping.weeks_from,
    )
    kept = source.found.get(key)
    if isinstance(kept, np.ndarray):
        return kept
    codes = geo_rows(source, mapping.keys).codes
    days = _dates(source, mapping)
    counted = (codes >= 0) & ~np.isnat(days) & ~_national_rows(source, mapping)
    shares = np.full(len(codes), np.nan)
    shares[counted] = shares_by_date(codes[counted], days[counted], _weights(source, mapping)[counted])
    source.found[key] = shares
    return shares


def shares_by_date(geos: IntArray, days: NDArray[np.datetime64], weights: FloatArray) -> FloatArray:
    """(N,) shares of rows with (N,) geo, day and weight; see `national_shares`."""
    _, day = np.unique(days, return_inverse=True)
    cells, cell, rows = np.unique(
        day.astype(np.int64) * (geos.max(initial=0) + 1) + geos, return_inverse=True, return_counts=True
    )
    usable = np.isfinite(weights) & (weights >= 0)
    weight = np.bincount(cell, np.where(usable, weights, 0.0), minlength=len(cells)) / rows
    weight[np.bincount(cell, ~usable, minlength=len(cells)) > 0] = np.nan
    day_of_cell = cells // (geos.max(initial=0) + 1)
    total = np.bincount(day_of_cell, weight)
    total[total == 0] = np.nan
    shares: FloatArray = (weight / total[day_of_cell])[cell]
    return shares


def national_positions(source: SourceTable, mapping: ColumnMapping) -> IntArray | None:
    """(N,) position of the row of the national geo with the same date, `NOWHERE` without one; kept.

    Returns:
        None if each geo's own rows hold the national amounts.

    Raises:
        DataError: there is no such geo, it has a date twice, or another geo has national amounts of its own.
    """
    if mapping.national_geo is None or not mapping.national:
        return None
    key = (
        "national positions",
        mapping.keys,
        mapping.date,
        mapping.national_geo,
        mapping.national,
        mapping.weeks_from,
    )
    kept = source.found.get(key)
    if isinstance(kept, np.ndarray):
        return kept
    own = np.flatnonzero(_national_rows(source, mapping))
    days = _dates(source, mapping)
    own = own[~np.isnat(days[own])]
    order = own[np.argsort(days[own], kind="stable")]
    twice = np.flatnonzero(days[order][1:] == days[order][:-1])
    if len(twice):
        raise DataError(
            f"{source.origin}: {mapping.national_geo}, which data.national_columns.geo names, has several rows of "
            f"one date: {named_rows(source, order[twice + 1])}; keep one row per date."
        )
    _refuse_own_amounts(source, mapping)
    place = np.searchsorted(days[order], days).clip(max=max(len(order) - 1, 0))
    found = np.full(len(days), NOWHERE, dtype=np.intp)
    if len(order):
        matched = days[order][place] == days
        found[matched] = order[place[matched]]
    source.found[key] = found
    return found


def check_repeated_amounts(source: SourceTable, mapping: ColumnMapping) -> None:
    """Where each geo's rows hold the national amounts, they hold the same.

    Raises:
        DataError: on one date, two rows hold different amounts, or only some hold one; names rows.
    """
    if mapping.national_geo is not None or not mapping.national:
        return
    days = _dates(source, mapping)
    rows = np.flatnonzero(~np.isnat(days))
    rows = rows[np.argsort(days[rows], kind="stable")]
    first = np.flatnonzero(np.r_[True, days[rows][1:] != days[rows][:-1]]) if len(rows) else rows
    first_of = np.repeat(first, np.diff(np.r_[first, len(rows)]))
    for column in mapping.national:
        amounts = _amounts(source, column)[rows]
        usual = amounts[first_of]
        odd = np.flatnonzero(~((amounts == usual) | (np.isnan(amounts) & np.isnan(usual))))
        if len(odd):
            there = row_numbers(source)[rows[first_of[odd[0]]]]
            raise DataError(
                f"{source.origin}: {column!r}, which data.national_columns names, has another amount in "
                f"{named_rows(source, rows[odd])} than in row {there} of the same date; repeat the amount of all "
                "geos together in each row, or name in data.national_columns.geo where it stands."
            )


def national_notes(source: SourceTable, mapping: ColumnMapping) -> tuple[str, ...]:
    """What a reader should know about national amounts, in sentences."""
    if not mapping.national:
        return ()
    key = mapping.population if mapping.national_by == "population" else mapping.national_by
    how = "equally" if mapping.national_by == "equal" else f"by {key}"
    note = f"{', '.join(mapping.national)}: amounts of all geos together, spread over the geos {how}"
    if mapping.national_geo is None:
        return (f"{note}.",)
    national_positions(source, mapping)
    notes = [f"{note}; they stand in the rows of {mapping.national_geo}, which is no geo of its own."]
    own = _national_rows(source, mapping)
    days = _dates(source, mapping)
    alone = own & ~np.isin(days, days[~own])
    for column in mapping.national:
        lost = float(np.nansum(_amounts(source, column)[alone]))
        if lost:
            total = float(np.nansum(_amounts(source, column)[own]))
            notes.append(
                f"{lost:,.6g} of {total:,.6g} of {column} are on dates on which no geo has a row "
                f"({named_rows(source, np.flatnonzero(alone))}), so they are in no geo."
            )
    return tuple(notes)


def _dates(source: SourceTable, mapping: ColumnMapping) -> Days:
    """(N,) dates of the rows, NaT without one; kept.  Weekly dates that cleaning will move to the first day of
    their week are moved here too: rows of one week share its amount, whatever their weekday."""
    days = source_dates(source, mapping.date, mapping.date_format)
    if mapping.weeks_from is None:
        return days
    key = ("aligned dates", mapping.keys, mapping.date, mapping.date_format, mapping.weeks_from)
    kept = source.found.get(key)
    if isinstance(kept, np.ndarray):
        return kept
    days = days.copy()
    for rows in geo_rows(source, mapping.keys).rows.values():
        known = rows[~np.isnat(days[rows])]
        dates = pd.DatetimeIndex(days[known])
        if len(known) and calendar.has_weeks(dates):
            days[known] = calendar.week_starts(dates, mapping.weeks_from).to_numpy()
    source.found[key] = days
    return days


def _amounts(source: SourceTable, column: str) -> FloatArray:
    """(N,) numbers, NaN where there is none."""
    return pd.to_numeric(numbers_or_text(source.frame[column]), errors="coerce").to_numpy(dtype=np.float64)


def _national_rows(source: SourceTable, mapping: ColumnMapping) -> NDArray[np.bool_]:
    """(N,) whether a row is of the geo that holds the national amounts."""
    found = geo_rows(source, mapping.keys)
    if mapping.national_geo is None:
        return np.zeros(len(found.codes), dtype=bool)
    if mapping.national_geo not in found.rows:
        raise DataError(
            f"{source.origin} has no geo {mapping.national_geo!r}, which data.national_columns.geo names; there "
            f"are {listed(sorted(found.names))}."
        )
    mine = np.zeros(len(found.codes), dtype=bool)
    mine[found.rows[mapping.national_geo]] = True
    return mine


def _refuse_own_amounts(source: SourceTable, mapping: ColumnMapping) -> None:
    others = ~_national_rows(source, mapping)
    for column in mapping.national:
        own = np.flatnonzero(others & (np.nan_to_num(_amounts(source, column)) != 0))
        if len(own):
            raise DataError(
                f"{source.origin}: data.national_columns takes {column!r} from {mapping.national_geo}, but other "
                f"geos have amounts of their own in it ({named_rows(source, own)}), which would be lost; put them "
                "in another column."
            )


def _weights(source: SourceTable, mapping: ColumnMapping) -> FloatArray:
    if mapping.national_by == "equal":
        return np.ones(len(source.frame))
    column = mapping.population if mapping.national_by == "population" else mapping.national_by
    return _amounts(source, str(column))
