"""Media after carry-over and saturation at the medians of their priors: a first idea of what media does."""

import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.adstock import adstock_weights, carried_over
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.saturation import Saturation
from mmm_core.model.scaling import Scaling


def media_at_prior_medians(data: ModelData, spec: ModelSpec, scaling: Scaling) -> FloatArray:
    """(G, T, M) transformed media on the model's scale.

    Where media before the window is not known, and where a geo is not present, it counts as the geo's mean:
    a start from nothing would look like a trend.
    """
    present = data.present[:, :, None]
    mean = np.mean(data.media, axis=1, where=present, keepdims=True) if data.present.any(axis=1).all() else 0.0
    n_unknown = max(0, spec.max_lag_weeks - data.lead_media.shape[1])
    unknown = np.broadcast_to(mean, (len(data.geos), n_unknown, len(data.channels)))
    media = scaling.scale_media(
        np.concatenate([unknown, data.lead_media, np.where(present, data.media, mean)], axis=1)
    )
    return np.stack([_channel(data, spec, media[:, :, m], m) for m in range(len(data.channels))], axis=2)


def _channel(data: ModelData, spec: ModelSpec, media: FloatArray, m: int) -> FloatArray:
    """(G, T) from the scaled media of one channel, (G, at least max_lag + T)."""
    n_weeks = len(data.dates)
    medians = [prior[m].median() for prior in (spec.alpha, spec.lag_shape, spec.ec, spec.slope)]
    alpha, theta, ec, slope = (np.array([median]) for median in medians)
    weights = adstock_weights(alpha, spec.adstock[m], spec.max_lag_weeks, theta).T[::-1]
    saturation = Saturation.of(spec.saturation[m], ec, slope)
    weekly = media.T.copy()
    if data.channel_kinds[m] == "reach_frequency" and data.frequency is not None:
        weekly *= saturation(_frequency(data, m, len(weekly)).T / saturation.half)
        return carried_over(weekly, weights, n_weeks).T
    if spec.hill_before_adstock:
        return carried_over(saturation(weekly / saturation.half), weights, n_weeks).T
    return saturation(carried_over(weekly, weights, n_weeks) / saturation.half).T


def _frequency(data: ModelData, m: int, n_weeks: int) -> FloatArray:
    """(G, n_weeks) of one channel; its mean where it is not known."""
    window = np.ones_like(data.media) if data.frequency is None else data.frequency
    lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
    known = np.concatenate([lead, window], axis=1)[:, :, m]
    unknown = np.broadcast_to(known.mean(axis=1, keepdims=True), (len(known), n_weeks - known.shape[1]))
    return np.concatenate([unknown, known], axis=1)
