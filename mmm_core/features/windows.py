"""Which weeks are fitted, and which only feed carryover."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.errors import DataError

_WEEK = pd.Timedelta(days=7)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Window:
    """Consecutive weeks of a panel: P lead weeks, then T fitted weeks."""

    lead: slice
    """Positions of the P lead weeks, whose media feed carryover only."""
    fitted: slice
    """Positions of the T fitted weeks."""


def choose_window(weeks: pd.DatetimeIndex, known: NDArray[np.bool_], config: Config) -> Window:
    """The fitted weeks and the lead weeks before them.

    Fitted are all weeks from the first to the last in which any geo's KPI is known, or the last of them as
    far as `data.windows.estimation_months` reach back.  Lead weeks are the panel's weeks before the first
    fitted one, at most `data.windows.carryover_months`, or where that is not set, `features.adstock.max_lag`
    weeks.

    Args:
        weeks: N first days of consecutive weeks.
        known: (N,) whether any geo's KPI is known; somewhere it is.
        config: `data.windows` and `features.adstock.max_lag`.

    Raises:
        DataError: the KPI is not known for as long as the window asks for.
    """
    positions = np.flatnonzero(known)
    first, last = int(positions[0]), int(positions[-1])
    if last + 1 < len(weeks):
        _log.info("No geo's KPI is known in %s; these weeks are left out.", calendar.iso(weeks[last + 1 :]))
    months = config.data.windows.estimation_months
    if months is not None:
        first = _window_start(weeks, first, last, months)
    lead = min(first, _carryover_weeks(weeks[first], config))
    return Window(lead=slice(first - lead, first), fitted=slice(first, last + 1))


def _window_start(weeks: pd.DatetimeIndex, first: int, last: int, months: int) -> int:
    """Position of the first week that begins at most `months` months before the end of the last one."""
    end = weeks[last] + _WEEK
    wanted = end - pd.DateOffset(months=months)
    if weeks[first] >= wanted + _WEEK:
        raise DataError(
            f"data.windows.estimation_months is {months}, which reaches back to {wanted:%Y-%m-%d}, but the KPI is "
            f"known from {weeks[first]:%Y-%m-%d} to {weeks[last]:%Y-%m-%d} only; ask for fewer months, or give "
            "more history."
        )
    return max(first, int(weeks.searchsorted(wanted)))


def _carryover_weeks(start: pd.Timestamp, config: Config) -> int:
    """Lead weeks that are wanted before the first fitted week."""
    months = config.data.windows.carryover_months
    if months is None:
        return config.features.adstock.max_lag
    return (start - (start - pd.DateOffset(months=months))).days // _WEEK.days
