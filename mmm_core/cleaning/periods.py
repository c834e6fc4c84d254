"""One geo's complete series of days or weeks as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.cleaning.change_log import BoolArray, DateArray, FloatArray, IntArray
from mmm_core.cleaning.rows import Rows
from mmm_core.data import calendar

_WINDOW_WEEKS = 4


@dataclass(frozen=True)
class Periods:
    """T consecutive days or weeks of one geo with C numeric columns."""

    geo: str
    dates: DateArray
    """(T,) datetime64[ns]."""
    columns: tuple[str, ...]
    values: FloatArray
    """(T, C), NaN where missing."""
    absent: BoolArray
    """(T,) dates without a row in the source."""
    days: int
    """Days of one period, 1 or 7."""

    @property
    def unit(self) -> str:
        """What a date stands for, for texts."""
        return "day" if self.days == 1 else "week"

    @property
    def week_length(self) -> int:
        """Periods of a week."""
        return 7 // self.days

    @property
    def window(self) -> int:
        """Periods looked at before and after a stretch: 28 days."""
        return _WINDOW_WEEKS * self.week_length


def on_every_date(rows: Rows, grain: calendar.Grain, week_start: str) -> Periods:
    """The rows on all dates that there should be; those outside (partial weeks) are left out.

    Args:
        rows: sorted, no date twice.
        grain: `daily` or `weekly`.
        week_start: `monday` ... `sunday`; whole weeks of daily data start then.
    """
    days = 1 if grain == "daily" else 7
    expected = calendar.expected_dates(pd.DatetimeIndex(rows.dates), grain, week_start).to_numpy()
    expected = expected.astype("datetime64[ns]")
    values = np.full((len(expected), len(rows.columns)), np.nan)
    absent = np.ones(len(expected), dtype=bool)
    if len(expected):
        where = (rows.dates - expected[0]) // np.timedelta64(days, "D")
        inside = (where >= 0) & (where < len(expected))
        values[where[inside]] = rows.values[inside]
        absent[where[inside]] = False
    return Periods(rows.geo, expected, rows.columns, values, absent, days)


def stretches(mask: BoolArray) -> IntArray:
    """(R, 2) first and last position of each run of True in a (T,) mask."""
    edges = np.diff(np.concatenate(([False], mask, [False])).astype(np.int8))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1], axis=1)
