"""Public holidays per week."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.features import HolidaysConfig
from mmm_core.data.panel import HOLIDAY
from mmm_core.errors import ConfigError

if TYPE_CHECKING:
    from holidays import HolidayBase

_SHARED = f"{HOLIDAY}public"
_WEEK = np.timedelta64(7, "D")
_ENGLISH = ("en_US", "en_GB")


def holiday_columns(settings: HolidaysConfig) -> tuple[str, ...]:
    """Names of the holiday columns; none if no geo has a country.

    One shared and one per configured name; then the same for each week before the holiday
    (`holiday__public_lead_1`) and after it (`holiday__public_lag_1`).
    """
    if settings.country is None and not settings.territories:
        return ()
    return tuple(f"{column}{suffix}" for suffix in _shifts(settings) for column in _base_columns(settings))


def holidays_per_week(
    weeks: pd.DatetimeIndex, geo: str, settings: HolidaysConfig
) -> dict[str, NDArray[np.float64]]:
    """How many public holidays of a geo's territory fall into each week, and into the weeks around it.

    The holidays are those of the package `holidays` on their own days, not on Monday where they fall on a
    weekend.  One that a configured name is part of (English names, whatever the case; the first such name)
    counts in that name's column, all others count in the shared one.  Two on the same day in the same column
    count once.  `…_lead_k` counts the holidays of the k-th week after (what is bought ahead of them), `…_lag_k`
    those of the k-th week before, beyond the ends of the panel too.

    Args:
        weeks: T first days of weeks, ascending, 7 days or more apart.
        geo: whose territory it is.
        settings: `features.holidays`.

    Returns:
        Column of `holiday_columns` -> (T,) number of days between 0 and 7; zeros for a geo without a country.

    Raises:
        ConfigError: a territory that is not known, naming its key.
    """
    counts = {column: np.zeros(len(weeks)) for column in holiday_columns(settings)}
    code = settings.territories.get(geo, settings.country)
    if code is None or not len(weeks):
        return counts
    key = f"features.holidays.territories.{geo}" if geo in settings.territories else "features.holidays.country"
    starts = weeks.to_numpy().astype("datetime64[D]")
    shifts = _shifts(settings)
    first, last = starts[0] + min(shifts.values()) * _WEEK, starts[-1] + (max(shifts.values()) + 1) * _WEEK
    days = _days_by_column(code, key, _year(first), _year(last), settings.names)
    for suffix, weeks_later in shifts.items():
        for column, own in days.items():
            counts[f"{column}{suffix}"] = _per_week(starts, weeks_later, own)
    return counts


def _base_columns(settings: HolidaysConfig) -> tuple[str, ...]:
    return (_SHARED, *(f"{HOLIDAY}{name}" for name in settings.names))


def _shifts(settings: HolidaysConfig) -> dict[str, int]:
    """Suffix of a column -> how many weeks later its holidays are."""
    lead = {f"_lead_{k}": k for k in range(1, settings.lead_weeks + 1)}
    return {"": 0, **lead, **{f"_lag_{k}": -k for k in range(1, settings.lag_weeks + 1)}}


def _year(day: np.datetime64) -> int:
    return int(day.astype("datetime64[Y]").astype(np.int64)) + 1970


def _per_week(
    starts: NDArray[np.datetime64], weeks_later: int, days: NDArray[np.datetime64]
) -> NDArray[np.float64]:
    """(T,) how many of the days are in each week, or in the one that many weeks later."""
    moved = days - weeks_later * _WEEK
    position = np.searchsorted(starts, moved, side="right") - 1
    inside = (position >= 0) & (moved - starts[position] < _WEEK)
    return np.bincount(position[inside], minlength=len(starts)).astype(np.float64)


@lru_cache(maxsize=512)
def _days_by_column(
    code: str, key: str, first_year: int, last_year: int, names: tuple[str, ...]
) -> dict[str, NDArray[np.datetime64]]:
    """Column -> its distinct days in these years; the same for all geos of a territory."""
    calendar = _calendar(code, key, range(first_year, last_year + 1))
    days: dict[str, set[date]] = {_SHARED: set(), **{f"{HOLIDAY}{name}": set() for name in names}}
    for day in calendar:
        for holiday in calendar.get_list(day):
            days[_column(holiday, names)].add(day)
    return {column: np.array(sorted(own), dtype="datetime64[D]") for column, own in days.items()}


def _column(holiday: str, names: tuple[str, ...]) -> str:
    own = (name for name in names if name.casefold() in holiday.casefold())
    return next((f"{HOLIDAY}{name}" for name in own), _SHARED)


def _calendar(code: str, key: str, years: range) -> HolidayBase:
    import holidays

    country, _, region = code.upper().partition("-")
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise ConfigError(
            f"{key} is {code!r}, but there is no country {country!r}; give an ISO 3166 code such as US, DE or "
            "DE-BY."
        )
    regions = known[country]
    named = {region.upper(): region for region in regions}
    if region and region not in named:
        allowed = ", ".join(regions[:30]) or "none"
        raise ConfigError(f"{key} is {code!r}, but {country} has no region {region!r}; allowed: {allowed}.")
    language = next((one for one in _ENGLISH if one in _languages(country)), None)
    return holidays.country_holidays(
        country, subdiv=named.get(region), years=years, observed=False, language=language
    )


def _languages(country: str) -> tuple[str, ...]:
    import holidays

    return tuple(holidays.country_holidays(country).supported_languages)
