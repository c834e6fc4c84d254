"""What a table's periods give the rows of the source: shares of amounts, means of levels."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmm_core.data.preparation.periods import NOWHERE, FloatArray, IntArray, Periods, lasting


@dataclass(frozen=True)
class Stretches:
    """The days that N rows of the source stand for."""

    key: IntArray
    """(N,) number of the key's values, -1 where no row of the table has them."""
    start: IntArray
    """(N,) first day (days since 1970)."""
    length: IntArray
    """(N,) days; 0 for a row without date."""

    def days(self) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """For the first, second, … day of each row that has one: positions of the rows, keys, days."""
        for offset in range(int(self.length.max(initial=0))):
            rows = np.flatnonzero(self.length > offset)
            yield rows, self.key[rows], self.start[rows] + offset


@dataclass(frozen=True)
class Spread:
    """What N rows got of the C columns of a table."""

    values: FloatArray
    """(N, C); NaN where no day of the row has a value."""
    known_days: IntArray
    """(N, C) days with a value."""
    used: FloatArray
    """(C,) of each amount's total, what belongs to days (of a key) that some row stands for."""


@np.errstate(over="ignore", invalid="ignore")  # absurd amounts are judged in the raw panel
def spread(periods: Periods, values: FloatArray, amounts: bool, stretches: Stretches) -> Spread:
    """Each row's amount or level.

    An amount a of a period of n days is a / n on each of its days; a row's amount is the sum over its days, so
    the amounts of rows that cover a period add up to a.  A level holds on each day; a row's level is the mean
    over its days.  Days without a value do not count in either.

    Args:
        periods: P periods.
        values: (P, C) amounts or levels, NaN where missing.
        amounts: which of the two.
        stretches: N rows.
    """
    daily = values / periods.length[:, None] if amounts else values
    total = np.zeros((len(stretches.key), values.shape[1]))
    known = np.zeros(total.shape, dtype=np.int64)
    for rows, key, day in stretches.days():
        period = periods.at(key, day)
        found = period != NOWHERE
        rows, part = rows[found], daily[period[found]]
        has = ~np.isnan(part)
        total[rows] += np.where(has, part, 0.0)
        known[rows] += has
    with np.errstate(invalid="ignore"):
        result = np.where(known > 0, total if amounts else total / np.maximum(known, 1), np.nan)
    used = covered_days(periods, stretches) @ np.nan_to_num(daily) if amounts else np.zeros(values.shape[1])
    return Spread(result, known, used)


def held_on(periods: Periods, levels: FloatArray, days: int, stretches: Stretches) -> Spread:
    """Each row's level, where a level holds on for so many days after its period unless there is another.

    Args:
        periods: P periods.
        levels: (P, C), NaN where missing.
        days: how long, at least 0; 0 is `spread`.
        stretches: N rows.
    """
    parts = []
    for level in levels.T:
        known = ~np.isnan(level)
        parts.append(spread(lasting(periods, known, days), level[known][:, None], False, stretches))
    values = np.hstack([part.values for part in parts])
    return Spread(values, np.hstack([part.known_days for part in parts]), np.zeros(len(parts)))


def covered_days(periods: Periods, stretches: Stretches) -> FloatArray:
    """(P,) days of each period that some row with its key stands for, each counted once."""
    cells: list[IntArray] = []
    first, last = int(periods.start.min(initial=0)), int(periods.end.max(initial=0))
    width = last - first + 1
    for _, key, day in stretches.days():
        inside = (key >= 0) & (day >= first) & (day <= last)
        cells.append(np.unique(key[inside] * width + day[inside] - first))
    distinct = np.unique(np.concatenate(cells)) if cells else np.zeros(0, dtype=np.int64)
    period = periods.at(distinct // width, distinct % width + first)
    return np.bincount(period[period != NOWHERE], minlength=len(periods.key)).astype(np.float64)
