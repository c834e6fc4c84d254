"""Mean outcome of a plan over weeks, with both derivatives by the factors of all cells and periods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.fatigue import effective_factors
from mmm_core.optimization.flight_channel import ChannelFlight, Reach, WeekSums
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.optimization.response import of_all_channels
from mmm_core.planning.frame import PlanningFrame


@dataclass(frozen=True)
class Outcome:
    """Of N cells, over Q periods."""

    value: FloatArray
    """(N,) mean over draws."""
    slope: FloatArray
    """(N, Q) by the factors of periods; 0 where nothing is planned."""
    bend: FloatArray | None = None
    """(N, Q, Q) second derivatives; cells do not meet."""

    @property
    def total(self) -> float:
        """Of all cells."""
        return float(self.value.sum())


@dataclass(frozen=True)
class Range:
    """Least and largest (N, Q) factors of periods, and (N,) of cells as a whole."""

    least: FloatArray
    most: FloatArray
    least_whole: FloatArray
    most_whole: FloatArray


@dataclass(frozen=True)
class FlightOutcome:
    """The outcome of factors of periods over some draws: what the plan brings.

    Where media before the window is scaled along, all of it counts as often as the cell's whole money; where it
    stays, what it brings without a plan is taken off.  In the family `robust_log` what an effect is worth is that
    under the current plan.
    """

    frame: PlanningFrame
    weeks: FlightWeeks
    draws: slice
    wear: Mapping[str, float] = field(default_factory=dict)
    """channel -> how fast its creatives wear out (`optimization.fatigue`), in every period by its own factor."""

    def __call__(self, factors: FloatArray, order: int = 2, within: Range | None = None) -> Outcome:
        """Outcome of a plan.

        Args:
            factors: (N, Q) multiples of planned money.
            order: of the derivatives, 0 to 2.
            within: None: the outcome; otherwise a concave function above it for factors in that range.
        """
        parts = of_all_channels(lambda m: self._of_channel(m, factors, order, within), len(self._channels))
        shape = factors.shape
        bend = None
        if order > 1:
            bends = [part.bend for part in parts if part.bend is not None]
            bend = np.stack(bends, axis=1).reshape(*shape, shape[1])
        value = np.stack([part.value for part in parts], axis=1).ravel()
        value = value - (0 if self.frame.scale_lead else self._without_plan)
        return Outcome(value, np.stack([part.slope for part in parts], axis=1).reshape(shape), bend)

    @cached_property
    def is_concave(self) -> bool:
        """Whether the outcome is concave in every draw."""
        return all(channel.is_concave for channel in self._channels)

    @cached_property
    def _channels(self) -> list[ChannelFlight]:
        n_channels = len(self.weeks.cells.channels)
        return of_all_channels(lambda m: ChannelFlight.of(self.frame, m, self.draws), n_channels)

    @cached_property
    def _without_plan(self) -> FloatArray:
        """(N,) what media before the window brings alone."""
        found = []
        for m, channel in enumerate(self._channels):
            n_geos = len(self.weeks.cells.geos)
            factors = np.zeros((n_geos, channel.n_lead + channel.response.n_weeks))
            factors[:, : channel.n_lead] = 1.0
            sums = channel.sums(factors, 0, self.weeks.cells.takes_part[:, m])
            found.append(sums.value if self.weeks.cells.by_geo else sums.value.sum(keepdims=True))
        return np.stack(found, axis=1).ravel()

    def _of_channel(self, m: int, factors: FloatArray, order: int, within: Range | None) -> Outcome:
        channel, cells = self._channels[m], self.weeks.cells
        which = np.arange(m, len(cells.spend), len(cells.channels))
        rate = self.wear.get(cells.channels[m], 0.0)
        counted = _counted(self.weeks, which, self._with_lead(which, factors[which]), rate)
        reach = None
        if within is not None and not channel.is_concave:
            low, high = self._with_lead(which, within.least[which]), self._with_lead(which, within.most[which])
            if self.frame.scale_lead:
                there = self.weeks.unit[which] > 0
                low[:, 0] = np.where(there, np.maximum(low[:, 0], within.least_whole[which]), 1.0)
                high[:, 0] = np.where(there, np.minimum(high[:, 0], within.most_whole[which]), 1.0)
            low, high = (_counted(self.weeks, which, end, rate).value for end in (low, high))
            reach = Reach(self._spread(channel, low), self._spread(channel, high), rate > 0)
        sums = channel.sums(self._spread(channel, counted.value), order, cells.takes_part[:, m], reach)
        if not cells.by_geo:
            sums = channel.summed(sums)
        return self._by_period(which, channel, sums, counted)

    def _with_lead(self, which: NDArray[np.intp], factors: FloatArray) -> FloatArray:
        return _with_lead(self.weeks, which, factors, self.frame.scale_lead)

    def _spread(self, channel: ChannelFlight, parts: FloatArray) -> FloatArray:
        return _spread(self.weeks, channel.n_lead, channel.response.n_weeks, parts)

    def _by_period(
        self,
        which: NDArray[np.intp],
        channel: ChannelFlight,
        sums: WeekSums,
        counted: "_Counted",
    ) -> Outcome:
        """From weeks to periods, by the chain rule."""
        slope = self._grouped(sums.slope, channel.n_lead, 1)
        shares = self.weeks.shares[which] if self.frame.scale_lead else np.zeros_like(self.weeks.shares[which])
        there = self.weeks.planned[which] > 0
        chained = slope * counted.slope
        by_factor = np.where(there, chained[:, 1:] + shares * chained[:, :1], 0.0)
        if sums.bend is None:
            return Outcome(sums.value, by_factor)
        bend = self._grouped(self._grouped(sums.bend, channel.n_lead, 1), channel.n_lead, 2)
        bend *= counted.slope[:, :, None] * counted.slope[:, None, :]
        index = np.arange(bend.shape[1])
        bend[:, index, index] += slope * counted.bend
        across = bend[:, 1:, :1] * shares[:, None, :]
        total = bend[:, 1:, 1:] + across + across.transpose(0, 2, 1)
        total += bend[:, :1, :1] * (shares[:, :, None] * shares[:, None, :])
        return Outcome(sums.value, by_factor, total * (there[:, :, None] & there[:, None, :]))

    def _grouped(self, weekly: FloatArray, n_lead: int, axis: int) -> FloatArray:
        """Sums over the weeks before the window, then over those of each period."""
        before, inside = np.split(weekly, [n_lead], axis=axis)
        inside = np.take(inside, np.arange(self.weeks.n_weeks), axis=axis)
        groups = np.add.reduceat(inside, self.weeks.starts, axis=axis)
        return np.concatenate([before.sum(axis=axis, keepdims=True), groups], axis=axis)


@dataclass(frozen=True)
class _Counted:
    """(C, 1 + Q) what factors count like, and both derivatives."""

    value: FloatArray
    slope: FloatArray
    bend: FloatArray


def week_factors(
    frame: PlanningFrame, weeks: FlightWeeks, factors: FloatArray, wear: Mapping[str, float]
) -> FloatArray:
    """(G, P + T, M) what media of each week counts times, weeks before the window first; 0 in geos without part,
    except for media before coming weeks, which was there all the same.

    Args:
        frame: the weeks.
        weeks: what is planned in them.
        factors: (N, Q) of periods.
        wear: channel -> how fast its creatives wear out.
    """
    data, cells = frame.posterior.data, weeks.cells
    found = []
    for m, channel in enumerate(cells.channels):
        which = np.arange(m, len(cells.spend), len(cells.channels))
        parts = _with_lead(weeks, which, factors[which], frame.scale_lead)
        counted = _counted(weeks, which, parts, wear.get(channel, 0.0)).value
        spread = _spread(weeks, data.lead_media.shape[1], len(data.dates), counted)
        there = np.repeat(cells.takes_part[:, m, None], spread.shape[1], axis=1)
        there[:, : 0 if frame.scale_lead else data.lead_media.shape[1]] = True
        found.append(spread * there)
    return np.stack(found, axis=2)


def _with_lead(weeks: FlightWeeks, which: NDArray[np.intp], factors: FloatArray, scale_lead: bool) -> FloatArray:
    """(C, 1 + Q) factor of the weeks before the window, then those of periods."""
    lead = np.ones(len(factors))
    if scale_lead:
        whole = (weeks.shares[which] * factors).sum(axis=1)
        lead = np.where(weeks.unit[which] > 0, whole, 1.0)
    return np.concatenate([lead[:, None], factors], axis=1)


def _counted(weeks: FlightWeeks, which: NDArray[np.intp], factors: FloatArray, rate: float) -> _Counted:
    """Factors of worn creatives."""
    if not rate:
        return _Counted(factors, np.ones_like(factors), np.zeros_like(factors))
    wears = ~weeks.cells.idle[which][:, None] & (factors > 1)
    slope = np.where(wears, np.exp(-rate * np.maximum(factors - 1, 0.0)), 1.0)
    counted = np.where(wears, effective_factors(factors, rate), factors)
    return _Counted(counted, slope, np.where(wears, -rate * slope, 0.0))


def _spread(weeks: FlightWeeks, n_lead: int, n_weeks: int, parts: FloatArray) -> FloatArray:
    """(C, P + T) factors of weeks; 1 after the plan, where there is no media."""
    lead = np.repeat(parts[:, :1], n_lead, axis=1)
    after = np.ones((len(parts), n_weeks - weeks.n_weeks))
    return np.concatenate([lead, parts[:, 1:][:, weeks.period_of], after], axis=1)
