"""What spend brings: for every cell the outcome of each posterior draw at several spends."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.basis import Basis
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.curves import ResponseCurve, adaptive_nodes
from mmm_core.optimization.fatigue import effective_factors

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
    """Outcome of one cell over the weeks of the plan as a function of its spend, its planned flighting scaled."""

    spend: FloatArray
    """(K,) ascending spends, money."""
    draws: FloatArray
    """(K, S) outcome of each draw: revenue where known, otherwise KPI units."""
    scale: float
    """Current spend (of a cell without, a typical one), money."""

    @cached_property
    def mean(self) -> ResponseCurve:
        """Posterior mean; non-decreasing unless effects may be negative (`ModelSpec.media_effects` normal)."""
        return ResponseCurve(self.spend, self.draws.mean(axis=1), self.scale)

    def weighted(self, weights: FloatArray) -> ResponseCurve:
        """Weighted sum over draws, with (S,) weights of any sign; linear in them."""
        return ResponseCurve(self.spend, self.draws @ weights, self.scale, "spline")

    def at(self, spend: FloatArray | float) -> FloatArray:
        """(S,) outcome of each draw at one spend, or (P, S) at (P,), interpolated as in `weighted`."""
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


@dataclass(frozen=True)
class OutcomeModel:
    """Outcome of multiples of media: the forward model, less what comes without a plan, creatives wearing out.

    Outcome is what the plan brings: outcome(plan) - outcome(no plan), so carryover of what went before a coming
    plan is not counted.  In the fit window media before it is scaled along and no plan brings nothing.
    """

    basis: Basis
    wear: Mapping[str, float] = field(default_factory=dict)
    """channel -> how fast its creatives wear out (`optimization.creative_fatigue`); idle cells do not."""

    @property
    def posterior(self) -> Posterior:
        """The draws, and the media of which there are multiples."""
        return self.basis.frame.posterior

    @property
    def in_kpi(self) -> "OutcomeModel":
        """The same with outcomes in KPI units."""
        frame, data = self.basis.frame, self.posterior.data
        posterior = replace(self.posterior, data=replace(data, revenue_per_kpi=None))
        return replace(self, basis=replace(self.basis, frame=replace(frame, posterior=posterior)))

    def outcome(self, channel: int, factors: FloatArray, draws: slice = slice(None)) -> FloatArray:
        """(J, S, G) outcome that one channel adds.

        Args:
            channel: index of a paid channel.
            factors: (J,) multiples of its media in all geos.
            draws: which draws.
        """
        rate = self.wear.get(self.posterior.data.channels[channel], 0.0)
        if rate == 0:
            return self._fresh(channel, factors, draws)
        found = self._fresh(channel, effective_factors(factors, rate), draws)
        idle = self.basis.idle[:, channel]
        if idle.any():
            found[:, :, idle] = self._fresh(channel, factors, draws)[:, :, idle]
        return found

    def _fresh(self, channel: int, factors: FloatArray, draws: slice) -> FloatArray:
        """The same for creatives that do not wear out."""
        frame = self.basis.frame
        if frame.scale_lead:
            return scaled_channel_outcome(self.posterior, channel, factors, draws, frame.units)
        asked = np.append(factors, 0.0)
        found = scaled_channel_outcome(self.posterior, channel, asked, draws, frame.units, scale_lead=False)
        return np.asarray(found[:-1] - found[-1])


def cell_responses(model: OutcomeModel, cells: Cells, lower: FloatArray, upper: FloatArray) -> list[CellResponse]:
    """Response of every cell between two spends.

    Spends are added until interpolation of the posterior mean is right to 1e-5 of the largest outcome in range
    (1e-4 by geo).  Where draws x geos x weeks x channels is above 100 million, every k-th draw is used, k the
    smallest number that leaves at most 400 draws or, where that is more, as many as 100 million allow.

    Args:
        model: what multiples of the media bring.
        cells: what the budget is split over.
        lower: (N,) least spends.
        upper: (N,) largest spends.
    """
    n_channels = len(cells.channels)

    def of_channel(m: int) -> list[CellResponse]:
        which = np.arange(m, len(cells.spend), n_channels)
        factors, draws = _channel_table(model, m, cells, which, lower, upper)
        part = cells.takes_part[:, m]
        found = []
        for position, cell in enumerate(which.tolist()):
            table = draws[:, :, position] if cells.by_geo else draws[:, :, part].sum(axis=2)
            found.append(_response(factors, table, float(cells.unit[cell]), float(upper[cell])))
        return found

    by_channel = of_all_channels(of_channel, n_channels)
    return [of_geo for geo in zip(*by_channel, strict=True) for of_geo in geo]


def _response(factors: FloatArray, table: FloatArray, unit: float, most: float) -> CellResponse:
    """Of one cell from its (K, S) table; constant where money cannot scale it, or may not."""
    if unit > 0 and most > 0:
        return CellResponse(factors * unit, np.ascontiguousarray(table), unit)
    outcome = np.zeros_like(table[:1]) if unit > 0 else table[[int(np.argmin(np.abs(factors - 1)))]]
    return CellResponse(np.zeros(1), np.ascontiguousarray(outcome), unit)


def of_all_channels(of_channel: Callable[[int], Result], n_channels: int) -> list[Result]:
    """The results of all channels, computed side by side: NumPy lets other threads work meanwhile."""
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(of_channel, range(n_channels)))


def _channel_table(
    model: OutcomeModel, channel: int, cells: Cells, which: np.ndarray, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(K,) multiples of one channel's media and (K, S, G) outcomes."""
    thinned = objective_draws(model.posterior)
    part = cells.takes_part[:, channel]
    known: list[tuple[FloatArray, FloatArray]] = []

    def means(factors: FloatArray) -> FloatArray:
        draws = model.outcome(channel, factors, thinned)
        known.append((factors, draws))
        mean = draws.mean(axis=1)
        return np.asarray(mean if cells.by_geo else mean[:, part].sum(axis=1, keepdims=True))

    unit = cells.unit[which]
    moves = (unit > 0) & (upper[which] > 0)
    low = float((lower[which][moves] / unit[moves]).min()) if moves.any() else 1.0
    high = float((upper[which][moves] / unit[moves]).max()) if moves.any() else 1.0
    if high - low <= 1e-12 * high:
        means(np.array([low]))
    else:
        adaptive_nodes(means, low, high, 1.0, _TOLERANCE_BY_GEO if cells.by_geo else _TOLERANCE)
    if (unit == 0).any() and not any((nodes == 1).any() for nodes, _ in known):
        means(np.ones(1))
    factors = np.concatenate([factors for factors, _ in known])
    order = np.argsort(factors)
    return factors[order], np.concatenate([draws for _, draws in known])[order]


def objective_draws(posterior: Posterior) -> slice:
    """Draws over which plans are found."""
    kept = max(_FEWEST_DRAWS, _MOST_EVALUATIONS // posterior.data.media.size)
    return slice(None, None, -(-posterior.n_draws // kept)) if posterior.n_draws > kept else slice(None)
