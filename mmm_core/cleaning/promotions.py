"""Weeks in which high values are to be expected."""

import numpy as np

from mmm_core.cleaning.change_log import BoolArray
from mmm_core.cleaning.periods import Periods
from mmm_core.config.feature_rules import required_period
from mmm_core.config.features import EventConfig
from mmm_core.config.keys import nearest
from mmm_core.config.schema import Config
from mmm_core.data.panel import CONTROL, EVENT, TREATMENT, with_prefix
from mmm_core.errors import ConfigError


def promotion_weeks(weekly: Periods, config: Config) -> BoolArray:
    """(T,) weeks with a day of one of `features.events`, with an event of the source, or with a promotion.

    A promotion is a value of one of `outliers.promo_columns` above the column's median over the weeks.

    Args:
        weekly: one geo's weeks.
        config: `features.events` and `enhanced_cleaning.outliers`; nothing is exempt unless
            `exempt_promo_periods`.

    Raises:
        ConfigError: a date that is none, or a promotion column that is neither a treatment nor a control.
    """
    settings = config.enhanced_cleaning.outliers
    exempt = np.zeros(len(weekly.dates), dtype=bool)
    if not settings.exempt_promo_periods:
        return exempt
    for name, event in config.features.events.items():
        if not event.geos or weekly.geo in event.geos:
            exempt |= _weeks_of(event, weekly, f"features.events.{name}.dates")
    for column in with_prefix(weekly.columns, EVENT):
        exempt |= weekly.values[:, weekly.columns.index(column)] > 0
    for number, name in enumerate(settings.promo_columns):
        values = weekly.values[:, _position(name, weekly, number)]
        exempt |= values > np.median(values)
    return exempt


def _weeks_of(event: EventConfig, weekly: Periods, key: str) -> BoolArray:
    found = np.zeros(len(weekly.dates), dtype=bool)
    days = weekly.dates.astype("datetime64[D]")
    for written in event.dates:
        start, end = (np.datetime64(day, "D") for day in required_period(written, key))
        found |= (days <= end) & (days + 6 >= start)
    return found


def _position(name: str, weekly: Periods, number: int) -> int:
    for prefix in (TREATMENT, CONTROL):
        if f"{prefix}{name}" in weekly.columns:
            return weekly.columns.index(f"{prefix}{name}")
    names = [column.partition("__")[2] for column in with_prefix(weekly.columns, TREATMENT, CONTROL)]
    close = nearest(name, names)
    hint = f" Did you mean {close}?" if close else ""
    raise ConfigError(
        f"enhanced_cleaning.outliers.promo_columns[{number}]: received {name!r}; allowed: non-media treatments "
        f"and controls ({', '.join(names) or 'there are none'}).{hint}"
    )
