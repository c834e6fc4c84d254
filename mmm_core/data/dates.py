"""Written dates to days.  A date that could be two days is none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBER_OF_MONTH = {
    name: number for names in (_MONTHS, _MONTH_NAMES) for number, name in enumerate(names, start=1)
} | {"sept": 9}
_MONTH = rf"(?P<month>{'|'.join(sorted(_NUMBER_OF_MONTH, key=len, reverse=True))})\.?"
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
_TIME = (
    r"(?:(?:T|\s+|,\s*)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[ap]m)?"
    r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?(?:\s?\[[\w/+-]+\])?)?"
)
_CERTAIN = tuple(
    re.compile(rf"{pattern}{_TIME}", re.IGNORECASE | re.ASCII)
    for pattern in (
        r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
        rf"(?:{_WEEKDAY},?\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-\s]\s*{_MONTH}[-\s,]\s*(?P<year>\d{{4}})",
        rf"(?:{_WEEKDAY},?\s+)?{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})",
    )
)
_EITHER = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<sign>[-/])(?P<second>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}){_TIME}",
    re.IGNORECASE | re.ASCII,
)
_YEARS = range(1700, 2201)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class WrittenDates:
    """What was made of N written dates."""

    days: Days
    """(N,) days, NaT where a text is no date, or one that could be two."""
    undecided: NDArray[np.bool_]
    """(N,) whether it could be two days, and no other date decides."""


def read_dates(texts: Sequence[str], date_format: str | None = None) -> WrittenDates:
    """Days of written dates.

    Recognised are year-month-day with `-`, `/` or `.`, eight digits, day.month.year, and days with an English
    name of the month, each with or without a time and a zone, which are dropped: the written day counts.  Of
    `05/01/2023` (or with `-`) either the first or the second number is the day.  That is decided for all texts
    together: if some can only be read with the day first, and none only with the month first, all are read so.
    Years with two digits are not recognised.

    Args:
        texts: distinct texts of one column.
        date_format: how they are written (strptime), instead.
    """
    if date_format is not None:
        formatted = np.array([_formatted(text, date_format) for text in texts], dtype="datetime64[D]")
        return WrittenDates(formatted.astype("datetime64[ns]"), np.zeros(len(texts), dtype=bool))
    days_out = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    either: list[tuple[int, Days]] = []
    for position, text in enumerate(texts):
        certain = next((match for pattern in _CERTAIN if (match := pattern.fullmatch(text))), None)
        if certain is not None:
            days_out[position] = _day(certain["year"], certain["month"], certain["day"])
        elif match := _EITHER.fullmatch(text):
            day_first = _day(match["year"], match["second"], match["first"])
            month_first = _day(match["year"], match["first"], match["second"])
            either.append((position, np.array([day_first, month_first])))
    undecided = np.zeros(len(texts), dtype=bool)
    if either:
        at = np.array([position for position, _ in either])
        days_out[at], undecided[at] = _decided(np.stack([days for _, days in either]))
    return WrittenDates(days_out.astype("datetime64[ns]"), undecided)


def within_years(days: Days) -> Days:
    """(N,) days, NaT for those of years that no data is from, such as the 9999 that stands for "never".

    Nanoseconds since 1970, which pandas counts in, would run over and show another date.

    Args:
        days: (N,) datetime64[D].
    """
    first, end = (np.datetime64(f"{year}-01-01", "D") for year in (_YEARS[0], _YEARS[-1] + 1))
    return np.where((days < first) | (days >= end), np.datetime64("NaT", "D"), days)


def _formatted(text: str, date_format: str) -> np.datetime64:
    """The written day, whatever its zone."""
    try:
        day = datetime.strptime(text, date_format).date()
    except ValueError:
        return np.datetime64("NaT", "D")
    return np.datetime64(day, "D") if day.year in _YEARS else np.datetime64("NaT", "D")


def _decided(days: Days) -> tuple[Days, NDArray[np.bool_]]:
    """(N,) days out of (N, 2) day first and month first; and which of them remain undecided."""
    possible = ~np.isnat(days)
    only_day_first, only_month_first = possible[:, 0] & ~possible[:, 1], possible[:, 1] & ~possible[:, 0]
    if only_day_first.any() != only_month_first.any():
        return days[:, 0 if only_day_first.any() else 1], np.zeros(len(days), dtype=bool)
    undecided = possible.any(axis=1) & (days[:, 0] != days[:, 1])
    return np.where(undecided, np.datetime64("NaT"), days[:, 0]), undecided


def _day(year: str, month: str, day: str) -> np.datetime64:
    """The day, NaT where there is none (30 February, or a year that no data is from)."""
    number = int(month) if month.isdigit() else _NUMBER_OF_MONTH[month.lower()]
    if int(year) not in _YEARS or not 1 <= number <= 12 or not 1 <= int(day) <= _MONTH_DAYS[number - 1]:
        return np.datetime64("NaT", "D")
    first = np.datetime64(f"{year}-{number:02d}", "M").astype("datetime64[D]")
    found = first + (int(day) - 1)
    return (
        found
        if found.astype("datetime64[M]") == np.datetime64(f"{year}-{number:02d}", "M")
        else np.datetime64("NaT", "D")
    )
