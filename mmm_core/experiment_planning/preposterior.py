"""What a test would leave open: its results simulated from the draws, the draws reweighted, nothing refitted.

The test measures `y ~ Normal(e, se)` of its effect e.  A result y gives draw s the weight
`w_s ~ exp(-(y - e_s)^2 / (2 se^2))` (importance sampling; Rubin 1988), and any quantity its standard deviation
under these weights; averaged over results, that is the expected standard deviation after the test (Raiffa and
Schlaifer 1961).  `normal_sd` is the same where quantity and effect are jointly normal, exactly; it is what is
used where few draws keep weight.  Sizes: S draws, R results, K quantities.
"""

from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray

_RESULTS = 200
FEWEST_EFFECTIVE = 40.0
"""Effective draws (mean over results) below which the normal formula is used."""


@dataclass(frozen=True)
class Uncertainty:
    """(K,) standard deviations of some quantities."""

    now: FloatArray
    reweighted: FloatArray
    """Expected after the test, by importance weights."""
    normal: FloatArray
    """The same by `normal_sd`."""
    effective_draws: float
    """`1 / sum(w^2)`, mean over results."""

    @property
    def reliable(self) -> bool:
        """Whether enough draws keep weight."""
        return self.effective_draws >= FEWEST_EFFECTIVE

    @property
    def after(self) -> FloatArray:
        """Expected after the test: by weights where they are reliable, else by the formula."""
        return self.reweighted if self.reliable else self.normal


def uncertainty_after(values: FloatArray, effect: FloatArray, se: float, seed: int) -> Uncertainty:
    """Expected standard deviations after a test.

    Args:
        values: (S, K) draws of the quantities.
        effect: (S,) draws of what the test measures.
        se: its standard error, > 0.
        seed: of the results.
    """
    weights = importance_weights(simulated_results(effect, se, _RESULTS, seed), effect, se)
    used = (weights**2).sum(axis=1)
    mean = weights @ values
    variance = np.maximum(weights @ values**2 - mean**2, 0.0) / np.maximum(1 - used, 1e-12)[:, None]
    now = values.std(axis=0, ddof=1)
    return Uncertainty(
        now, np.sqrt(variance).mean(axis=0), normal_sd(values, effect, se), float((1 / used).mean())
    )


def simulated_results(effect: FloatArray, se: float, n_results: int, seed: int) -> FloatArray:
    """(R,) equally likely results: mid-quantiles of what all draws together predict, in ascending order."""
    noise = np.random.default_rng(seed).standard_normal((8, len(effect)))
    return np.asarray(np.quantile(effect + se * noise, (np.arange(n_results) + 0.5) / n_results))


def importance_weights(results: FloatArray, effect: FloatArray, se: float) -> FloatArray:
    """(R, S) weights of the draws after each result; rows add up to 1."""
    logs = -0.5 * ((results[:, None] - effect) / se) ** 2
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def linear_weights(results: FloatArray, effect: FloatArray, se: float) -> FloatArray:
    """(R, S) weights, of any sign, under which means are those of a linear update; rows add up to 1.

    `w_s = (1 + (e_s - mean e)(y - mean e) / (var e + se^2)) / S`: exact where all is normal, and far less noisy
    than importance weights, because all draws take part.
    """
    centred = effect - effect.mean()
    slope = (results - effect.mean()) / (effect.var() + se**2)
    return np.asarray((1 + slope[:, None] * centred) / len(effect))


def normal_sd(values: FloatArray, effect: FloatArray, se: float) -> FloatArray:
    """(K,) `sqrt(var v - cov(v, e)^2 / (var e + se^2))`: after the test, if all is normal."""
    centred = effect - effect.mean()
    shared = centred @ (values - values.mean(axis=0)) / (len(effect) - 1)
    left = values.var(axis=0, ddof=1) - shared**2 / (effect.var(ddof=1) + se**2)
    return np.asarray(np.sqrt(np.maximum(left, 0.0)))
