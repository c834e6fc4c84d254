"""How well a fit predicts weeks that it has not seen.

Two log scores, both the logarithm of the mean over draws of the predictive density of one geo-week, on the
KPI's own scale:

- The forecast score takes the prediction as it is.  Most of its error is that the baseline, whose trend is
  flat after the last fitted week, has moved on; that says little about media and hits some model by chance.
- The tracked score, by which models are chosen, lets the level of each geo follow the weeks of the slice that
  are already past: per draw, the mean of up to four earlier errors is added to the prediction, and the
  variance grows by that mean's own.  What is left is how the KPI moves from week to week, which is what media,
  controls and seasonality explain.  The first week of a slice only sets the level.
"""

import dataclasses

import numpy as np
from scipy import special

from mmm_core.features.held_out import truncate
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import linear_predictor
from mmm_core.model.posterior import Posterior
from mmm_core.selection.slices import TimeSlice

LEVEL_WEEKS = 4
"""Most earlier weeks that a geo's level is taken from."""


@dataclasses.dataclass(frozen=True)
class SliceScores:
    """Log scores of one fit on one slice of H weeks; NaN where there is nothing to score."""

    tracked: FloatArray
    """(G, H) density of each week given the weeks of the slice before it."""
    forecast: FloatArray
    """(G, H) density of each week as forecast from before the slice."""


def slice_scores(fit: Posterior, data: ModelData, piece: TimeSlice) -> SliceScores:
    """Score the weeks of a slice.

    Args:
        fit: posterior of the weeks before `piece.start`.
        data: all weeks; media, controls and KPI of the slice are taken from here.
        piece: what is predicted.
    """
    seen = truncate(data, piece.end)
    ahead = slice(piece.start, piece.end)
    kpi = np.where(seen.present, seen.kpi, np.nan)
    target = fit.scaling.scale_kpi(kpi)[:, ahead]
    log_jacobian = _log_jacobian(fit, kpi[:, ahead])
    sigma = np.asarray(fit.stacked("sigma"), dtype=np.float64)
    nu = np.asarray(fit.stacked("nu"), dtype=np.float64)[:, None] if fit.spec.family == "robust_log" else None
    tracked, forecast = [], []
    for g, mu in enumerate(linear_predictor(dataclasses.replace(fit, data=seen))):
        error = target[g] - mu[:, ahead]
        noise = sigma[:, g, None]
        level, weight = _tracked_level(error)
        forecast.append(_log_mean(_log_density(error, noise, nu)) + log_jacobian[g])
        tracked.append(_log_mean(_log_density(error - level, noise * np.sqrt(1 + weight), nu)) + log_jacobian[g])
    return SliceScores(np.stack(tracked), np.stack(forecast))


def _tracked_level(error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(S, H) mean of up to four earlier known errors, and (H,) one over their number; NaN before the first."""
    level, weight = np.full_like(error, np.nan), np.full(error.shape[1], np.nan)
    known = np.flatnonzero(np.isfinite(error).all(axis=0))
    for week in range(error.shape[1]):
        earlier = known[known < week][-LEVEL_WEEKS:]
        if len(earlier):
            level[:, week], weight[week] = error[:, earlier].mean(axis=1), 1 / len(earlier)
    return level, weight


def _log_density(error: FloatArray, scale: FloatArray, nu: FloatArray | None) -> FloatArray:
    """Normal, or Student-T with `nu` degrees of freedom."""
    ratio = error / scale
    if nu is None:
        return np.asarray(-0.5 * ratio**2 - np.log(scale) - 0.5 * np.log(2 * np.pi), dtype=np.float64)
    constant = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
    return np.asarray(constant - np.log(scale) - (nu + 1) / 2 * np.log1p(ratio**2 / nu), dtype=np.float64)


def _log_jacobian(fit: Posterior, kpi: FloatArray) -> FloatArray:
    """(G, H) log of the derivative of the scaled KPI with respect to the KPI."""
    scaling = fit.scaling
    if scaling.kpi_transform == "log1p":
        return np.asarray(-np.log1p(kpi) - np.log(scaling.kpi_sd), dtype=np.float64)
    return np.broadcast_to(-np.log(scaling.kpi_sd * scaling.population[:, None]), kpi.shape)


def _log_mean(log_density: FloatArray) -> FloatArray:
    """(H,) logarithm of the mean over draws."""
    return np.asarray(special.logsumexp(log_density, axis=0) - np.log(len(log_density)), dtype=np.float64)
