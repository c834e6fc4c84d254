"""Controls, treatments, events and terms of the calendar in coming weeks."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.data.annual_terms import most_annual_pairs
from mmm_core.data.panel import CALENDAR, EVENT, HOLIDAY, SEASON
from mmm_core.data.patterns import listed
from mmm_core.data.public_holidays import holidays_per_week
from mmm_core.errors import ConfigError
from mmm_core.features.events import event_shares
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.features.seasonality import calendar_effects, monthly_terms, seasonal_terms
from mmm_core.planning.past import as_a_year_before

_DAYS_PER_YEAR = 365.25
_TREND, _SQUARED = "trend", "trend_squared"


def coming_controls(
    data: ModelData, config: Config, dates: NDArray[np.datetime64], given: Mapping[str, FloatArray]
) -> tuple[FloatArray, tuple[str, ...]]:
    """(G, T, K) values of the fit's controls in coming weeks, and what was assumed, in sentences.

    Holidays, seasonality, terms of the calendar and events of the configuration are computed for the new dates;
    the trend of `features.baseline` goes on.  What the plan gives counts.  Of the rest, events of the source do
    not happen, and controls, treatments, baseline series and custom terms are as in the same week a year before
    (the geo's mean where that is not known).

    Args:
        data: of the fit.
        config: `features`, as in the fit.
        dates: (T,) first days of the coming weeks, the first right after the fit's last.
        given: name -> (G, up to T) values of the first weeks, NaN where not known.

    Raises:
        ConfigError: a term of the fit's calendar is no longer configured.
    """
    computed = _computed(data, config, dates)
    usual = as_a_year_before(data.control_values, data.present, len(dates))
    values = np.empty(usual.shape)
    filled: list[str] = []
    absent: list[str] = []
    for k, name in enumerate(data.controls):
        if name in computed:
            values[:, :, k] = computed[name]
            continue
        is_event = _is_event(name, config)
        values[:, :, k] = 0.0 if is_event else usual[:, :, k]
        known = given.get(name, np.full((len(data.geos), 0), np.nan))
        values[:, : known.shape[1], k] = np.where(np.isfinite(known), known, values[:, : known.shape[1], k])
        if not known.size or not np.isfinite(known).all():
            (absent if is_event else filled).append(name)
    return values, _notes(filled, absent, data)


def _notes(filled: list[str], absent: list[str], data: ModelData) -> tuple[str, ...]:
    how = "as in the same week a year before" if len(data.dates) >= 52 else "at each geo's mean"
    notes = (
        (f"{listed(filled)}: where the plan says nothing, {how}.", filled),
        (f"{listed(absent)}: events that the plan does not know do not happen.", absent),
    )
    return tuple(note for note, names in notes if names)


def _computed(data: ModelData, config: Config, dates: NDArray[np.datetime64]) -> dict[str, FloatArray]:
    """Name in the model -> (G, T) or (T,) values that only need dates."""
    features = config.features
    shared = {
        **seasonal_terms(dates, most_annual_pairs(config)),
        **monthly_terms(dates, features.seasonality.monthly_fourier_order),
        **calendar_effects(dates, features.seasonality.calendar_effects),
    }
    weeks = pd.DatetimeIndex(dates.astype("datetime64[ns]"))
    own = _by_geo(data, lambda geo: holidays_per_week(weeks, geo, features.holidays))
    events = _by_geo(data, lambda geo: event_shares(dates, geo, features.events))
    found = {**shared, **own, **{name.removeprefix(EVENT): values for name, values in events.items()}}
    gone = [name for name in data.controls if name.startswith((SEASON, CALENDAR, HOLIDAY)) and name not in found]
    if gone:
        raise ConfigError(
            f"The fit has the terms {listed(gone)}, which features.seasonality and features.holidays no longer "
            "give; set them as they were, or fit again."
        )
    return {name: values for name, values in found.items() if name in data.controls} | _trend(data, config, dates)


def _by_geo(data: ModelData, of_geo: Callable[[str], Mapping[str, FloatArray]]) -> dict[str, FloatArray]:
    found = [of_geo(geo) for geo in data.geos]
    return {name: np.stack([one[name] for one in found]) for name in found[0]}


def _trend(data: ModelData, config: Config, dates: NDArray[np.datetime64]) -> dict[str, FloatArray]:
    """Years go on from the fit's last week."""
    if config.features.baseline.trend == "none" or _TREND not in data.controls:
        return {}
    there = int(np.argmax(data.present[:, -1]))
    last = data.control_values[there, -1, data.controls.index(_TREND)]
    days = (dates.astype("datetime64[D]") - data.dates[-1].astype("datetime64[D]")).astype(np.float64)
    years = last + days / _DAYS_PER_YEAR
    return {name: values for name, values in ((_TREND, years), (_SQUARED, years**2)) if name in data.controls}


def _is_event(name: str, config: Config) -> bool:
    """Whether a control is an event of the configuration or the source."""
    items = config.features.event_cols
    columns = {name, name.partition(": ")[0]}
    return any(fnmatchcase(column, item) for column in columns for item in items)
