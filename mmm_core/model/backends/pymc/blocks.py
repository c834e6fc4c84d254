"""From data and specification to the constants of the media part."""

from collections import defaultdict

import numpy as np

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.media import MORE_MEDIA, MediaBlock, MediaTransform
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec

_ONE = Prior("deterministic", (1.0,))


def media_transform(data: ModelData, spec: ModelSpec, scaling: Scaling) -> MediaTransform:
    """Precompute the constants.

    Raises:
        SpecificationError: a paid channel without spend, whose ROI is undefined.
    """
    spend = data.spend.sum(axis=(0, 1))[: len(data.paid_channels)]
    unpaid = [name for name, money in zip(data.paid_channels, spend, strict=True) if money <= 0]
    if unpaid:
        raise SpecificationError(
            f"Channel(s) {', '.join(unpaid)} have media but no spend, so ROI is undefined; remove them from "
            "data.channel_map, map their spend column, or move them to data.organic_media."
        )
    window = min(spec.max_lag_weeks, len(data.dates) + data.lead_media.shape[1] - 1) + 1
    return MediaTransform(
        blocks=_blocks(data, spec, scaling, window),
        outcome_weight=scaling.kpi_sd * scaling.population[:, None] * data.outcome_per_kpi,
        observed=data.observed.astype(np.float64),
        spend=spend,
        target_unit=_target_unit(data, spec, spend),
        adstock=tuple(spec.adstock),
        prior_types=tuple(spec.prior_types),
        media_effects=spec.media_effects,
        window=window,
    )


def _target_unit(data: ModelData, spec: ModelSpec, spend: FloatArray) -> FloatArray:
    """(M,) outcome that 1 of the prior's quantity means."""
    known = data.observed & data.present
    total = float((np.where(known, data.kpi, 0.0) * data.outcome_per_kpi).sum())
    money = np.concatenate([spend, np.zeros(len(data.channels) - len(spend))])
    units = {"roi": money, "mroi": (MORE_MEDIA - 1) * money}
    constant = {"contribution": total, "coefficient": 1.0}
    return np.array(
        [
            units[prior_type][m] if prior_type in units else constant[prior_type]
            for m, prior_type in enumerate(spec.prior_types)
        ]
    )


def _blocks(data: ModelData, spec: ModelSpec, scaling: Scaling, window: int) -> tuple[MediaBlock, ...]:
    members = defaultdict(list)
    for m, kind in enumerate(data.channel_kinds):
        is_rf = kind == "reach_frequency"
        saturation = spec.saturation[m]
        first = is_rf or (spec.hill_before_adstock and saturation != "none")
        free_slope = saturation == "hill" and spec.slope[m] != _ONE
        marginal = spec.prior_types[m] == "mroi"
        members[is_rf, saturation, free_slope, first, marginal].append(m)
    media = _history(scaling.scale_media(data.media), scaling.scale_media(data.lead_media), window)
    frequency = _frequency(data, window)
    blocks = []
    for (is_rf, saturation, free_slope, first, marginal), channels in members.items():
        history = media[channels]
        blocks.append(
            MediaBlock(
                media=frequency[channels] if is_rf else history if first else _lagged(history, window),
                reach=history if is_rf else None,
                channels=tuple(channels),
                saturation=saturation,
                free_slope=free_slope,
                saturates_first=first,
                marginal=marginal,
            )
        )
    return tuple(blocks)


def _frequency(data: ModelData, window: int) -> FloatArray:
    """(M, G, window-1+T), 1 where it is not known."""
    values = np.ones_like(data.media) if data.frequency is None else data.frequency
    lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
    return _history(values, lead, window)


def _lagged(history: FloatArray, window: int) -> FloatArray:
    """(B, G, window-1+T) -> (B, window, G*T) shifted by 0..window-1 weeks."""
    n_weeks = history.shape[2] - window + 1
    lagged = [history[:, :, window - 1 - lag : window - 1 - lag + n_weeks] for lag in range(window)]
    return np.stack(lagged, axis=1).reshape(len(history), window, -1)


def _history(values: FloatArray, lead: FloatArray, window: int) -> FloatArray:
    """(G, T, M) and (G, P, M) before -> (M, G, window-1+T), zero before the lead."""
    n_lead = min(lead.shape[1], window - 1)
    missing = np.zeros((values.shape[0], window - 1 - n_lead, values.shape[2]))
    recent = lead[:, lead.shape[1] - n_lead :]
    series = np.concatenate([missing, recent, values], axis=1)
    return np.ascontiguousarray(series.transpose(2, 0, 1), dtype=np.float64)
