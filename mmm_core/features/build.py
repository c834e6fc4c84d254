"""Columns that are computed from the calendar."""

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.panel import DATE, GEO
from mmm_core.data.public_holidays import holidays_per_week
from mmm_core.features.seasonality import seasonal_terms


def build_features(clean: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The clean panel of one geo plus public holidays and annual seasonality terms.

    Args:
        clean: one geo's clean panel, T weeks, at least one.
        config: `features.holidays` (see `public_holidays.holidays_per_week`) and `features.seasonality` (see
            `seasonality.seasonal_terms`).

    Returns:
        A new frame: the panel's columns, then `holiday__public` and `holiday__<name>`, then `season__sin_k`
        and `season__cos_k`.

    Raises:
        ConfigError: a territory of `features.holidays` is not known.
    """
    weeks = pd.DatetimeIndex(clean[DATE])
    holidays = holidays_per_week(weeks, str(clean[GEO].iloc[0]), config.features.holidays)
    order = config.features.seasonality.annual_fourier_order
    return clean.assign(**holidays, **seasonal_terms(weeks.to_numpy(), order))
