"""Response of one channel to its media, over the draws of a posterior and before its effect is applied.

Sizes: S draws, T weeks, P weeks before them, L lags, J multiples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmm_core.features.model_data import ChannelKind, FloatArray
from mmm_core.model.adstock import adstock_weights, carried_over, carried_value, lag_windows
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.saturation import Saturation

Order = Literal["adstock_first", "saturation_first", "reach"]
BLOCK_VALUES = 32_768
"""Weeks x draws that are worked on at a time: a quarter megabyte, so that it stays in the processor cache."""
BLOCK_PRODUCTS = 262_144
"""Weeks x draws x lags at a time.  BLAS splits larger products over threads that wait for each other, which
costs far more than it saves here as soon as the processor has something else to do."""


@dataclass(frozen=True)
class ChannelDraws:
    """(S,) draws of the parameters of one channel."""

    alpha: FloatArray
    theta: FloatArray
    ec: FloatArray
    slope: FloatArray


@dataclass(frozen=True)
class MediaSeries:
    """Media of one channel and geo, on the model's scale."""

    media: FloatArray
    """(P + T,) media, or reach."""
    frequency: FloatArray | None = None
    """(P + T,) average frequency of the reached; None where the channel has none."""


@dataclass(frozen=True)
class MediaResponse:
    """Adstock and saturation of one channel over its draws."""

    lag_weights: FloatArray
    """(L, S) adstock weights, largest lag first; where adstock comes first, divided by the half-saturation."""
    saturation: Saturation
    order: Order
    """`saturation_first`: adstock of saturated media; `reach`: adstock of reach times saturated frequency."""
    n_weeks: int
    """T"""

    @property
    def n_draws(self) -> int:
        """S."""
        return int(self.lag_weights.shape[1])

    def weekly(self, series: MediaSeries) -> FloatArray:
        """(T, S) carried-over and saturated media of each week."""
        found = np.empty((self.n_weeks, self.n_draws))
        windows = lag_windows(series.media, len(self.lag_weights), self.n_weeks)
        for draws in self._blocks():
            saturation, weights = self.saturation.take(draws), self.lag_weights[:, draws]
            if self.order == "adstock_first":
                saturation(windows @ weights, found[:, draws])
            else:
                found[:, draws] = carried_over(self._saturated(series, saturation), weights, self.n_weeks)
        return found

    def summed(
        self,
        series: Sequence[MediaSeries],
        value: Sequence[FloatArray],
        factors: FloatArray,
        scale_lead: bool = True,
    ) -> FloatArray:
        """(J, G, S) sum over weeks of carried-over and saturated multiples of media.

        Args:
            series: the channel's media, one per geo.
            value: per geo (T,) or (T, S), what one unit is worth in each week.
            factors: (J,) multiples >= 0 of media.
            scale_lead: whether the weeks before the window are multiplied too, or stay as they were.
        """
        if not scale_lead and any(one.media[: -self.n_weeks].any() for one in series):
            return self._summed_after_past(series, value, factors)
        sums = np.empty((len(factors), len(series), self.n_draws))
        sources = [self._source(one) for one in series]
        for draws in self._blocks():
            weights, saturation = self.lag_weights[:, draws], self.saturation.take(draws)
            multiples = [saturation.multiple(float(factor)) for factor in factors]
            scratch = np.empty((len(sources[0]), weights.shape[1]))
            for g, source in enumerate(sources):
                worth = value[g] if value[g].ndim == 1 else value[g][:, draws]
                if self.order == "adstock_first":
                    prepared = saturation.prepared(source @ weights)
                else:
                    worth = carried_value(worth, weights, len(source) - self.n_weeks)
                    if self.order == "reach":
                        total = _total(worth, self._saturated(series[g], saturation))
                        sums[:, g, draws] = factors[:, None] * total
                        continue
                    prepared = saturation.prepared(source / saturation.half)
                for j, multiple in enumerate(multiples):
                    sums[j, g, draws] = _total(worth, saturation.at(prepared, multiple, scratch))
        return sums

    def _summed_after_past(
        self, series: Sequence[MediaSeries], value: Sequence[FloatArray], factors: FloatArray
    ) -> FloatArray:
        """`summed` where the media before the window is not multiplied."""
        sums = np.empty((len(factors), len(series), self.n_draws))
        of_draws = self._mixed if self.order == "adstock_first" else self._added
        for draws in self._blocks():
            for g, one in enumerate(series):
                worth = value[g] if value[g].ndim == 1 else value[g][:, draws]
                sums[:, g, draws] = of_draws(one, worth, factors, draws)
        return sums

    def _mixed(self, series: MediaSeries, worth: FloatArray, factors: FloatArray, draws: slice) -> FloatArray:
        """(J, block) where the past and multiples of the window's media are saturated together."""
        weights, saturation = self.lag_weights[:, draws], self.saturation.take(draws)
        inside = np.arange(len(series.media)) >= len(series.media) - self.n_weeks
        past, coming = (
            lag_windows(np.where(part, series.media, 0.0), len(weights), self.n_weeks) @ weights
            for part in (~inside, inside)
        )
        mixed, scratch, unscaled = np.empty_like(past), np.empty_like(past), saturation.multiple(1.0)
        sums = np.empty((len(factors), past.shape[1]))
        for j, factor in enumerate(factors):
            np.multiply(coming, factor, out=mixed)
            mixed += past
            sums[j] = _total(worth, saturation.at(saturation.prepared(mixed), unscaled, scratch))
        return sums

    def _added(self, series: MediaSeries, worth: FloatArray, factors: FloatArray, draws: slice) -> FloatArray:
        """(J, block) where weeks are saturated one by one, so that the past adds the same to every multiple."""
        saturation, n_lead = self.saturation.take(draws), len(series.media) - self.n_weeks
        worth = carried_value(worth, self.lag_weights[:, draws], n_lead)
        saturated = self._saturated(series, saturation)
        past = _total(worth[:n_lead], saturated[:n_lead])
        if self.order == "reach":
            return np.asarray(past + factors[:, None] * _total(worth[n_lead:], saturated[n_lead:]))
        prepared = saturation.prepared(series.media[n_lead:, None] / saturation.half)
        scratch = np.empty_like(prepared)
        multiples = [saturation.multiple(float(factor)) for factor in factors]
        inside = [_total(worth[n_lead:], saturation.at(prepared, multiple, scratch)) for multiple in multiples]
        return np.asarray(past + np.stack(inside))

    def _source(self, series: MediaSeries) -> FloatArray:
        """What meets the draws: (T, L) media and its past where adstock comes first, else (P + T, 1) media."""
        if self.order == "adstock_first":
            return lag_windows(series.media, len(self.lag_weights), self.n_weeks)
        return series.media[:, None]

    def _saturated(self, series: MediaSeries, saturation: Saturation) -> FloatArray:
        """(P + T, block) what is carried over where adstock comes last."""
        if self.order == "saturation_first":
            return saturation(series.media[:, None] / saturation.half)
        frequency = np.ones_like(series.media) if series.frequency is None else series.frequency
        return np.asarray(series.media[:, None] * saturation(frequency[:, None] / saturation.half))

    def _blocks(self) -> Iterator[slice]:
        """Draws to work on at a time."""
        size = max(1, min(BLOCK_VALUES, BLOCK_PRODUCTS // len(self.lag_weights)) // self.n_weeks)
        return (slice(start, min(start + size, self.n_draws)) for start in range(0, self.n_draws, size))


def media_response(
    spec: ModelSpec, channel: int, kind: ChannelKind, n_weeks: int, n_lead: int, draws: ChannelDraws
) -> MediaResponse:
    """Response of one channel.

    Args:
        spec: families, largest lag and order of adstock and saturation.
        channel: its index.
        kind: what its media is.
        n_weeks: weeks of the window.
        n_lead: weeks of known media before it.
        draws: its parameters.
    """
    saturation = Saturation.of(spec.saturation[channel], draws.ec, draws.slope)
    max_lag = min(spec.max_lag_weeks, n_weeks + n_lead - 1)
    weights = adstock_weights(draws.alpha, spec.adstock[channel], max_lag, draws.theta)
    order: Order = "saturation_first" if spec.hill_before_adstock else "adstock_first"
    if kind == "reach_frequency":
        order = "reach"
    if order == "adstock_first":
        weights = weights / saturation.half[:, None]
    return MediaResponse(np.ascontiguousarray(weights.T[::-1]), saturation, order, n_weeks)


def _total(value: FloatArray, weekly: FloatArray) -> FloatArray:
    """(S,) sum over weeks of (weeks, S), each worth (weeks,) or (weeks, S)."""
    if value.ndim == 1:
        return np.asarray(value @ weekly)
    return np.asarray(np.einsum("ts,ts->s", value, weekly))
