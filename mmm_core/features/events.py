"""Events of the configuration per week."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.feature_rules import required_period
from mmm_core.config.features import EventConfig
from mmm_core.data.panel import EVENT
from mmm_core.features.model_data import FloatArray
from mmm_core.features.seasonality import days_of_weeks


def event_shares(
    dates: NDArray[np.datetime64], geo: str, events: Mapping[str, EventConfig]
) -> dict[str, FloatArray]:
    """`event__<name>` -> (T,) share of each week's days with the event times its intensity, >= 0.

    A day that is listed twice counts once.  Geos that an event does not concern have zeros.

    Args:
        dates: (T,) first day of each week.
        geo: whose weeks they are.
        events: `features.events`.

    Raises:
        ConfigError: a day or period that is none, naming its key.
    """
    if not events:
        return {}
    days = days_of_weeks(dates)
    return {
        f"{EVENT}{name}": _share(days, name, event)
        if not event.geos or geo in event.geos
        else np.zeros(len(dates))
        for name, event in events.items()
    }


def _share(days: NDArray[np.datetime64], name: str, event: EventConfig) -> FloatArray:
    """(T,) from the (T, 7) days of the weeks."""
    on = np.zeros(days.shape, dtype=bool)
    for written in event.dates:
        first, last = (
            np.datetime64(day, "D") for day in required_period(written, f"features.events.{name}.dates")
        )
        on |= (days >= first) & (days <= last)
    return np.asarray(event.intensity * on.mean(axis=1), dtype=np.float64)
