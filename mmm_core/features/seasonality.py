"""Seasonal terms of the calendar."""

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.panel import CALENDAR, SEASON
from mmm_core.features.model_data import FloatArray

_DAYS_PER_YEAR = 365.25
_EPOCH = np.datetime64("1970-01-01", "D")
_DAY = np.timedelta64(1, "D")
_EDGE_OF_MONTH_DAYS = 3
_END_OF_QUARTER_DAYS = 7
_ANNUAL = (f"{SEASON}sin_", f"{SEASON}cos_")


def seasonal_terms(dates: NDArray[np.datetime64], order: int) -> dict[str, FloatArray]:
    """Column name -> (T,) values of annual Fourier terms.

    For k = 1 ... order: `season__sin_k` and `season__cos_k`, sine and cosine of 2 pi k d / 365.25, d the days
    from 1970-01-01 to the week's first day.  The phase is the calendar's, so a refresh with more weeks does
    not change the old ones.

    Args:
        dates: (T,) first day of each week.
        order: pairs of terms, >= 0.
    """
    days = (dates.astype("datetime64[D]") - _EPOCH).astype(np.float64)
    terms: dict[str, FloatArray] = {}
    for k in range(1, order + 1):
        angle = 2 * np.pi * k * days / _DAYS_PER_YEAR
        terms[f"{SEASON}sin_{k}"] = np.sin(angle)
        terms[f"{SEASON}cos_{k}"] = np.cos(angle)
    return terms


def is_annual_term(column: str) -> bool:
    """Whether it is one of the terms of `seasonal_terms`."""
    return column.startswith(_ANNUAL)


def monthly_terms(dates: NDArray[np.datetime64], order: int) -> dict[str, FloatArray]:
    """Column name -> (T,) values of monthly Fourier terms, for pay days and the like.

    For k = 1 ... order: `season__month_sin_k` and `season__month_cos_k`, the mean over the week's seven days of
    sine and cosine of 2 pi k (day - 1) / (days of its month).  The phase is the day of the month, so that the
    25th is the same in long and short months.

    Args:
        dates: (T,) first day of each week.
        order: pairs of terms, >= 0.
    """
    terms: dict[str, FloatArray] = {}
    if not order:
        return terms
    days = days_of_weeks(dates)
    start = _start_of_month(days)
    angle = 2 * np.pi * (days - start).astype(np.float64) / (_start_of_month(days, 1) - start).astype(np.float64)
    for k in range(1, order + 1):
        terms[f"{SEASON}month_sin_{k}"] = np.sin(k * angle).mean(axis=1)
        terms[f"{SEASON}month_cos_{k}"] = np.cos(k * angle).mean(axis=1)
    return terms


def calendar_effects(dates: NDArray[np.datetime64], effects: tuple[str, ...]) -> dict[str, FloatArray]:
    """`calendar__<effect>` -> (T,) share of each week's days that belong to it, between 0 and 1.

    `month_start`: the first three days of a month; `month_end`: its last three; `quarter_end`: the last seven
    of March, June, September and December; `year_end`: the last seven of December.

    Args:
        dates: (T,) first day of each week.
        effects: some of these names.
    """
    if not effects:
        return {}
    days = days_of_weeks(dates)
    months = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    since_start = (days - _start_of_month(days)).astype(np.int64)
    until_end = (_start_of_month(days, 1) - days).astype(np.int64)
    belongs = {
        "month_start": since_start < _EDGE_OF_MONTH_DAYS,
        "month_end": until_end <= _EDGE_OF_MONTH_DAYS,
        "quarter_end": (months % 3 == 0) & (until_end <= _END_OF_QUARTER_DAYS),
        "year_end": (months == 12) & (until_end <= _END_OF_QUARTER_DAYS),
    }
    return {f"{CALENDAR}{effect}": belongs[effect].mean(axis=1) for effect in effects}


def days_of_weeks(dates: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """(T, 7) days of weeks that begin on the (T,) dates."""
    return np.asarray(dates[:, None] + np.arange(7) * _DAY, dtype="datetime64[D]")


def _start_of_month(days: NDArray[np.datetime64], months_later: int = 0) -> NDArray[np.datetime64]:
    months = days.astype("datetime64[M]").astype(np.int64) + months_later
    return np.asarray(months.astype("datetime64[M]"), dtype="datetime64[D]")
