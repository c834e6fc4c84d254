"""How good predictions of a KPI are, from their draws."""

from collections.abc import Mapping

import numpy as np

from mmm_core.features.model_data import FloatArray

SCORES: Mapping[str, str] = {
    "wmape": "Sum of absolute errors of the predictive mean / sum of the KPI, a fraction",
    "mape": "Mean absolute error / KPI over cells with a KPI above 0, a fraction",
    "r2": "1 - squared errors / squared deviations of the KPI from its mean",
    "crps": "Continuous ranked probability score / mean KPI: the mean absolute error of a whole distribution",
    "log_score": "Mean log predictive density of a cell; missing for predictions without a density",
    "coverage_50": "Share of cells inside the central 50 % of the prediction",
    "coverage_90": "Share of cells inside the central 90 %",
}
"""Score -> what it is."""


def scores(actual: FloatArray, draws: FloatArray, log_density: FloatArray | None = None) -> dict[str, float]:
    """Scores of N cells.

    The CRPS is `E|x - y| - E|x - x'| / 2` over the draws (Gneiting and Raftery 2007, equation 21).

    Args:
        actual: (N,) observed KPI, N >= 1.
        draws: (S, N) predictive draws, S >= 2.
        log_density: (S, N) log density of each cell given each draw; None: no log score.
    """
    mean = draws.mean(axis=0)
    error = np.abs(actual - mean)
    positive = actual > 0
    spread = float(((actual - actual.mean()) ** 2).sum())
    low, lower, upper, high = np.quantile(draws, (0.05, 0.25, 0.75, 0.95), axis=0)
    return {
        "wmape": _ratio(error.sum(), np.abs(actual).sum()),
        "mape": float(np.mean(error[positive] / actual[positive])) if positive.any() else float("nan"),
        "r2": 1.0 - _ratio((error**2).sum(), spread),
        "crps": _ratio(crps(actual, draws).mean(), np.abs(actual).mean()),
        "log_score": float("nan") if log_density is None else float(log_mean_density(log_density).mean()),
        "coverage_50": float(np.mean((actual >= lower) & (actual <= upper))),
        "coverage_90": float(np.mean((actual >= low) & (actual <= high))),
    }


def crps(actual: FloatArray, draws: FloatArray) -> FloatArray:
    """(N,) score of each cell, in KPI units."""
    n, ordered = len(draws), np.sort(draws, axis=0)
    weights = (2 * np.arange(1, n + 1) - n - 1) / n**2
    return np.asarray(np.abs(draws - actual).mean(axis=0) - weights @ ordered)


def log_mean_density(log_density: FloatArray) -> FloatArray:
    """(N,) log of the mean over draws."""
    from scipy.special import logsumexp

    return np.asarray(logsumexp(log_density, axis=0) - np.log(len(log_density)))


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else float("nan")
