"""Columns that are computed from the calendar, the configuration and further columns of the source."""

import logging

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.annual_terms import most_annual_pairs
from mmm_core.data.panel import DATE, EVENT, GEO
from mmm_core.data.public_holidays import holidays_per_week
from mmm_core.errors import ConfigError
from mmm_core.features.baseline import baseline_series, trend_terms
from mmm_core.features.custom_terms import custom_terms
from mmm_core.features.events import event_shares
from mmm_core.features.fatigue import age_terms, discounted_media
from mmm_core.features.model_data import FloatArray
from mmm_core.features.seasonality import calendar_effects, monthly_terms, seasonal_terms
from mmm_core.features.source_columns import source_columns

NOTES = "notes"
"""Key in the attributes of the frame: sentences on what was done to existing columns."""
_log = logging.getLogger(__name__)


def build_features(clean: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The clean panel of one geo plus everything that `features` asks for.

    Args:
        clean: one geo's clean panel, T weeks, at least one; `extra__`, `age__` and event columns where they are
            mapped.
        config: `features.holidays` (see `public_holidays.holidays_per_week`), `features.seasonality` (see
            `seasonality`), `features.events` (`events`), `features.custom_terms` (`custom_terms`),
            `features.creative_fatigue` (`fatigue`) and `features.baseline` (`baseline`).

    Returns:
        A new frame: the panel's columns (media of creatives that wear out are discounted), then `holiday__`,
        `season__`, `calendar__`, `event__`, `term__` and `baseline__` columns.  What was discounted is in
        `frame.attrs["notes"]`, and the log says so.

    Raises:
        ConfigError: a territory, formula, event or column of `features` is wrong.
        DataError: a column that a term needs is missing or has impossible values.
    """
    settings = config.features
    discounted, notes = discounted_media(clean, settings.creative_fatigue)
    panel = clean.assign(**discounted) if discounted else clean
    columns = _new_columns(panel, config)
    repeated = [column.removeprefix(EVENT) for column in columns if column in panel]
    if repeated:
        raise ConfigError(
            f"features.events: {', '.join(repeated)} is also a column of features.event_cols; rename the event."
        )
    features = pd.concat([panel, pd.DataFrame(columns, index=panel.index)], axis=1) if columns else panel.copy()
    features.attrs = {**clean.attrs, **({NOTES: list(notes)} if notes else {})}
    for note in notes:
        _log.info(note)
    return features


def _new_columns(panel: pd.DataFrame, config: Config) -> dict[str, FloatArray]:
    """Panel column -> (T,) values."""
    settings = config.features
    weeks, geo = pd.DatetimeIndex(panel[DATE]), str(panel[GEO].iloc[0])
    dates, source = weeks.to_numpy(), source_columns(panel)
    return {
        **holidays_per_week(weeks, geo, settings.holidays),
        **seasonal_terms(dates, most_annual_pairs(config)),
        **monthly_terms(dates, settings.seasonality.monthly_fourier_order),
        **calendar_effects(dates, settings.seasonality.calendar_effects),
        **event_shares(dates, geo, settings.events),
        **custom_terms(weeks, geo, source, config),
        **age_terms(panel, settings.creative_fatigue),
        **trend_terms(dates, settings.baseline.trend),
        **baseline_series(weeks, geo, source, config),
    }
