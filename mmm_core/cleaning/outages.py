"""Periods in which recording failed: those that are known, and those that can be told from zeros."""

from collections.abc import Sequence

import numpy as np

from mmm_core.cleaning.change_log import BoolArray, IntArray
from mmm_core.cleaning.periods import Periods, stretches
from mmm_core.cleaning.roles import Channel, Roles, positions
from mmm_core.config.cleaning import MissingDataConfig, OutageConfig
from mmm_core.config.keys import nearest
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.panel import KPI
from mmm_core.errors import ConfigError

_KEY = "enhanced_cleaning.missing_data.outages"
_ACTIVE_SHARE = 0.9
"""Share of the periods around a stretch of zeros that must be above 0, or zeros are nothing unusual."""


def known_outages(
    periods: Periods, roles: Roles, mapping: ColumnMapping, outages: Sequence[OutageConfig]
) -> BoolArray:
    """(T, C) cells of the configured outages of this geo; a week is in an outage that has one of its days.

    Raises:
        ConfigError: an outage names something that is neither `kpi`, nor a channel, nor a source column.
    """
    cells = np.zeros(periods.values.shape, dtype=bool)
    for number, outage in enumerate(outages):
        at = np.concatenate(
            [_columns(name, roles, mapping, f"{_KEY}[{number}].columns") for name in outage.columns]
        )
        if outage.geos and periods.geo not in outage.geos:
            continue
        start, end = np.datetime64(outage.start, "D"), np.datetime64(outage.end, "D")
        days = periods.dates.astype("datetime64[D]")
        cells[np.ix_((days <= end) & (days + (periods.days - 1) >= start), at)] = True
    return cells


def detected_outages(periods: Periods, roles: Roles, missing: BoolArray, settings: MissingDataConfig) -> BoolArray:
    """(T, C) cells of outages that show as zeros in the middle of activity.

    A stretch of at most `max_outage_days` is an outage
    - of the KPI, if it is 0 there;
    - of a platform (the paid channels whose names have the same first word before `_`, or an organic channel),
      if spend and media of all its channels are 0 or missing there and one of them is 0;
    - of a channel's spend, if it is 0 there and its media units are not, or the other way round,
    if there is activity on both sides of it and in at least 90 percent of the periods that are known within
    28 days of it.  For the last kind, activity is spend and units both above 0, among the periods with either.

    Args:
        periods: before anything is filled.
        roles: of the columns.
        missing: (T, C) cells that count as unknown: empty ones and those of known outages.
        settings: limits.
    """
    longest = settings.max_outage_days // periods.days
    cells = np.zeros(periods.values.shape, dtype=bool)
    positive = ~missing & (periods.values > 0)
    zero = ~missing & (periods.values == 0)
    kpi = roles.kpi
    for first, last in _interruptions(positive[:, kpi], ~missing[:, kpi], longest, periods.window):
        cells[first : last + 1, kpi] = zero[first : last + 1, kpi]
    for channels in _platforms(roles):
        amounts = positions(position for channel in channels for position in channel.amounts)
        active: BoolArray = np.logical_or.reduce(positive[:, amounts], axis=1)
        known: BoolArray = np.logical_or.reduce(~missing[:, amounts], axis=1)
        every = positions(position for channel in channels for position in channel.all)
        for first, last in _interruptions(active, known, longest, periods.window):
            if known[first : last + 1].any():
                cells[first : last + 1, every] = True
    for channel in roles.channels:
        if channel.spend is None or channel.units is None:
            continue
        both = positive[:, channel.spend] & positive[:, channel.units]
        for silent, other in ((channel.spend, channel.units), (channel.units, channel.spend)):
            failed = zero[:, silent] & positive[:, other]
            for first, last in _interruptions(both, both | failed, longest, periods.window):
                cells[first : last + 1, silent] |= failed[first : last + 1]
    return cells


def _columns(name: str, roles: Roles, mapping: ColumnMapping, key: str) -> IntArray:
    if name == KPI:
        return positions([roles.kpi])
    for channel in roles.channels:
        if channel.name == name:
            return positions(channel.all)
    found = [position for position, column in enumerate(roles.columns) if mapping.numeric_columns[column] == name]
    if found:
        return positions(found)
    sources = [mapping.numeric_columns[column] for column in roles.columns]
    known = [KPI, *(channel.name for channel in roles.channels), *sources]
    close = nearest(name, known)
    raise ConfigError(
        f"{key}: received {name!r}; allowed: {', '.join(dict.fromkeys(known))}."
        + (f" Did you mean {close}?" if close else "")
    )


def _platforms(roles: Roles) -> list[list[Channel]]:
    groups: dict[tuple[bool, str], list[Channel]] = {}
    for channel in roles.channels:
        name = channel.name.split("_")[0] if channel.paid else channel.name
        groups.setdefault((channel.paid, name), []).append(channel)
    return list(groups.values())


def _interruptions(active: BoolArray, known: BoolArray, longest: int, window: int) -> list[tuple[int, int]]:
    """First and last position of each short stretch without activity in the middle of activity.

    Args:
        active: (T,) where there is activity.
        known: (T,) where there is activity, or it is known that there is none.
        longest: most periods of a stretch.
        window: periods before and after it that are looked at.
    """
    all_found = stretches(~active)
    first, last = all_found[:, 0], all_found[:, 1]
    active_before, active_after = _around(active, first, last, window)
    known_before, known_after = _around(known, first, last, window)
    usual = active_before + active_after >= _ACTIVE_SHARE * (known_before + known_after)
    short = last - first < longest
    chosen = all_found[short & usual & (active_before > 0) & (active_after > 0)]
    return [(int(start), int(end)) for start, end in chosen]


def _around(mask: BoolArray, first: IntArray, last: IntArray, window: int) -> tuple[IntArray, IntArray]:
    """(R,) how many are True within the window before, and after, each stretch."""
    count = np.concatenate(([0], np.cumsum(mask))).astype(np.intp)
    before = count[first] - count[np.maximum(first - window, 0)]
    after = count[np.minimum(last + 1 + window, len(mask))] - count[last + 1]
    return before, after
