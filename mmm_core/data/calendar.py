"""Days and weeks: which grain a series has, where its weeks start, which dates are missing."""

from typing import Literal

import numpy as np
import pandas as pd

Grain = Literal["daily", "weekly", "irregular"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = pd.Timedelta(days=1)
_LEAST_DAYS = 5
"""Dates of weekly data that are moved may be so close together."""


def grain_of(dates: pd.DatetimeIndex) -> Grain:
    """How far apart consecutive dates usually are.

    Args:
        dates: any order, duplicates allowed.

    Returns:
        `daily` if the commonest distance is 1 day.  `weekly` if it is 7 days, or if all distances are whole
        weeks and the shortest is one (many weeks are missing); a single date counts as weekly.  Else
        `irregular`.
    """
    days = _distances(dates)
    if len(days) == 0:
        return "weekly"
    usual = usual_distance_days(dates)
    if usual == 1:
        return "daily"
    return "weekly" if usual == 7 or (days.min() == 7 and not (days % 7).any()) else "irregular"


def usual_distance_days(dates: pd.DatetimeIndex) -> int:
    """Commonest distance of consecutive distinct dates in days (the smallest of equally common ones)."""
    days, counts = np.unique(_distances(dates), return_counts=True)
    return int(days[np.argmax(counts)])


def _distances(dates: pd.DatetimeIndex) -> np.ndarray:
    days = np.unique(dates.to_numpy().astype("datetime64[D]").astype(np.int64))
    return np.diff(days)


def off_weekday(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Distinct dates that do not fall on the weekday of most of the others."""
    distinct = pd.DatetimeIndex(dates.unique()).sort_values()
    usual = int(np.bincount(distinct.weekday, minlength=7).argmax())
    return distinct[distinct.weekday != usual]


def has_weeks(dates: pd.DatetimeIndex) -> bool:
    """Whether dates stand for weeks, though some may be moved by a day or two (a Wednesday, the Monday after)."""
    return grain_of(dates) == "weekly" or usual_distance_days(dates) >= _LEAST_DAYS


def week_starts(dates: pd.DatetimeIndex, week_start: str) -> pd.DatetimeIndex:
    """First day of the week of each date, for weeks that begin on `week_start` (`monday` ... `sunday`)."""
    offset = (dates.weekday - WEEKDAYS.index(week_start)) % 7
    return dates - pd.to_timedelta(offset, unit="D")


def whole_weeks(dates: pd.DatetimeIndex, week_start: str) -> pd.DatetimeIndex:
    """Starts of the weeks that lie entirely between the first and the last of the dates."""
    first, last = dates.min(), dates.max()
    first_start = week_starts(pd.DatetimeIndex([first + 6 * _DAY]), week_start)[0]
    last_start = week_starts(pd.DatetimeIndex([last - 6 * _DAY]), week_start)[0]
    return pd.date_range(first_start, last_start, freq="7D")


def expected_dates(dates: pd.DatetimeIndex, grain: Grain, week_start: str) -> pd.DatetimeIndex:
    """Dates that a panel without gaps has between its first and its last date.

    Daily data: all days of the whole weeks (`whole_weeks`), maybe none.  Weekly data: every 7th day.
    """
    if grain != "daily":
        return pd.date_range(dates.min(), dates.max(), freq="7D")
    weeks = whole_weeks(dates, week_start)
    return pd.date_range(weeks[0], periods=7 * len(weeks), freq="1D") if len(weeks) else weeks


def iso(dates: pd.DatetimeIndex, at_most: int = 5) -> str:
    """The first dates as text, and how many there are in all: `2023-01-02, 2023-01-09 (2 in all)`."""
    shown = ", ".join(date.strftime("%Y-%m-%d") for date in dates[:at_most])
    return f"{shown}{', …' if len(dates) > at_most else ''} ({len(dates)} in all)"
