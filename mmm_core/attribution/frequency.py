"""How often people should see a channel: return by average frequency at the same spend."""

import dataclasses

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.attribution.returns import delivered_media
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import Units, effect_units, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.predictors import stacked_draws
from mmm_core.model.saturation import Saturation

_STEP = 0.1
_REFERENCE = 2.0
"""A frequency to start from; the result does not depend on it."""
_COLUMNS = ("channel", "frequency", "roi_mean", "roi_q05", "roi_q95", "optimal", "current_frequency")


def frequency_table(posterior: Posterior) -> pd.DataFrame:
    """One row per reach-and-frequency channel and frequency, from 1 in steps of 0.1 up to the largest observed.

    The same impressions are bought for the same money, but at one frequency f in every geo and week (those
    before the window included), so reach is impressions / f.  A higher frequency works better on fewer people:
    the return is proportional to `saturation(f) / f`, and the best f is where its posterior mean is largest.
    This is Meridian's definition (`Analyzer.optimal_freq`); here the largest f is the channel's own.

    Returns:
        channel; frequency; roi_mean, roi_q05, roi_q95 (outcome per unit of spend; missing for a channel without
        spend); optimal (the frequency with the largest mean, one per channel); current_frequency (impressions /
        reach over the window).  No rows where no channel has reach and frequency.
    """
    kinds = posterior.data.channel_kinds
    reached = [m for m, kind in enumerate(kinds) if kind == "reach_frequency"]
    if not reached:
        return pd.DataFrame({name: pd.Series(dtype=_dtype(name)) for name in _COLUMNS})
    units = effect_units(posterior)
    return pd.concat([_channel(posterior, m, units) for m in reached], ignore_index=True)


def outcome_at_frequencies(
    posterior: Posterior, channel: int, frequencies: FloatArray, units: Units | None = None
) -> FloatArray:
    """(F, S) outcome over the window of one channel at one frequency everywhere and unchanged impressions.

    Args:
        posterior: the fit.
        channel: index of a `reach_frequency` channel.
        frequencies: (F,) > 0.
        units: `effect_units(posterior)`, where it is there already.
    """
    units = effect_units(posterior) if units is None else units
    at_reference = dataclasses.replace(posterior, data=_at_frequency(posterior, channel, _REFERENCE))
    outcome = scaled_channel_outcome(at_reference, channel, (1.0,), units=units)[0].sum(axis=1)
    per_contact = _per_contact(posterior, channel, np.append(frequencies, _REFERENCE))
    return np.asarray(outcome * (per_contact[:-1] / per_contact[-1]))


def _dtype(column: str) -> str:
    return {"channel": "object", "optimal": "bool"}.get(column, "float64")


def _channel(posterior: Posterior, channel: int, units: Units) -> pd.DataFrame:
    data = posterior.data
    reach = data.media[:, :, channel]
    impressions = delivered_media(data)[:, :, channel]
    frequencies = _grid(float((impressions / np.where(reach > 0, reach, np.inf)).max()))
    outcome = outcome_at_frequencies(posterior, channel, frequencies, units)
    spend = float(data.spend[:, :, channel].sum())
    roi = interval(outcome.T / (spend if spend > 0 else np.nan))
    total = float(reach.sum())
    return pd.DataFrame(
        {
            "channel": data.channels[channel],
            "frequency": frequencies,
            **roi.columns("roi"),
            "optimal": np.arange(len(frequencies)) == int(np.argmax(outcome.mean(axis=1))),
            "current_frequency": float(impressions.sum()) / total if total > 0 else np.nan,
        }
    )


def _grid(largest: float) -> FloatArray:
    n_steps = int(np.floor((max(largest, 1.0) - 1.0) / _STEP + 1e-9))
    return np.round(1.0 + _STEP * np.arange(n_steps + 1), 10)


def _at_frequency(posterior: Posterior, channel: int, frequency: float) -> ModelData:
    """The data with the same impressions at one frequency, before the window too."""
    data = posterior.data
    if data.frequency is None:
        return data
    media, of_window = data.media.copy(), data.frequency.copy()
    media[:, :, channel] *= data.frequency[:, :, channel] / frequency
    of_window[:, :, channel] = frequency
    lead, of_lead = data.lead_media.copy(), data.lead_frequency
    if of_lead is not None:
        lead[:, :, channel] *= of_lead[:, :, channel] / frequency
        of_lead = of_lead.copy()
        of_lead[:, :, channel] = frequency
    return dataclasses.replace(data, media=media, frequency=of_window, lead_media=lead, lead_frequency=of_lead)


def _per_contact(posterior: Posterior, channel: int, frequencies: FloatArray) -> FloatArray:
    """(F, S) effect of one contact, up to what does not depend on the frequency."""
    half, slope = (stacked_draws(posterior, name)[:, channel] for name in ("ec_m", "slope_m"))
    saturation = Saturation.of(posterior.spec.saturation[channel], half, slope)
    reached = saturation(frequencies[:, None] / saturation.half)
    return np.asarray(reached / frequencies[:, None])
