"""Media after carry-over and saturation as believed before the fit (in the fit both are estimated)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model import channel_spec
from mmm_core.model.adstock import adstock_weights, carried_over
from mmm_core.model.priors import Prior
from mmm_core.model.saturation import Saturation
from mmm_core.model.scaling import media_scale

_COLUMNS = ("channel", "geo", "date", "media", "adstocked", "saturated")


@dataclass(frozen=True)
class _Response:
    """One channel's carry-over and saturation at prior means."""

    lag_weights: FloatArray
    """(L, 1) largest lag first."""
    saturation: Saturation
    saturation_first: bool


def media_previews(data: ModelData, config: Config, geos: Sequence[str] | None = None) -> pd.DataFrame:
    """Media of each paid channel after carry-over and saturation, their parameters at the means of their priors.

    Args:
        data: what is going to be fitted.
        config: `features.adstock`, `features.saturation`, `model.priors`, `model.media_scaling`.
        geos: which geos; None: all.

    Returns:
        channel, geo, date, media, adstocked, saturated; one row per week in which the geo is present.  `media` and
        `adstocked` are media units per week (people reached for `reach_frequency`); `saturated` is the share of
        the channel's full effect that the week reaches, 0 to 1 for the families hill, michaelis_menten and
        logistic; multiples of its usual week without saturation, or with frequency (reach times saturated
        frequency).  Channels without any media are left out.

    Raises:
        SpecificationError: impossible priors of adstock or saturation.
    """
    scale = _scale(data, config)
    chosen = [g for g, geo in enumerate(data.geos) if geos is None or geo in geos]
    tables = [
        _channel_table(data, m, chosen, _response(data, m, config), scale[:, m])
        for m in range(len(data.paid_channels))
        if data.media[data.present][:, m].any()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(_COLUMNS))


def prior_mean(prior: Prior) -> float:
    """Mean of a prior."""
    return prior.parameters[0] if prior.family == "deterministic" else float(prior.frozen_scipy().mean())


def _scale(data: ModelData, config: Config) -> FloatArray:
    """(G, M) media units that count as 1; without meaning for channels without media."""
    idle = ~data.media[data.present].any(axis=0)
    return media_scale(replace(data, media=np.where(idle, 1.0, data.media)), config.model.media_scaling)


def _response(data: ModelData, channel: int, config: Config) -> _Response:
    name, kind = data.channels[channel], data.channel_kinds[channel]
    carry_over = channel_spec.carry_over(config, name)
    saturation = channel_spec.saturation(config, name, kind)
    alpha, theta, ec, slope = (
        np.array([prior_mean(prior)])
        for prior in (carry_over.alpha, carry_over.lag_shape, saturation.ec, saturation.slope)
    )
    max_lag = min(config.features.adstock.max_lag, len(data.dates) + data.lead_media.shape[1] - 1)
    return _Response(
        lag_weights=adstock_weights(alpha, carry_over.family, max_lag, theta).T[::-1],
        saturation=Saturation.of(saturation.family, ec, slope),
        saturation_first=config.model.hill_before_adstock,
    )


def _channel_table(
    data: ModelData, channel: int, chosen: Sequence[int], response: _Response, scale: FloatArray
) -> pd.DataFrame:
    media = np.concatenate([data.lead_media, data.media], axis=1)[chosen, :, channel].T
    adstocked = carried_over(media, response.lag_weights, len(data.dates))
    saturated = _saturated(data, channel, chosen, response, media / scale[chosen])
    there = data.present[chosen]
    names = np.array([data.geos[g] for g in chosen], dtype=object)
    dates = np.broadcast_to(data.dates.astype("datetime64[ns]"), there.shape)
    return pd.DataFrame(
        {
            "channel": data.channels[channel],
            "geo": np.repeat(names, there.sum(axis=1)),
            "date": dates[there],
            "media": data.media[chosen, :, channel][there],
            "adstocked": adstocked.T[there],
            "saturated": saturated.T[there],
        }
    )


def _saturated(
    data: ModelData, channel: int, chosen: Sequence[int], response: _Response, scaled: FloatArray
) -> FloatArray:
    """(T, G) from the (P + T, G) scaled media, as in `model.media_response`."""
    saturation, n_weeks = response.saturation, len(data.dates)
    if data.channel_kinds[channel] == "reach_frequency":
        weekly = scaled * saturation(_frequency(data, channel, chosen) / saturation.half)
        return carried_over(weekly, response.lag_weights, n_weeks)
    if response.saturation_first:
        return carried_over(saturation(scaled / saturation.half), response.lag_weights, n_weeks)
    return saturation(carried_over(scaled, response.lag_weights, n_weeks) / saturation.half)


def _frequency(data: ModelData, channel: int, chosen: Sequence[int]) -> FloatArray:
    """(P + T, G) average frequency of the reached."""
    window = np.ones_like(data.media) if data.frequency is None else data.frequency
    lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
    return np.concatenate([lead, window], axis=1)[chosen, :, channel].T
