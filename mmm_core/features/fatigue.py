"""Wear-out of creatives: old ones count less, or their age is a control."""

import numpy as np
import pandas as pd

from mmm_core.config.features import CreativeFatigueConfig
from mmm_core.data.panel import AGE, GEO, MEDIA, REACH, SPEND, TERM
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.model_data import FloatArray

_DAYS_PER_WEEK = 7.0
AGE_TERM = "creative_age_"
"""Name, before the channel's, of the control that is the age of its creative in days."""


def discounted_channels(settings: CreativeFatigueConfig) -> tuple[str, ...]:
    """Channels whose media units are discounted."""
    return tuple(settings.age_cols) if settings.enabled and settings.channels_as == "discount" else ()


def discounted_media(
    clean: pd.DataFrame, settings: CreativeFatigueConfig
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Media units, or reach, times 0.5 ** (age / half life), and a sentence for each channel.

    A channel whose media are its spend gets a media column of its own; its spend stays.

    Args:
        clean: one geo's clean panel with `age__<channel>` in days, >= 0.
        settings: `features.creative_fatigue`.

    Returns:
        Panel column -> (T,) values, and the notes.

    Raises:
        ConfigError: there is no such channel.
        DataError: the panel has no age of a channel.
    """
    columns: dict[str, FloatArray] = {}
    notes = []
    for channel in discounted_channels(settings):
        age = _age(clean, channel)
        before = clean[_media_column(clean, channel)].to_numpy(dtype=np.float64)
        after = before * 0.5 ** (age / (_DAYS_PER_WEEK * settings.half_life_weeks))
        target = _media_column(clean, channel)
        columns[f"{MEDIA}{channel}" if target.startswith(SPEND) else target] = after
        notes.append(
            f"Media of {channel} in geo {clean[GEO].iloc[0]} were discounted for the age of its creatives "
            f"(features.creative_fatigue, half life {settings.half_life_weeks:g} weeks): "
            f"{before.sum():.6g} units count as {after.sum():.6g}."
        )
    return columns, tuple(notes)


def age_terms(clean: pd.DataFrame, settings: CreativeFatigueConfig) -> dict[str, FloatArray]:
    """`term__creative_age_<channel>` -> (T,) days, where `features.creative_fatigue.channels_as` is `control`.

    Raises:
        DataError: the panel has no age of a channel.
    """
    if not settings.enabled or settings.channels_as != "control":
        return {}
    return {f"{TERM}{AGE_TERM}{channel}": _age(clean, channel) for channel in settings.age_cols}


def _age(clean: pd.DataFrame, channel: str) -> FloatArray:
    column = f"{AGE}{channel}"
    if column not in clean:
        raise DataError(
            f"The clean panel of geo {clean[GEO].iloc[0]} has no creative age of {channel} "
            f"(features.creative_fatigue.age_cols.{channel}); materialize raw_panel and clean_panel again."
        )
    return clean[column].to_numpy(dtype=np.float64)


def _media_column(clean: pd.DataFrame, channel: str) -> str:
    for prefix in (MEDIA, REACH, SPEND):
        if f"{prefix}{channel}" in clean:
            return f"{prefix}{channel}"
    raise ConfigError(
        f"features.creative_fatigue.age_cols.{channel}: no channel is named {channel!r}; use a name of "
        "data.channel_map or data.organic_media."
    )
