"""Carry-over: how much of a week's media still acts in the weeks after it."""

import numpy as np
from numpy.typing import ArrayLike

from mmm_core.features.model_data import FloatArray
from mmm_core.model.model_spec import AdstockFamily


def adstock_weights(
    alpha: ArrayLike, kind: AdstockFamily, max_lag: int, theta: ArrayLike | None = None
) -> FloatArray:
    """(..., max_lag + 1) weights of lags 0, 1, ..., max_lag that sum to 1.

    Geometric: `alpha^l`.  Binomial: `(1 - l / (max_lag + 1))^(1 / alpha - 1)`.  Delayed:
    `alpha^((l - theta)^2)`.  Weibull: `alpha^(l^theta)`, the Weibull survival function.  In a panel of T
    weeks with P weeks of media before them pass `min(max_lag, T + P - 1)`, since earlier media is not known.

    Args:
        alpha: (...) decay in [0, 1]; 0 is all weight in one week (in two where a delayed peak lies midway).
        kind: family of the decay.
        max_lag: largest lag in weeks, >= 0.
        theta: (...) peak in weeks (delayed, >= 0) or shape (weibull, > 0); not used by the others.
    """
    decay = np.asarray(alpha, dtype=np.float64)[..., None]
    lags = np.arange(max_lag + 1, dtype=np.float64)
    if kind == "binomial":
        with np.errstate(divide="ignore", over="ignore"):
            weights = (1 - lags / (max_lag + 1)) ** (1 / decay - 1)
    else:
        shape = np.asarray(0.0 if theta is None else theta, dtype=np.float64)[..., None]
        weights = np.power(decay, _exponents(kind, lags, shape))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True), dtype=np.float64)


def _exponents(kind: AdstockFamily, lags: FloatArray, theta: FloatArray) -> FloatArray:
    """(..., max_lag + 1) powers of the decay; the smallest is 0, so that some weight is 1 whatever the decay."""
    if kind == "geometric":
        return lags
    if kind == "weibull":
        with np.errstate(over="ignore"):
            return np.asarray(lags**theta, dtype=np.float64)
    distance = (lags - theta) ** 2
    return np.asarray(distance - distance.min(axis=-1, keepdims=True), dtype=np.float64)


def lag_windows(series: FloatArray, n_lags: int, n_weeks: int) -> FloatArray:
    """(n_weeks, n_lags) each of the last weeks of a series with its past, largest lag first, zero before it.

    Args:
        series: (P + n_weeks,) one value per week.
        n_lags: lags, that of the same week included.
        n_weeks: weeks to return.
    """
    padded = np.concatenate([np.zeros(n_lags - 1), series])
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_lags)
    return np.ascontiguousarray(windows[len(series) - n_weeks :])


def carried_over(weekly: FloatArray, lag_weights: FloatArray, n_weeks: int) -> FloatArray:
    """(n_weeks, S) weighted sum of each of the last weeks and its past.

    Args:
        weekly: (P + n_weeks, S) values that differ by draw.
        lag_weights: (L, S) weights, largest lag first.
        n_weeks: weeks to return.
    """
    start = len(weekly) - n_weeks
    total = np.zeros((n_weeks, weekly.shape[1]))
    for lag, weights in enumerate(lag_weights[::-1][: len(weekly)]):
        first = max(0, lag - start)
        total[first:] += weights * weekly[start + first - lag : len(weekly) - lag]
    return total


def carried_value(value: FloatArray, lag_weights: FloatArray, n_lead: int) -> FloatArray:
    """(P + T, S) what one unit in each week brings, now and later: the adjoint of `carried_over`.

    Args:
        value: (T,) or (T, S) what one unit of carried-over media is worth in each week.
        lag_weights: (L, S) weights, largest lag first.
        n_lead: P weeks before the first that carry over into the window.
    """
    n_lags, n_draws = lag_weights.shape
    if value.ndim == 1:
        padded = np.concatenate([np.zeros(n_lead), value, np.zeros(n_lags - 1)])
        windows = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, n_lags))
        return np.asarray(windows @ lag_weights[::-1])
    total = np.zeros((n_lead + len(value), n_draws))
    for lag, weights in enumerate(lag_weights[::-1][: len(total)]):
        first = max(0, n_lead - lag)
        total[first : len(total) - lag] += weights * value[first + lag - n_lead :]
    return total
