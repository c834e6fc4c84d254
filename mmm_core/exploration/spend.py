"""Where and when money was spent.  G geos, T weeks, M channels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData

MAX_GEOS = 40
"""Geos that get rows of their own; the rest is summed."""
EXPOSURE = "exposure__"
"""Prefix of the columns of channels in `Exploration.weeks`."""


def exposure(data: ModelData) -> FloatArray:
    """(G, T, M) spend; media units for organic media, which cost nothing."""
    organic = np.array([kind == "organic_media" for kind in data.channel_kinds], dtype=bool)
    return np.where(organic, data.media, data.spend)


def contacts(data: ModelData) -> FloatArray:
    """(G, T, M) media units; contacts of the reached where a channel has reach and frequency."""
    return data.media if data.frequency is None else data.media * data.frequency


def usual_kpi(data: ModelData) -> FloatArray:
    """(G,) mean KPI of the geo's known weeks; NaN where no week is known."""
    known = data.observed.sum(axis=1)
    return np.where(known > 0, np.nansum(data.kpi, axis=1) / np.maximum(known, 1), np.nan)


def shown_geos(data: ModelData) -> tuple[str, ...]:
    """All geos, or the `MAX_GEOS` - 1 with the largest spend (KPI, where nothing was spent), in their order."""
    if len(data.geos) <= MAX_GEOS:
        return data.geos
    size = data.spend.sum(axis=(1, 2)) if data.spend.sum() > 0 else np.nansum(data.kpi, axis=1)
    largest = np.sort(np.argsort(-size, kind="stable")[: MAX_GEOS - 1])
    return tuple(data.geos[g] for g in largest)


def channel_table(data: ModelData) -> pd.DataFrame:
    """channel, kind, spend, share, media, cost, active: over all geos and weeks."""
    spend = data.spend.sum(axis=(0, 1))
    media = contacts(data).sum(axis=(0, 1))
    priced = _priced(data) & (media > 0)
    active = (data.media > 0) & data.present[:, :, None]
    return pd.DataFrame(
        {
            "channel": np.array(data.channels, dtype=object),
            "kind": np.array(data.channel_kinds, dtype=object),
            "spend": spend,
            "share": spend / spend.sum() if spend.sum() > 0 else np.full(len(spend), np.nan),
            "media": media,
            "cost": np.where(priced, spend / np.where(media > 0, media, 1.0), np.nan),
            "active": active.sum(axis=(0, 1)) / max(int(data.present.sum()), 1),
        }
    )


def cost_table(data: ModelData) -> pd.DataFrame:
    """date, channel, cost: money per media unit, all geos together; channels with both only."""
    spend, media = data.spend.sum(axis=0), contacts(data).sum(axis=0)
    cost = np.where(media > 0, spend / np.where(media > 0, media, 1.0), np.nan)
    priced = np.flatnonzero(_priced(data) & np.isfinite(cost).any(axis=0))
    dates = data.dates.astype("datetime64[ns]")
    return pd.DataFrame(
        {
            "date": np.tile(dates, len(priced)),
            "channel": np.repeat(np.array(data.channels, dtype=object)[priced], len(dates)),
            "cost": cost[:, priced].T.ravel(),
        }
    )


def week_table(data: ModelData, shown: Sequence[str]) -> pd.DataFrame:
    """KPI and exposure per week: of all geos, of each of `shown`, and of the others together."""
    groups = _groups(data, shown)
    return pd.concat([_group_weeks(data, name, rows) for name, rows in groups.items()], ignore_index=True)


def _groups(data: ModelData, shown: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Name -> positions of its geos."""
    position = {geo: g for g, geo in enumerate(data.geos)}
    groups = {geo: np.array([position[geo]]) for geo in shown}
    if len(data.geos) > 1:
        groups = {f"All {len(data.geos):,} geos": np.arange(len(data.geos)), **groups}
    others = np.array([g for g, geo in enumerate(data.geos) if geo not in set(shown)], dtype=np.intp)
    return {**groups, f"Other {len(others):,} geos": others} if len(others) else groups


def _group_weeks(data: ModelData, name: str, rows: NDArray[np.intp]) -> pd.DataFrame:
    kpi, observed = data.kpi[rows], data.observed[rows]
    size = np.nan_to_num(usual_kpi(data)[rows])[:, None] * data.present[rows]
    whole = size.sum(axis=0)
    unknown = np.where(whole > 0, (size * ~observed).sum(axis=0) / np.where(whole > 0, whole, 1.0), 0.0)
    unknown = np.where(data.present[rows].any(axis=0), unknown, np.nan)
    spent = exposure(data)[rows].sum(axis=0)
    return pd.DataFrame(
        {
            "geo": name,
            "date": data.dates.astype("datetime64[ns]"),
            "kpi": np.where(observed.any(axis=0), np.nansum(kpi, axis=0), np.nan),
            "unknown": unknown,
            **{f"{EXPOSURE}{channel}": spent[:, m] for m, channel in enumerate(data.channels)},
        }
    )


def _priced(data: ModelData) -> NDArray[np.bool_]:
    """(M,) whether a channel has both spend and media units of its own (not spend again)."""
    spends = data.spend.sum(axis=(0, 1)) > 0
    return np.asarray(spends & (contacts(data) != data.spend).any(axis=(0, 1)), dtype=np.bool_)
