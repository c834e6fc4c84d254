"""Whether a missing value of a channel is an outage or a pause."""

import numpy as np

from mmm_core.cleaning.change_log import BoolArray
from mmm_core.cleaning.periods import Periods, stretches
from mmm_core.cleaning.roles import Channel, Roles, positions
from mmm_core.config.cleaning import MissingDataConfig


def campaign_outages(
    periods: Periods, roles: Roles, missing: BoolArray, outage: BoolArray, settings: MissingDataConfig
) -> BoolArray:
    """(T, C) missing cells of channels that are to be imputed; the other missing cells are pauses, so 0.

    A channel is on where its spend or its media units are above 0, off where what is known of them is 0, and
    unknown where neither is known.  Missing cells of a date at which it is on are imputed.  A stretch at which
    it is unknown is an outage if the channel is on at the date before and at the date after it; at the edge
    of a pause, and at the ends of the series, it is a pause, and under `pause_detection` also where it is
    `min_pause_days` long.

    Args:
        periods: before anything is filled.
        roles: of the columns.
        missing: (T, C) empty cells.
        outage: (T, C) cells whose values are not to be trusted.
        settings: `pause_detection` and `min_pause_days`.
    """
    cells = np.zeros(missing.shape, dtype=bool)
    for channel in roles.channels:
        every = positions(channel.all)
        if missing[:, every].any():
            cells[:, every] = missing[:, every] & _imputed(channel, periods, missing | outage, settings)[:, None]
    return cells


def _imputed(channel: Channel, periods: Periods, unknown: BoolArray, settings: MissingDataConfig) -> BoolArray:
    """(T,) dates at which what is missing of this channel is imputed."""
    amounts = positions(channel.amounts)
    known = ~unknown[:, amounts]
    on: BoolArray = np.logical_or.reduce(known & (periods.values[:, amounts] > 0), axis=1)
    dates = on.copy()
    for first, last in stretches(np.logical_and.reduce(~known, axis=1)).tolist():
        between = first > 0 and last + 1 < len(on) and bool(on[first - 1]) and bool(on[last + 1])
        long = (last - first + 1) * periods.days >= settings.min_pause_days
        dates[first : last + 1] = between and not (settings.pause_detection and long)
    return dates
