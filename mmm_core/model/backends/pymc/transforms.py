"""PyMC transforms to normal scores: x is standard normal a priori, and value = F^-1(Phi(x)).

PyMC's own transforms (log, log-odds) leave exponential tails on the unconstrained scale, in which NUTS
is slow; a normal score has the tails of a normal.
"""

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pymc.distributions.transforms import Transform
from scipy.stats import norm

from mmm_core.features.model_data import FloatArray


def _phi(x: Any) -> Any:
    """Standard normal distribution function."""
    return 0.5 * pt.erfc(-x / np.sqrt(2.0))


def _inverse_phi(probability: Any) -> Any:
    return np.sqrt(2.0) * pt.erfinv(2.0 * probability - 1.0)


def _log_density(x: Any) -> Any:
    return -0.5 * x**2 - 0.5 * np.log(2 * np.pi)


class UniformScore(Transform):  # type: ignore[misc]
    """For a uniform variable on [low, high]."""

    name = "score"

    def __init__(self, low: FloatArray, high: FloatArray) -> None:
        self.low = low
        self.width = high - low

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Value -> x."""
        return _inverse_phi((value - self.low) / self.width)

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Transformed x -> value."""
        return self.low + self.width * _phi(value)

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """log |d value / d x|."""
        return _log_density(value) + np.log(self.width)


class ExponentialScore(Transform):  # type: ignore[misc]
    """For an exponential variable."""

    name = "score"

    def __init__(self, rate: FloatArray) -> None:
        self.rate = rate

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Value -> x."""
        return -_inverse_phi(pt.exp(-self.rate * value))

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Transformed x -> value."""
        return -pt.log(_phi(-value)) / self.rate

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """log |d value / d x|."""
        return _log_density(value) - pt.log(_phi(-value)) - np.log(self.rate)


class TruncatedNormalScore(Transform):  # type: ignore[misc]
    """For a normal variable truncated to [low, high]; half-normal is mean 0 on [0, inf]."""

    name = "score"

    def __init__(self, mean: FloatArray, sd: FloatArray, low: FloatArray, high: FloatArray) -> None:
        self.mean = mean
        self.sd = sd
        self.lowest = norm.cdf((low - mean) / sd)
        self.mass = norm.cdf((high - mean) / sd) - self.lowest

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Value -> x."""
        return _inverse_phi((_phi((value - self.mean) / self.sd) - self.lowest) / self.mass)

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Transformed x -> value."""
        return self.mean + self.sd * self._standardised(value)

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """log |d value / d x|."""
        return _log_density(value) - _log_density(self._standardised(value)) + np.log(self.sd * self.mass)

    def _standardised(self, x: Any) -> Any:
        return _inverse_phi(self.lowest + self.mass * _phi(x))
