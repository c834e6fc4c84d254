"""Periods of a table (days, weeks, months, …) and the days that rows of the source stand for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.dates import Days

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
WEEK = 7
NOWHERE = -1
_UNITS = {"month": ("M", 1), "quarter": ("M", 3), "year": ("Y", 1)}


def period_bounds(days: Days, grain: str) -> tuple[IntArray, IntArray]:
    """First and last day (days since 1970) of the day, month, quarter or year that contains each date, or of
    the week that begins on it."""
    first = days.astype("datetime64[D]")
    if grain in ("day", "week"):
        start = first.astype(np.int64)
        return start, start + (WEEK - 1 if grain == "week" else 0)
    unit, length = _UNITS[grain]
    number = first.astype(f"datetime64[{unit}]").astype(np.int64)
    number -= number % length
    begin, after = (n.astype(f"datetime64[{unit}]").astype("datetime64[D]") for n in (number, number + length))
    return begin.astype(np.int64), after.astype(np.int64) - 1


def row_lengths(codes: NDArray[np.intp], days: Days, n_geos: int) -> IntArray:
    """(N,) days that each row stands for: 1 in daily series, 7 in weekly ones (as `calendar.grain_of`).

    Args:
        codes: (N,) number of the row's geo, -1 without one.
        days: (N,) dates, NaT where missing.
        n_geos: how many geos there are.

    Returns:
        0 for rows without geo or date, and for those of a geo whose dates are neither daily nor weekly.
    """
    known = (codes >= 0) & ~np.isnat(days)
    length_of_geo = np.full(n_geos + 1, WEEK, dtype=np.int64)
    if known.any():
        geo, day = _distinct_pairs(
            codes[known].astype(np.int64), days[known].astype("datetime64[D]").astype(np.int64)
        )
        same = geo[1:] == geo[:-1]
        length_of_geo[np.unique(geo[1:][same])] = _usual_lengths(geo[1:][same], np.diff(day)[same])
    return np.where(known, length_of_geo[codes], 0)


def _distinct_pairs(first: IntArray, second: IntArray) -> tuple[IntArray, IntArray]:
    """Distinct pairs of numbers, sorted by the first, then by the second; the first are 0 or more."""
    low = int(second.min())
    width = int(second.max()) - low + 1
    pairs = np.unique(first * width + second - low)
    return pairs // width, pairs % width + low


def _usual_lengths(geo: IntArray, distance: IntArray) -> IntArray:
    """1, 7 or (neither) 0 for each geo with several dates, in the geos' order: its commonest distance, the
    smallest of equally common ones."""
    if not len(geo):
        return np.zeros(0, dtype=np.int64)
    width = int(distance.max()) + 1
    numbers, counts = np.unique(geo * width + distance, return_counts=True)
    pairs = numbers // width, numbers % width
    order = np.lexsort((pairs[1], -counts, pairs[0]))
    geos, first = np.unique(pairs[0][order], return_index=True)
    usual = pairs[1][order][first]
    only_weeks = np.array(
        [
            _whole_weeks(distance[geo == number]) if usual[at] not in (1, WEEK) else False
            for at, number in enumerate(geos)
        ]
    )
    usual = np.where(only_weeks, WEEK, usual)
    return np.where((usual == 1) | (usual == WEEK), usual, 0)


def _whole_weeks(distance: IntArray) -> bool:
    return bool(distance.min() == WEEK and not (distance % WEEK).any())


@dataclass(frozen=True)
class Periods:
    """P periods of a table, of which no two with the same key overlap."""

    key: IntArray
    """(P,) number of the key's values; sorted by key, then start."""
    start: IntArray
    """(P,) first day."""
    end: IntArray
    """(P,) last day."""
    row: IntArray
    """(P,) position in the table."""

    @property
    def length(self) -> IntArray:
        """(P,) days."""
        return self.end - self.start + 1

    def at(self, key: IntArray, day: IntArray) -> IntArray:
        """(N,) number of the period of that key with that day, `NOWHERE` without one."""
        if not len(self.key) or not len(key):
            return np.full(len(key), NOWHERE, dtype=np.int64)
        first = min(int(day.min()), int(self.start.min()))
        width = max(int(day.max()), int(self.end.max())) - first + 1
        number = np.searchsorted(self.key * width + self.start - first, key * width + day - first, "right") - 1
        place = np.maximum(number, 0)
        inside = (number >= 0) & (self.key[place] == key) & (day <= self.end[place]) & (key >= 0)
        return np.where(inside, number, NOWHERE)


def sorted_periods(key: IntArray, start: IntArray, end: IntArray) -> Periods:
    """Periods in order; those of a key below 0 belong to nothing and are left out."""
    rows = np.flatnonzero(key >= 0)
    rows = rows[np.lexsort((start[rows], key[rows]))]
    return Periods(key[rows], start[rows], end[rows], rows)


def lasting(periods: Periods, known: NDArray[np.bool_], days: int) -> Periods:
    """Those of P periods that are (P,) known, each longer by so many days, or up to the next one of its key."""
    at = np.flatnonzero(known)
    key, start, end = periods.key[at], periods.start[at], periods.end[at] + days
    following = key[1:] == key[:-1]
    end[:-1] = np.where(following, np.minimum(end[:-1], start[1:] - 1), end[:-1])
    return Periods(key, start, end, periods.row[at])


def overlapping(periods: Periods) -> IntArray:
    """Rows of the table whose period begins before the one before it, of the same key, has ended."""
    same = periods.key[1:] == periods.key[:-1]
    later: IntArray = periods.row[1:][same & (periods.start[1:] <= periods.end[:-1])]
    return later
