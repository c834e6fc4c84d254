"""What the media of each week brings, in that week and later: sums over stretches of weeks, for every draw.

A week's effect comes from the media of that week and of the weeks before it.  Where effects of weeks add up
(saturation before adstock, reach and frequency), each week's media causes its own part of them.  Where
carried-over media is saturated, the effect `f(x_1 + ... + x_n)` of what is carried over from n weeks is
divided in proportion to the x: the Aumann-Shapley value, the average of what a week's share adds while all of
them grow together from nothing to what they were.  Either way nothing is counted twice or lost: what all weeks
caused, those before the window included, adds up to the contribution over the window.  (Taking one period away
and keeping the others costs less than its share where returns diminish, so such differences do not add up; they
are what `counterfactuals` answers.)

Sizes: S draws, B of them worked on at a time, T weeks, P weeks before them, A parts of the window.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.attribution.returns import NEXT
from mmm_core.features.model_data import FloatArray
from mmm_core.model.adstock import carried_over, carried_value, lag_windows
from mmm_core.model.media_response import BLOCK_VALUES, MediaResponse, MediaSeries
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import Units, channel_response, channel_series, stacked_draws

_NOTHING = 1e-250
"""Carried-over media, in half-saturations, that is too small to divide by; its effect is 0 to all digits."""


@dataclass(frozen=True)
class PartSums:
    """One channel in one geo.  (A + 1, S) each; the first row is what happened, or was spent, before the window
    (no contribution falls there)."""

    contribution: FloatArray
    """KPI units that fall into the part, carryover from before it included."""
    contribution_outcome: FloatArray
    """The same in outcome."""
    caused: FloatArray
    """KPI units that the part's own media brings within the window."""
    caused_outcome: FloatArray
    """The same in outcome."""
    next_outcome: FloatArray
    """Of the outcome that `NEXT` more media in all weeks brings, what falls to the part's own media."""

    def __add__(self, other: "PartSums") -> "PartSums":
        """Both together."""
        return PartSums(*(one + two for one, two in zip(self.arrays, other.arrays, strict=True)))

    @property
    def arrays(self) -> tuple[FloatArray, ...]:
        """All of them."""
        return (
            self.contribution,
            self.contribution_outcome,
            self.caused,
            self.caused_outcome,
            self.next_outcome,
        )


@dataclass(frozen=True)
class _Weekly:
    """The same by week, before the channel's effect is applied: (T, B), and (P + T, B) of what is caused."""

    contribution: FloatArray
    contribution_outcome: FloatArray
    caused: FloatArray
    caused_outcome: FloatArray
    next_outcome: FloatArray

    def summed(self, starts: Sequence[int], n_lead: int) -> Iterator[FloatArray]:
        """(A + 1, B) each, in their order: what is before the window, then the parts."""
        for in_window in (self.contribution, self.contribution_outcome):
            parts = np.add.reduceat(in_window, starts, axis=0)
            yield np.concatenate([np.zeros((1, parts.shape[1])), parts])
        for found in (self.caused, self.caused_outcome, self.next_outcome):
            parts = np.add.reduceat(found, [n_lead + start for start in starts], axis=0)
            yield np.concatenate([found[:n_lead].sum(axis=0, keepdims=True), parts])


def part_sums(posterior: Posterior, channel: int, starts: Sequence[int], units: Units) -> Iterator[PartSums]:
    """One per geo, for one channel.

    Args:
        posterior: the fit.
        channel: index of the channel.
        starts: (A,) ascending indices of the first week of each part; 0 is the first.
        units: `effect_units(posterior)`.
    """
    n_draws, n_lead = posterior.n_draws, posterior.data.lead_media.shape[1]
    beta = stacked_draws(posterior, "beta_gm")[:, :, channel]
    value = posterior.data.outcome_per_kpi
    blocks = _blocks(n_draws, n_lead + len(posterior.data.dates))
    responses = [channel_response(posterior, channel, draws) for draws in blocks]
    for g, series in enumerate(channel_series(posterior, channel, None)):
        sums = PartSums(*(np.zeros((len(starts) + 1, n_draws)) for _ in range(5)))
        for draws, response in zip(blocks, responses, strict=True):
            unit = units[g] if units[g].shape[1] == 1 else units[g][:, draws]
            unit = np.broadcast_to(unit, (len(posterior.data.dates), unit.shape[1]))
            weekly = _weekly(response, series, n_lead, unit, value[g])
            for total, found in zip(sums.arrays, weekly.summed(starts, n_lead), strict=True):
                total[:, draws] = found * beta[draws, g]
        yield sums


def _blocks(n_draws: int, n_weeks: int) -> list[slice]:
    size = max(1, BLOCK_VALUES // n_weeks)
    return [slice(start, min(start + size, n_draws)) for start in range(0, n_draws, size)]


def _weekly(
    response: MediaResponse, series: MediaSeries, n_lead: int, unit: FloatArray, value: FloatArray
) -> _Weekly:
    """From (T, 1) or (T, B) KPI units per unit of effect, and (T,) outcome per KPI unit."""
    if response.order == "adstock_first":
        return _saturated_last(response, series, n_lead, unit, value)
    return _saturated_first(response, series, n_lead, unit, value)


def _saturated_last(
    response: MediaResponse, series: MediaSeries, n_lead: int, unit: FloatArray, value: FloatArray
) -> _Weekly:
    """Adstock, then saturation: each week's effect is divided in proportion to what is carried over."""
    weights, saturation = response.lag_weights, response.saturation
    carried = lag_windows(series.media, len(weights), response.n_weeks) @ weights
    inverse = np.divide(1.0, carried, out=np.zeros_like(carried), where=carried > _NOTHING)
    prepared, scratch = saturation.prepared(carried), np.empty_like(carried)
    now = saturation.at(prepared, 1.0, scratch, np.empty_like(carried)) * unit
    more = saturation.at(prepared, saturation.multiple(1 + NEXT), scratch) * unit - now
    worth = value[:, None]
    outcome = now if _is_kpi(value) else now * worth
    caused = _caused(series.media[:, None], now * inverse, weights, n_lead)
    return _Weekly(
        now,
        outcome,
        caused,
        caused if outcome is now else _caused(series.media[:, None], outcome * inverse, weights, n_lead),
        _caused(series.media[:, None], more * worth * inverse, weights, n_lead),
    )


def _saturated_first(
    response: MediaResponse, series: MediaSeries, n_lead: int, unit: FloatArray, value: FloatArray
) -> _Weekly:
    """Saturation, then adstock: effects of weeks add up."""
    weights, saturation = response.lag_weights, response.saturation
    if response.order == "reach":
        frequency = np.ones_like(series.media) if series.frequency is None else series.frequency
        saturated = series.media[:, None] * saturation(frequency[:, None] / saturation.half)
        more = NEXT * saturated
    else:
        prepared = saturation.prepared(series.media[:, None] / saturation.half)
        scratch = np.empty_like(prepared)
        saturated = saturation.at(prepared, 1.0, scratch, np.empty_like(prepared))
        more = saturation.at(prepared, saturation.multiple(1 + NEXT), scratch) - saturated
    now = carried_over(saturated, weights, response.n_weeks) * unit
    worth = value[:, None]
    constant = unit.shape[1] == 1
    later = carried_value(unit[:, 0] if constant else unit, weights, n_lead)
    in_outcome = unit * worth
    later_outcome = carried_value(in_outcome[:, 0] if constant else in_outcome, weights, n_lead)
    return _Weekly(now, now * worth, saturated * later, saturated * later_outcome, more * later_outcome)


def _caused(media: FloatArray, per_unit: FloatArray, weights: FloatArray, n_lead: int) -> FloatArray:
    """(P + T, B) what each week's media brings, from the effect per unit of carried-over media."""
    return media * carried_value(per_unit, weights, n_lead)


def _is_kpi(value: FloatArray) -> bool:
    """Whether outcome is counted in KPI units in all weeks."""
    return bool(np.all(value == 1))
