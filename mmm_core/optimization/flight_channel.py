"""What one channel brings when the media of its weeks is multiplied, week by week, with both derivatives.

G geos, P weeks before the window, T weeks of it, S draws.  Media of week u counts v_u times in the plan.  Where
adstock comes first,

    outcome_g = mean_s beta_gs sum_t worth_t shape_s(sum_l w_ls media_{t-l} v_{t-l}),

and where it comes last every week is saturated alone and is worth what it carries over (`carried_value`), which is
the same with one lag.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.model.adstock import carried_value, lag_windows
from mmm_core.model.media_response import BLOCK_PRODUCTS, BLOCK_VALUES, MediaResponse
from mmm_core.model.predictors import channel_response, channel_series, stacked_draws
from mmm_core.optimization.flight_shape import Above, Shape, Values, below
from mmm_core.planning.frame import PlanningFrame


@dataclass(frozen=True)
class WeekSums:
    """Outcome of a channel and its derivatives by the factor of every week, per geo (all geos: G is 1)."""

    value: FloatArray
    """(G,)"""
    slope: FloatArray
    """(G, P + T)"""
    bend: FloatArray | None
    """(G, P + T, P + T); None where it was not asked for."""


@dataclass(frozen=True)
class Reach:
    """Least and largest factors of weeks, for bounds."""

    least: FloatArray
    """(G, P + T)"""
    most: FloatArray
    """(G, P + T)"""
    flat: bool
    """Whether factors are no linear function of the plan (creatives wear out)."""


@dataclass(frozen=True)
class ChannelFlight:
    """One channel over some draws."""

    response: MediaResponse
    shape: Shape
    weights: FloatArray
    """(L, S) of lags, the largest first, per half-saturation."""
    windows: FloatArray
    """(G, R, L) planned media of the rows that are saturated, and their past."""
    worth: tuple[FloatArray, ...]
    """Per geo (T,) or (T, S): outcome of one unit of mu in each week."""
    quality: FloatArray | None
    """(G, R) frequency of reach; None for other media."""
    beta: FloatArray
    """(S, G) effects."""
    n_lead: int

    @classmethod
    def of(cls, frame: PlanningFrame, channel: int, draws: slice) -> "ChannelFlight":
        """A paid channel of a frame."""
        posterior = frame.posterior
        response = channel_response(posterior, channel, draws)
        series = channel_series(posterior, channel, None)
        n_lead = len(series[0].media) - response.n_weeks
        value = posterior.data.outcome_per_kpi
        worth = tuple(
            of_geo * unit[:, 0] if unit.shape[1] == 1 else of_geo[:, None] * unit[:, draws]
            for of_geo, unit in zip(value, frame.units, strict=True)
        )
        beta = stacked_draws(posterior, "beta_gm")[draws, :, channel]
        shape, quality = Shape.of(response.saturation), None
        if response.order == "adstock_first":
            weights = response.lag_weights
            windows = np.stack([lag_windows(one.media, len(weights), response.n_weeks) for one in series])
        else:
            weights = 1 / response.saturation.half[None, :]
            windows = np.stack([one.media[:, None] for one in series])
        if response.order == "reach":
            weights, shape = np.ones_like(weights), Shape("none", None)
            quality = np.stack(
                [np.ones_like(one.media) if one.frequency is None else one.frequency for one in series]
            )
        return cls(response, shape, weights, windows, worth, quality, beta, n_lead)

    @property
    def is_concave(self) -> bool:
        """Whether the outcome is a concave function of the factors in every draw."""
        return self.shape.family == "none" or (self.shape.is_concave and bool((self.beta >= 0).all()))

    def sums(
        self, factors: FloatArray, order: int, part: NDArray[np.bool_], reach: Reach | None = None
    ) -> WeekSums:
        """Outcome with derivatives up to an order.

        Args:
            factors: (G or 1, P + T) of the weeks.
            order: 0, 1 or 2.
            part: (G,) geos that count.
            reach: None: the outcome itself; otherwise the concave function above it on that range.
        """
        n_geos, n_rows, n_lags = self.windows.shape
        here = self._windows(factors)
        ends = (
            None if reach is None or self.is_concave else (self._windows(reach.least), self._windows(reach.most))
        )
        pairs = np.triu_indices(n_lags)
        value = np.zeros(n_geos)
        slopes, bends = (
            np.zeros((n_geos, n_rows, n_lags)),
            np.zeros((n_geos, n_rows, len(pairs[0])) if order > 1 else 0),
        )
        for draws in self._blocks(len(pairs[0]) if order > 1 else n_lags):
            weights, shape = self.weights[:, draws], self.shape.take(draws)
            above, products = Above(shape), weights[pairs[0]] * weights[pairs[1]] if order > 1 else weights
            for g in np.flatnonzero(part).tolist():
                worth = self._worth(g, draws)
                media = here[g] @ weights
                if ends is None:
                    found = shape(media, order)
                else:
                    low, high = ends[0][g] @ weights, ends[1][g] @ weights
                    found = above(media, low, high, order)
                    if (self.beta[draws, g] < 0).any() and shape.family != "none":
                        flat = reach is not None and reach.flat
                        found = _mixed(self.beta[draws, g] < 0, below(shape, media, low, high, order, flat), found)
                value[g] += np.vdot(worth, found.value)
                if found.slope is not None:
                    slopes[g] += (found.slope * worth) @ weights.T
                if found.bend is not None:
                    bends[g] += (found.bend * worth) @ products.T
        return self._by_week(value, slopes, bends if order > 1 else None, pairs)

    def summed(self, sums: WeekSums) -> WeekSums:
        """All geos together."""
        bend = None if sums.bend is None else sums.bend.sum(axis=0, keepdims=True)
        return WeekSums(sums.value.sum(keepdims=True), sums.slope.sum(axis=0, keepdims=True), bend)

    def _windows(self, factors: FloatArray) -> FloatArray:
        """(G, R, L) media of the rows and their past under a plan."""
        n_rows, n_lags = self.windows.shape[1:]
        padded = self._padded(factors)
        of_rows = np.lib.stride_tricks.sliding_window_view(padded, n_lags, axis=1)[:, :n_rows]
        return np.asarray(self.windows * of_rows, dtype=np.float64)

    @property
    def _offset(self) -> int:
        """Week of row 0 at the largest lag."""
        n_lags = self.windows.shape[2]
        return (self.n_lead if self.response.order == "adstock_first" else 0) - int(n_lags) + 1

    def _padded(self, weekly: FloatArray) -> FloatArray:
        """(G, R + L - 1) from the week of row 0 at the largest lag on."""
        offset = self._offset
        return np.pad(weekly, ((0, 0), (max(-offset, 0), 0)))[:, max(offset, 0) :]

    def _by_week(
        self,
        value: FloatArray,
        slopes: FloatArray,
        bends: FloatArray | None,
        pairs: tuple[NDArray[np.intp], NDArray[np.intp]],
    ) -> WeekSums:
        """From rows and lags to weeks; divided by the number of draws."""
        n_geos, n_rows, n_lags = self.windows.shape
        n_draws, n_weeks = self.beta.shape[0], self.n_lead + self.response.n_weeks
        slopes *= self.windows
        skipped, missing = max(-self._offset, 0), max(self._offset, 0)
        slope = np.zeros((n_geos, missing + n_rows + n_lags - 1))
        for j in range(n_lags):
            slope[:, missing + j : missing + j + n_rows] += slopes[:, :, j]
        slope = slope[:, skipped : skipped + n_weeks] / n_draws
        if bends is None:
            return WeekSums(value / n_draws, slope, None)
        size, rows = missing + n_rows + n_lags - 1, missing + np.arange(n_rows)
        bend = np.zeros((n_geos, size, size))
        for pair, (j, k) in enumerate(zip(*(index.tolist() for index in pairs), strict=True)):
            part = bends[:, :, pair] * self.windows[:, :, j] * self.windows[:, :, k]
            bend[:, rows + j, rows + k] += part
            if j != k:
                bend[:, rows + k, rows + j] += part
        kept = slice(skipped, skipped + n_weeks)
        return WeekSums(value / n_draws, slope, bend[:, kept, kept] / n_draws)

    def _worth(self, geo: int, draws: slice) -> FloatArray:
        """(R, block) what one unit of shaped media of each row brings."""
        worth = self.worth[geo] if self.worth[geo].ndim == 1 else self.worth[geo][:, draws]
        if self.response.order != "adstock_first":
            worth = carried_value(worth, self.response.lag_weights[:, draws], self.n_lead)
        if self.quality is not None:
            saturation = self.response.saturation.take(draws)
            worth = worth * saturation(self.quality[geo][:, None] / saturation.half)
        worth = worth[:, None] if worth.ndim == 1 else worth
        idle = ~self.windows[geo].any(axis=1)
        return np.asarray(np.where(idle[:, None], 0.0, worth * self.beta[draws, geo]))

    def _blocks(self, n_products: int) -> Iterator[slice]:
        """Draws to work on at a time."""
        n_rows, n_draws = self.windows.shape[1], len(self.beta)
        size = max(1, min(BLOCK_VALUES, BLOCK_PRODUCTS // n_products) // n_rows)
        return (slice(start, min(start + size, n_draws)) for start in range(0, n_draws, size))


def _mixed(which: NDArray[np.bool_], one: Values, other: Values) -> Values:
    """The first where `which`, the second elsewhere, by draws."""
    parts = ((one.value, other.value), (one.slope, other.slope), (one.bend, other.bend))
    value, slope, bend = (None if a is None or b is None else np.where(which, a, b) for a, b in parts)
    return Values(one.value if value is None else value, slope, bend)
