"""What spend brings: for every cell the outcome of each posterior draw at several spends."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import channel_response, channel_series, stacked_draws
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.curves import ResponseCurve, adaptive_nodes

Result = TypeVar("Result")
_TOLERANCE = 1e-5
"""Largest interpolation error of a posterior mean, relative to the channel's largest outcome in range."""
_TOLERANCE_BY_GEO = 1e-4
"""The same for a channel in one geo; errors of many geos even out."""
_MOST_EVALUATIONS = 100_000_000
"""Draws x geos x weeks x channels for which all draws are used."""
_FEWEST_DRAWS = 400
_MOST_THREADS = 8


@dataclass(frozen=True)
class CellResponse:
    """Outcome of one cell over the fit window as a function of its spend, its historical flighting scaled."""

    spend: FloatArray
    """(K,) ascending spends, money."""
    draws: FloatArray
    """(K, S) outcome of each draw: revenue where known, otherwise KPI units."""
    scale: float
    """Current spend, money."""

    @cached_property
    def mean(self) -> ResponseCurve:
        """Posterior mean; non-decreasing unless effects may be negative (`ModelSpec.media_effects` normal)."""
        return ResponseCurve(self.spend, self.draws.mean(axis=1), self.scale)

    def weighted(self, weights: FloatArray) -> ResponseCurve:
        """Weighted sum over draws, with (S,) weights of any sign; linear in them."""
        return ResponseCurve(self.spend, self.draws @ weights, self.scale, "spline")

    def at(self, spend: float) -> FloatArray:
        """(S,) outcome of each draw at one spend, interpolated as in `weighted`."""
        if len(self.spend) == 1:
            return np.asarray(self.draws[0])
        return np.asarray(self._cardinal(spend / (spend + self.scale)) @ self.draws)

    def slope_at(self, spend: float) -> FloatArray:
        """(S,) outcome of one more unit of money in each draw."""
        if len(self.spend) == 1:
            return np.zeros(self.draws.shape[1])
        inner = self._cardinal(spend / (spend + self.scale), 1) @ self.draws
        return np.asarray(inner * self.scale / (spend + self.scale) ** 2)

    @cached_property
    def _cardinal(self) -> Any:
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.spend / (self.spend + self.scale), np.eye(len(self.spend)))


def cell_responses(
    posterior: Posterior, cells: Cells, lower: FloatArray, upper: FloatArray, units: Units
) -> list[CellResponse]:
    """Response of every cell between two spends.

    Spends are added until interpolation of the posterior mean is right to 1e-5 of the largest outcome in range
    (1e-4 by geo).  Where draws x geos x weeks x channels is above 100 million, every k-th draw is used, k the
    smallest number that leaves at most 400 draws or, where that is more, as many as 100 million allow.

    Args:
        posterior: the fit.
        cells: what the budget is split over.
        lower: (N,) least spends.
        upper: (N,) largest spends.
        units: `model.forward.effect_units(posterior)`.
    """
    n_channels = len(cells.channels)

    def of_channel(m: int) -> list[CellResponse]:
        which = np.arange(m, len(cells.spend), n_channels)
        factors, draws = _channel_table(posterior, m, cells, which, lower, upper, units)
        found = []
        for position, current in enumerate(cells.spend[which].tolist()):
            table = draws[:, :, position] if cells.by_geo else draws.sum(axis=2)
            nodes, kept = (factors * current, table) if current > 0 else (np.zeros(1), table[:1])
            found.append(CellResponse(nodes, np.ascontiguousarray(kept), current))
        return found

    by_channel = _of_all_channels(of_channel, n_channels)
    return [of_geo for geo in zip(*by_channel, strict=True) for of_geo in geo]


def _of_all_channels(of_channel: Callable[[int], Result], n_channels: int) -> list[Result]:
    """The results of all channels, computed side by side: NumPy lets other threads work meanwhile."""
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(of_channel, range(n_channels)))


def _channel_table(
    posterior: Posterior,
    channel: int,
    cells: Cells,
    which: np.ndarray,
    lower: FloatArray,
    upper: FloatArray,
    units: Units,
) -> tuple[FloatArray, FloatArray]:
    """(K,) multiples of one channel's media and (K, S, G) outcomes."""
    thinned = objective_draws(posterior)
    current = cells.spend[which]
    known: list[tuple[FloatArray, FloatArray]] = []

    def means(factors: FloatArray) -> FloatArray:
        draws = scaled_channel_outcome(posterior, channel, factors, thinned, units)
        known.append((factors, draws))
        mean = draws.mean(axis=1)
        return np.asarray(mean if cells.by_geo else mean.sum(axis=1, keepdims=True))

    there = current > 0
    low = float((lower[which][there] / current[there]).min()) if there.any() else 1.0
    high = float((upper[which][there] / current[there]).max()) if there.any() else 1.0
    if high - low <= 1e-12 * high:
        means(np.array([low]))
    else:
        adaptive_nodes(means, low, high, 1.0, _TOLERANCE_BY_GEO if cells.by_geo else _TOLERANCE)
    factors = np.concatenate([factors for factors, _ in known])
    order = np.argsort(factors)
    return factors[order], np.concatenate([draws for _, draws in known])[order]


def objective_draws(posterior: Posterior) -> slice:
    """Draws over which plans are found."""
    kept = max(_FEWEST_DRAWS, _MOST_EVALUATIONS // posterior.data.media.size)
    return slice(None, None, -(-posterior.n_draws // kept)) if posterior.n_draws > kept else slice(None)


def plan_outcomes(posterior: Posterior, factors: FloatArray, units: Units) -> tuple[FloatArray, FloatArray]:
    """(J, S) outcome draws of all paid media, and (J, G, M) mean outcomes, of J plans; no interpolation.

    Args:
        posterior: the fit.
        factors: (J, G, M) multiples of the media of each geo and paid channel (weeks before the window too).
        units: `model.forward.effect_units(posterior)`.
    """

    def of_channel(m: int) -> tuple[FloatArray, FloatArray]:
        if (factors[:, :, m] == factors[:, :1, m]).all():
            draws = scaled_channel_outcome(posterior, m, factors[:, 0, m], units=units)
        else:
            draws = _scaled_by_geo(posterior, m, factors[:, :, m], units)
        return draws.sum(axis=2), draws.mean(axis=1)

    found = _of_all_channels(of_channel, factors.shape[2])
    return np.sum([total for total, _ in found], axis=0), np.stack([mean for _, mean in found], axis=2)


def in_kpi(posterior: Posterior) -> Posterior:
    """The same fit with outcomes in KPI units."""
    return replace(posterior, data=replace(posterior.data, revenue_per_kpi=None))


def _scaled_by_geo(posterior: Posterior, channel: int, factors: FloatArray, units: Units) -> FloatArray:
    """(J, S, G) outcome of one channel whose media is scaled differently, (J, G), in every geo."""
    response = channel_response(posterior, channel)
    found = np.empty((len(factors), posterior.n_draws, factors.shape[1]))
    for g, series in enumerate(channel_series(posterior, channel, None)):
        value, unit = posterior.data.outcome_per_kpi[g], units[g]
        worth = value * unit[:, 0] if unit.shape[1] == 1 else value[:, None] * unit
        found[:, :, g] = response.summed([series], [worth], factors[:, g])[:, 0]
    found *= stacked_draws(posterior, "beta_gm")[:, :, channel]
    return found
