"""Bayesian stacking: weights with which the candidates' predictions together predict best."""

import numpy as np

from mmm_core.features.model_data import FloatArray

_TOLERANCE = 1e-7
_MAX_STEPS = 20_000


def stacking_weights(log_scores: FloatArray) -> FloatArray:
    """(C,) weights, >= 0 and with sum 1, that maximise the mean log score of the mixture.

        mean_i log sum_c w_c exp(log_scores[i, c])

    The objective is concave.  Each step multiplies a weight by the mean ratio of that candidate's density to
    the mixture's (expectation maximisation), which never lowers the objective.  The largest of these ratios
    less 1 bounds how far the objective is below its maximum; it stops below 1e-7.

    Args:
        log_scores: (N, C) log predictive density of each observation under each candidate, finite.
    """
    densities = np.exp(log_scores - log_scores.max(axis=1, keepdims=True))
    weights = np.full(densities.shape[1], 1 / densities.shape[1])
    for _ in range(_MAX_STEPS):
        ratio = (densities / (densities @ weights)[:, None]).mean(axis=0)
        if ratio.max() - 1 < _TOLERANCE:
            break
        weights = weights * ratio
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def draws_per_candidate(weights: FloatArray, total: int) -> tuple[int, ...]:
    """Whole numbers of draws in proportion to the weights, with sum `total` (largest remainders)."""
    exact = np.asarray(weights) * total
    counts = np.floor(exact).astype(int)
    by_remainder = np.argsort(counts - exact, kind="stable")
    counts[by_remainder[: total - counts.sum()]] += 1
    return tuple(int(count) for count in counts)
