"""Identifiers of creatives to their age."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.data.dates import Days
from mmm_core.data.feature_columns import age_column
from mmm_core.data.geo_rows import geo_rows, source_dates
from mmm_core.data.mapping import mapped_data
from mmm_core.data.naming import distinct_names
from mmm_core.data.numbers import numbers_or_text
from mmm_core.data.preparation.columns import require_column, require_new, with_columns
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError

_KEY = "features.creative_fatigue.age_cols"
_MISSING = -1


def with_creative_ages(source: SourceTable, config: Config) -> SourceTable:
    """The source with the age of each creative that is only identified, `<column>: age in days`.

    Numbers are ages already, unless they mostly stay the same from one date to the next, which no age does.

    Raises:
        ConfigError: there is no date column.
        DataError: a column does not exist.
    """
    fatigue = config.features.creative_fatigue
    if not fatigue.enabled:
        return source
    data = mapped_data(config, [str(column) for column in source.frame.columns], source.origin)
    if data.date_col is None:
        raise ConfigError(f"data.date_col is not set; name the date column of {source.origin}.")
    days = source_dates(source, data.date_col, data.date_format)
    geos = geo_rows(source, data.keys).codes
    for column in dict.fromkeys(fatigue.age_cols.values()):
        require_column(source, column, _KEY)
        codes = _identifiers(source.frame[column], geos, days)
        if codes is None:
            continue
        name = age_column(column)
        require_new(source, name, _KEY)
        ages = creative_ages_in_days(codes, geos, days)
        changes = int((ages == 0).sum())
        note = (
            f"{name} was computed from the identifiers in {column}: days since a geo's identifier changed "
            f"({changes:,} rows with age 0). What was there before a geo's first row is not known, so it counts "
            "from there."
        )
        source = with_columns(source, {name: ages}, (note,))
    return source


def creative_ages_in_days(codes: NDArray[np.intp], geos: NDArray[np.intp], days: Days) -> NDArray[np.float64]:
    """(N,) days since the identifier of a geo's creative changed.

    Args:
        codes: (N,) number of the identifier, -1 where missing: taken as unchanged.
        geos: (N,) number of the geo.
        days: (N,) dates, any order.

    Returns:
        0 on the first date with a new identifier; NaN before a geo's first identifier and without date.
    """
    ages = np.full(len(codes), np.nan)
    known = np.flatnonzero((codes != _MISSING) & ~np.isnat(days))
    order = known[np.lexsort((days[known], geos[known]))]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (codes[order][1:] != codes[order][:-1]) | (geos[order][1:] != geos[order][:-1])
    refreshed = order[new]
    everyone = np.flatnonzero(~np.isnat(days))
    place = _last_before(geos[refreshed], days[refreshed], geos[everyone], days[everyone])
    found = place >= 0
    since = days[everyone][found] - days[refreshed][place[found]]
    ages[everyone[found]] = since.astype("timedelta64[D]").astype(np.float64)
    return ages


def _last_before(
    geos: NDArray[np.intp], days: Days, wanted_geos: NDArray[np.intp], wanted_days: Days
) -> NDArray[np.intp]:
    """(N,) position of the last of the sorted entries of the same geo on or before the wanted day, else -1."""
    if not len(geos):
        return np.full(len(wanted_geos), -1, dtype=np.intp)
    day, wanted = (part.astype("datetime64[D]").astype(np.int64) for part in (days, wanted_days))
    first = min(int(day.min()), int(wanted.min()))
    width = max(int(day.max()), int(wanted.max())) - first + 1
    place = np.searchsorted(geos * width + day - first, wanted_geos * width + wanted - first, "right") - 1
    return np.where((place >= 0) & (geos[np.maximum(place, 0)] == wanted_geos), place, -1)


def _identifiers(values: pd.Series, geos: NDArray[np.intp], days: Days) -> NDArray[np.intp] | None:
    """(N,) numbers of identifiers, -1 where missing; None for a column of ages."""
    if pd.api.types.is_numeric_dtype(numbers_or_text(values)) and not _stays_the_same(values, geos, days):
        return None
    codes, names = distinct_names(values)
    missing = np.array([not name for name in names], dtype=bool)
    return np.where(missing[codes], _MISSING, codes)


def _stays_the_same(values: pd.Series, geos: NDArray[np.intp], days: Days) -> bool:
    """Whether most numbers equal the geo's number on the date before."""
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    order = np.lexsort((days, geos))
    pairs = (geos[order][1:] == geos[order][:-1]) & (days[order][1:] > days[order][:-1])
    same = numbers[order][1:] == numbers[order][:-1]
    return bool(pairs.any() and same[pairs].mean() > 0.5)
