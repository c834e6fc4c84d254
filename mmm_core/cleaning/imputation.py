"""Values for a stretch of time in which recording failed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.cleaning.change_log import BoolArray, FloatArray, IntArray
from mmm_core.cleaning.periods import Periods, stretches
from mmm_core.cleaning.roles import Channel

_WINDOW_WEEKS = 4


@dataclass(frozen=True)
class Imputed:
    """Values of one column, and where they come from."""

    values: FloatArray
    """(T,)"""
    from_weeks: BoolArray
    """(T,) taken from the weeks around."""
    from_partner: BoolArray
    """(T,) taken from the channel's spend or media units of the same date."""


class _Level:
    """What is known on one side of a stretch."""

    def __init__(self, dates: IntArray, values: FloatArray) -> None:
        self.dates, self.values = dates, values
        self.date, self.mean = float(dates.sum() / len(dates)), float(values.sum() / len(values))


def from_weeks_around(periods: Periods, column: int, trusted: BoolArray, wanted: BoolArray) -> Imputed:
    """Values on the line between the level before a stretch and the level after it.

    A level is the mean of the trusted values of up to 4 weeks next to the stretch, without weeks in which
    nothing is above 0; it belongs to the mean date of those values.  A date t of the stretch gets

        line(t) = before + (after - before) * (t - date before) / (date after - date before)

    (the one level, if there is none on the other side).  For daily data, this is multiplied by the weekday's
    share: the sum of the values of that weekday in those weeks / the sum of the line there (but nowhere less
    than half the smaller level).  A series that grows linearly is continued exactly.

    Args:
        periods: values before; those that are not trusted are not looked at.
        column: position.
        trusted: (T,) known values.
        wanted: (T,) where values are wanted, none of them trusted.

    Returns:
        The column with those values; what is there stays where there is no active week on either side.
    """
    series, filled = periods.values[:, column].copy(), np.zeros(len(wanted), dtype=bool)
    for first, last in stretches(wanted).tolist():
        before = _active_weeks(series, trusted, first - 1, -1, periods.week_length)
        after = _active_weeks(series, trusted, last + 1, 1, periods.week_length)
        sides = [_Level(side, series[side]) for side in (before, after) if len(side)]
        if sides:
            dates = np.arange(first, last + 1)
            series[dates] = _line(sides, dates) * _weekday_share(periods, sides)[dates % 7]
            filled[dates] = True
    return Imputed(series, filled, np.zeros(len(wanted), dtype=bool))


def from_partner(
    periods: Periods, channel: Channel, column: int, trusted: BoolArray, wanted: BoolArray
) -> Imputed:
    """Spend from media units, or media units from spend, at the channel's median cost per unit.

    The median is over dates within 28 days of the stretch that have both, or over all dates if there are none.

    Args:
        periods: values before.
        channel: whose column it is.
        column: position of its spend or of its units.
        trusted: (T, C) known values.
        wanted: (T,) where values are wanted.

    Returns:
        The column with values where the other one is known; 0 where that is 0.
    """
    values, nothing = periods.values[:, column].copy(), np.zeros(len(wanted), dtype=bool)
    if channel.spend is None or channel.units is None or column not in (channel.spend, channel.units):
        return Imputed(values, nothing, nothing)
    other = channel.units if column == channel.spend else channel.spend
    partner, both = periods.values[:, other], trusted[:, column] & trusted[:, other]
    both = both & (np.nan_to_num(values) > 0) & (np.nan_to_num(partner) > 0)
    ratio = np.divide(values, partner, out=np.zeros(len(values)), where=both)
    possible = wanted & trusted[:, other]
    done = possible & (partner == 0)
    values[done] = 0.0
    for first, last in stretches(possible & ~done).tolist():
        near = np.zeros(len(values), dtype=bool)
        near[max(0, first - periods.window) : last + 1 + periods.window] = True
        paired = both & near if (both & near).any() else both
        if paired.any():
            values[first : last + 1] = partner[first : last + 1] * np.median(ratio[paired])
            done[first : last + 1] = True
    return Imputed(values, nothing, done)


def _active_weeks(series: FloatArray, trusted: BoolArray, start: int, step: int, week: int) -> IntArray:
    """Positions of the trusted values in the active ones of the four weeks from `start` on, going by `step`."""
    every = np.arange(start, start + step * _WINDOW_WEEKS * week, step)
    inside = (every >= 0) & (every < len(series))
    at = np.where(inside, every, 0)
    usable = (inside & trusted[at]).reshape(_WINDOW_WEEKS, week)
    active = np.logical_or.reduce(usable & (series[at] > 0).reshape(usable.shape), axis=1)
    chosen: IntArray = every[(usable & active[:, None]).ravel()]
    return chosen


def _line(sides: Sequence[_Level], dates: IntArray) -> FloatArray:
    """Values at dates of the line through the mean date and mean value of each side, or of the one side."""
    before, after = sides[0], sides[-1]
    slope = (after.mean - before.mean) / (after.date - before.date) if len(sides) == 2 else 0.0
    return before.mean + slope * (dates.astype(np.float64) - before.date)


def _weekday_share(periods: Periods, sides: Sequence[_Level]) -> FloatArray:
    """(7,) values over the line, by position modulo 7; 1 for weekly data, and where a weekday is not there."""
    if periods.days == 7:
        return np.ones(7)
    dates = np.concatenate([side.dates for side in sides])
    values = np.concatenate([side.values for side in sides])
    line = np.maximum(_line(sides, dates), min(side.mean for side in sides) / 2)
    sums, expected = np.bincount(dates % 7, values, 7), np.bincount(dates % 7, line, 7)
    return np.divide(sums, expected, out=np.ones(7), where=expected > 0)
