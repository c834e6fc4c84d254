"""Predictions that a model has to beat: last year's week, and a regression that knows no media."""

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData

_YEAR = 52
_DRAWS = 200
_RIDGE = 1e-3
"""Of standardised columns, per observation: keeps collinear controls finite and changes nothing else."""


def seasonal_naive(data: ModelData, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> FloatArray:
    """(S, N) predictive draws of the tested cells: the KPI 52 weeks before, where the fit knew it, else the geo's
    last known one before the cell.

    Noise is normal, with the spread of the same prediction's errors in the weeks that the fit knew.

    Args:
        data: all weeks.
        train: (G, T) cells whose KPI was known to the fit.
        test: (G, T) cells to predict.
    """
    known = np.where(train, data.kpi, np.nan)
    predicted = _a_year_before(known)
    error = (data.kpi - predicted)[train & np.isfinite(predicted)]
    spread = float(np.std(error)) if len(error) > 1 else float(np.nanstd(known))
    fallback = np.nanmean(known)
    mean = predicted[test]
    return _normal(np.where(np.isfinite(mean), mean, fallback), spread)


def no_media_regression(data: ModelData, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> FloatArray:
    """(S, N) predictive draws of a ridge regression of KPI per head on geo, linear trend and all controls.

    Arguments as `seasonal_naive`.
    """
    columns = _columns(data)
    size = data.population[:, None]
    target = data.kpi / size
    x, y = columns[train], target[train]
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = (x - centre) / scale
    gram = z.T @ z + _RIDGE * len(y) * np.eye(z.shape[1])
    beta = np.linalg.solve(gram, z.T @ (y - y.mean()))
    spread = float((y - y.mean() - z @ beta).std())
    heads = np.broadcast_to(size, data.kpi.shape)[test]
    mean = y.mean() + (columns[test] - centre) / scale @ beta
    return _normal(mean * heads, spread * heads)


def _a_year_before(known: FloatArray) -> FloatArray:
    """(G, T) the KPI 52 weeks before, else the last known one before the week; NaN where there is none."""
    predicted = np.full_like(known, np.nan)
    predicted[:, _YEAR:] = known[:, :-_YEAR]
    last = np.full(len(known), np.nan)
    for week in range(known.shape[1]):
        missing = np.isnan(predicted[:, week])
        predicted[missing, week] = last[missing]
        last = np.where(np.isfinite(known[:, week]), known[:, week], last)
    return predicted


def _columns(data: ModelData) -> FloatArray:
    """(G, T, columns) geo, trend and controls."""
    n_geos, n_weeks = data.kpi.shape
    geo = np.broadcast_to(np.eye(n_geos)[:, None, 1:], (n_geos, n_weeks, n_geos - 1))
    trend = np.broadcast_to(np.linspace(-1, 1, n_weeks)[None, :, None], (n_geos, n_weeks, 1))
    return np.concatenate([geo, trend, data.control_values], axis=2)


def _normal(mean: FloatArray, spread: float | FloatArray) -> FloatArray:
    """(S, N) evenly spaced quantiles of a normal distribution, as draws."""
    from scipy.stats import norm

    quantiles = norm.ppf((np.arange(_DRAWS) + 0.5) / _DRAWS)
    return np.asarray(mean + quantiles[:, None] * spread)
