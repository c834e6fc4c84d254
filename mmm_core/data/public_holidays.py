"""Public holidays per week."""

from __future__ import annotations

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
_DAYS = 7
_ENGLISH = ("en_US", "en_GB")


def holiday_columns(settings: HolidaysConfig) -> tuple[str, ...]:
    """Names of the holiday columns: one shared, and one per configured name; none if no geo has a country."""
    if settings.country is None and not settings.territories:
        return ()
    return (_SHARED, *(f"{HOLIDAY}{name}" for name in settings.names))


def holidays_per_week(
    weeks: pd.DatetimeIndex, geo: str, settings: HolidaysConfig
) -> dict[str, NDArray[np.float64]]:
    """How many public holidays of a geo's territory fall into each week.

    The holidays are those of the package `holidays` on their own days, not on Monday where they fall on a
    weekend.  One that a configured name is part of (English names, whatever the case; the first such name)
    counts in that name's column, all others count in the shared one.  Two on the same day in the same column
    count once.

    Args:
        weeks: T first days of weeks.
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
    calendar = _calendar(code, key, range(weeks.min().year, (weeks.max() + pd.Timedelta(days=_DAYS)).year + 1))
    for day in sorted(calendar):
        position = int(weeks.searchsorted(pd.Timestamp(day), side="right")) - 1
        if position < 0 or (pd.Timestamp(day) - weeks[position]).days >= _DAYS:
            continue
        for column in {_column(name, settings) for name in calendar.get_list(day)}:
            counts[column][position] += 1.0
    return counts


def _column(holiday: str, settings: HolidaysConfig) -> str:
    own = (name for name in settings.names if name.casefold() in holiday.casefold())
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
