"""What a budget is worth: each channel's outcome as a function of its total spend."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import Units, scaled_channel_outcome
from mmm_core.model.posterior import Posterior

_TOLERANCE = 1e-5
"""Largest interpolation error, relative to the channel's largest outcome in range."""
_FIRST_NODES = 9
_MOST_ROUNDS = 12
_MOST_EVALUATIONS = 250_000_000
"""Draws x geos x weeks x channels for which all draws are used."""
_FEWEST_DRAWS = 1000


@dataclass(frozen=True)
class ResponseCurve:
    """Posterior mean of the outcome that one channel adds, between two spends; non-decreasing unless media
    effects may be negative (`ModelSpec.media_effects` normal)."""

    spend: FloatArray
    """(N,) ascending nodes: the channel's total spend, money."""
    outcome: FloatArray
    """(N,) outcome over the fit window at the nodes: revenue where known, otherwise KPI units."""
    scale: float
    """Current spend, money.  Interpolation is over `spend / (spend + scale)`, in which saturating curves
    are nearly straight."""

    def __call__(self, spend: FloatArray) -> FloatArray:
        """Outcome at any spend between the first and the last node (monotone cubic interpolation)."""
        if len(self.spend) == 1:
            return np.full(np.shape(spend), self.outcome[0])
        return np.asarray(self._interpolant(spend / (spend + self.scale)), dtype=np.float64)

    @cached_property
    def _interpolant(self) -> Any:
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.spend / (self.spend + self.scale), self.outcome)


def response_curve(
    posterior: Posterior, channel: int, low: float, high: float, units: Units | None = None
) -> ResponseCurve:
    """Response of one channel to its spend in [low, high], its historical flighting scaled.

    Nodes are added by cutting intervals into thirds until the interpolation, tested at both cuts, is right
    to 1e-5 of the largest outcome everywhere (a test at the middle alone misses S-shapes around it).  The
    mean is over all draws as long as draws x geos x weeks x channels is at most 250 million, otherwise over
    every n-th draw, with at least 1000 draws left.

    Args:
        posterior: the fit.
        channel: index of the channel.
        low: smallest total spend, >= 0.
        high: largest total spend, >= low.  A channel without current spend cannot be scaled; its
            response is constant.
        units: `model.forward.effect_units(posterior)`, where it is there already.
    """
    current = float(posterior.data.spend[:, :, channel].sum())
    draws = objective_draws(posterior)

    def outcome(spend: FloatArray) -> FloatArray:
        factors = spend / current if current > 0 else np.ones_like(spend)
        draws_by_geo = scaled_channel_outcome(posterior, channel, factors, draws, units)
        return np.asarray(draws_by_geo.mean(axis=1).sum(axis=1), dtype=np.float64)

    if current == 0 or high - low <= 1e-12 * high:
        node = np.array([low])
        return ResponseCurve(node, outcome(node), current)
    spend = _first_nodes(low, high, current)
    curve = ResponseCurve(spend, outcome(spend), current)
    left, right = spend[:-1], spend[1:]
    for _ in range(_MOST_ROUNDS):
        inside = left + np.outer([1, 2], right - left) / 3
        truth = outcome(inside.ravel())
        error = np.abs(curve(inside.ravel()) - truth).reshape(inside.shape).max(axis=0)
        curve = _with_nodes(curve, inside.ravel(), truth)
        wrong = error > _TOLERANCE * np.abs(curve.outcome).max()
        if not wrong.any():
            break
        edges = np.stack([left, *inside, right])[:, wrong]
        left, right = edges[:-1].ravel(), edges[1:].ravel()
    return curve


def _with_nodes(curve: ResponseCurve, spend: FloatArray, outcome: FloatArray) -> ResponseCurve:
    all_spend, all_outcome = np.concatenate([curve.spend, spend]), np.concatenate([curve.outcome, outcome])
    order = np.argsort(all_spend)
    return ResponseCurve(all_spend[order], all_outcome[order], curve.scale)


def _first_nodes(low: float, high: float, scale: float) -> FloatArray:
    """Evenly spaced on the scale of the interpolation."""
    even = np.linspace(low / (low + scale), high / (high + scale), _FIRST_NODES)
    spend = scale * even / (1 - even)
    spend[[0, -1]] = low, high
    return np.asarray(spend, dtype=np.float64)


def objective_draws(posterior: Posterior) -> slice:
    """Draws over which the objective is averaged."""
    per_draw = posterior.data.media.size
    kept = max(_FEWEST_DRAWS, _MOST_EVALUATIONS // per_draw)
    return slice(None, None, -(-posterior.n_draws // kept)) if posterior.n_draws > kept else slice(None)
