"""A curve of outcome against spend: interpolated, and with a proven bound of how far it bends upwards.

Interpolation is by piecewise cubics in `v = spend / (spend + scale)`, in which saturating curves are nearly
straight.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from mmm_core.features.model_data import FloatArray

_FIRST_NODES = 9
_MOST_ROUNDS = 12


@dataclass(frozen=True)
class ResponseCurve:
    """Outcome that one cell (a channel, or a channel in a geo) adds, between two spends.

    Non-decreasing where the nodes are and `shape` is monotone.
    """

    spend: FloatArray
    """(K,) ascending nodes: total spend of the cell, money."""
    outcome: FloatArray
    """(K,) outcome over the fit window at the nodes: revenue where known, otherwise KPI units."""
    scale: float
    """Current spend, money: the unit of the interpolation's scale.  0: the curve is constant."""
    shape: Literal["monotone", "spline"] = "monotone"
    """`monotone`: cubics that keep the order of the nodes (Fritsch and Carlson 1980); `spline`: cubic
    splines, which are linear in the outcomes, so that a weighted sum of curves is the curve of the sum."""

    def __call__(self, spend: FloatArray) -> FloatArray:
        """Outcome at any spend between the first and the last node."""
        if len(self.spend) == 1:
            return np.full(np.shape(spend), self.outcome[0])
        return np.asarray(self._interpolant(spend / (spend + self.scale)), dtype=np.float64)

    def rise(self, spend: FloatArray) -> FloatArray:
        """(L - 1,) how far the curve can rise above its chord between neighbouring spends, at most.

        A function whose second derivative is nowhere below -b stays within `b * width^2 / 8` of its chord.
        With `f(x) = c(v(x))`, `-f'' = -c'' v'^2 + c' |v''|`, and all of these are bounded on the interval by
        their values at its ends, since c is cubic there.

        Args:
            spend: (L,) ascending, nodes of the curve between its ends among them.
        """
        if len(self.spend) == 1 or len(spend) == 1:
            return np.zeros(len(spend) - 1)
        left, right = spend[:-1], spend[1:]
        start, end = left / (left + self.scale), right / (right + self.scale)
        breaks, cubic = self._interpolant.x, self._interpolant.c
        piece = np.clip(np.searchsorted(breaks, (start + end) / 2) - 1, 0, len(breaks) - 2)
        slopes, bends = _derivatives(cubic[:, piece], np.stack([start, end]) - breaks[piece])
        down = np.maximum(-bends.min(axis=0), 0.0)
        up = np.maximum(slopes.max(axis=0) + np.abs(bends).max(axis=0) * (end - start), 0.0)
        shrink = self.scale / (left + self.scale) ** 2
        bend = down * shrink**2 + up * 2 * shrink / (left + self.scale)
        return np.asarray(bend * (right - left) ** 2 / 8, dtype=np.float64)

    def slope(self, spend: FloatArray) -> FloatArray:
        """Outcome of one more unit of money."""
        if len(self.spend) == 1:
            return np.zeros(np.shape(spend))
        inner = self._interpolant(spend / (spend + self.scale), 1)
        return np.asarray(inner * self.scale / (spend + self.scale) ** 2, dtype=np.float64)

    @cached_property
    def _interpolant(self) -> Any:
        from scipy.interpolate import CubicSpline, PchipInterpolator

        kind = PchipInterpolator if self.shape == "monotone" else CubicSpline
        return kind(self.spend / (self.spend + self.scale), self.outcome)


def _derivatives(cubic: FloatArray, at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(2, L) first and second derivatives of cubics (coefficients highest first) at distances from their start."""
    return 3 * cubic[0] * at**2 + 2 * cubic[1] * at + cubic[2], 6 * cubic[0] * at + 2 * cubic[1]


def adaptive_nodes(
    function: Callable[[FloatArray], FloatArray], low: float, high: float, scale: float, tolerance: float
) -> tuple[FloatArray, FloatArray]:
    """Nodes at which several curves must be known so that interpolating them is right.

    Intervals are cut into thirds until the interpolation, tested at both cuts, is right to the tolerance,
    relative to each curve's largest outcome (a test at the middle alone misses S-shapes around it).

    Args:
        function: (J,) spends to (J, ...) outcomes, one curve for each of the further axes.
        low: smallest spend, >= 0.
        high: largest spend, > low.
        scale: unit of the interpolation's scale, > 0.
        tolerance: largest error.

    Returns:
        (K,) spends and (K, ...) outcomes.
    """
    from scipy.interpolate import PchipInterpolator

    spend = _even(low, high, scale)
    left, right = spend[:-1], spend[1:]
    inside = _thirds(left, right)
    both = function(np.concatenate([spend, inside]))  # one call: the first nodes hardly ever suffice
    outcome, truth = both[: len(spend)], both[len(spend) :]
    for _ in range(_MOST_ROUNDS):
        guess = PchipInterpolator(spend / (spend + scale), outcome)(inside / (inside + scale))
        wrong = np.abs(guess - truth) > tolerance * np.abs(outcome).max(axis=0, keepdims=True)
        again = wrong.reshape(2, len(left), -1).any(axis=(0, 2))
        order = np.argsort(np.concatenate([spend, inside]))
        spend, outcome = np.concatenate([spend, inside])[order], np.concatenate([outcome, truth])[order]
        if not again.any():
            break
        edges = np.stack([left, *inside.reshape(2, -1), right])[:, again]
        left, right = edges[:-1].ravel(), edges[1:].ravel()
        inside = _thirds(left, right)
        truth = function(inside)
    return spend, outcome


def _thirds(left: FloatArray, right: FloatArray) -> FloatArray:
    """Where intervals are cut: all first cuts, then all second ones."""
    return np.asarray((left + np.outer([1, 2], right - left) / 3).ravel(), dtype=np.float64)


def interpolated(
    function: Callable[[FloatArray], FloatArray], low: float, high: float, scale: float, tolerance: float = 1e-5
) -> ResponseCurve:
    """One curve from a function of spend (arguments: `adaptive_nodes`)."""
    if high - low <= 1e-12 * high:
        return ResponseCurve(np.array([low]), np.asarray(function(np.array([low]))), scale)
    spend, outcome = adaptive_nodes(function, low, high, scale, tolerance)
    return ResponseCurve(spend, outcome, scale)


def _even(low: float, high: float, scale: float) -> FloatArray:
    """The first nodes, evenly spaced on the scale of the interpolation."""
    even = np.linspace(low / (low + scale), high / (high + scale), _FIRST_NODES)
    spend = scale * even / (1 - even)
    spend[[0, -1]] = low, high
    return np.asarray(spend, dtype=np.float64)
