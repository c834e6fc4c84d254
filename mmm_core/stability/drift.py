"""How far a refreshed fit has moved from the last accepted one, in the weeks that both know."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import channel_contribution, effect_units
from mmm_core.model.posterior import Posterior

DRIFT_COLUMNS = [
    "channel",
    "roi_before",
    "roi_now",
    "roi_change",
    "roi_change_sd",
    "contribution_before",
    "contribution_now",
    "contribution_change",
    "contribution_change_sd",
]


@dataclass(frozen=True)
class Shared:
    """What two fits have in common, or any other part of a fit."""

    geos: tuple[str, ...]
    dates: NDArray[np.datetime64]
    channels: tuple[str, ...]
    """Paid channels."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to compare."""
        return not (self.geos and len(self.dates) and self.channels)


def shared_by(now: Posterior, before: Posterior) -> Shared:
    """Geos, weeks and paid channels of both fits, in the order of `now`."""
    return Shared(
        geos=tuple(geo for geo in now.data.geos if geo in before.data.geos),
        dates=np.intersect1d(now.data.dates, before.data.dates),
        channels=tuple(name for name in now.data.paid_channels if name in before.data.paid_channels),
    )


def drift(now: Posterior, before: Posterior) -> pd.DataFrame:
    """Each paid channel's return and contribution in the geos and weeks that both fits know.

    Both count what falls into these weeks (carryover from before them included), each by its own data, so that a
    correction of the data shows too.

    Args:
        now: the new fit.
        before: the last accepted one; its window may differ.

    Returns:
        `DRIFT_COLUMNS`: channel; posterior means of ROI (outcome per unit of spend) and of the contribution (KPI
        units); `_change`: now / before - 1; `_change_sd`: (now - before) / posterior sd of before.  Missing where
        before is 0 or there is no spend; no rows where nothing is shared.
    """
    shared = shared_by(now, before)
    if shared.nothing:
        return pd.DataFrame(columns=DRIFT_COLUMNS).astype(dict.fromkeys(DRIFT_COLUMNS[1:], float))
    (roi_now, kpi_now), (roi_before, kpi_before) = shared_returns(now, shared), shared_returns(before, shared)
    return pd.DataFrame(
        {
            "channel": np.array(shared.channels, dtype=object),
            **_moved("roi", roi_before, roi_now),
            **_moved("contribution", kpi_before, kpi_now),
        }
    )[DRIFT_COLUMNS]


def _moved(name: str, before: FloatArray, now: FloatArray) -> dict[str, FloatArray]:
    """From (S, C) draws of both."""
    was, came, sd = before.mean(axis=0), now.mean(axis=0), before.std(axis=0)
    return {
        f"{name}_before": was,
        f"{name}_now": came,
        f"{name}_change": ratio(came - was, np.abs(was)),
        f"{name}_change_sd": ratio(came - was, sd),
    }


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Division that gives NaN where `below` is not above 0."""
    there = np.isfinite(below) & (below > 0)
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=there))


def shared_returns(posterior: Posterior, shared: Shared) -> tuple[FloatArray, FloatArray]:
    """(S, C) ROI (missing without spend) and contribution in KPI units, in these cells of one fit."""
    data, units = posterior.data, effect_units(posterior)
    weeks = np.isin(data.dates, shared.dates)
    there = np.isin(np.array(data.geos), np.array(shared.geos))[:, None] & weeks
    worth = data.outcome_per_kpi
    roi, kpi = [], []
    for channel in shared.channels:
        m = data.channels.index(channel)
        added, outcome = np.zeros(posterior.n_draws), np.zeros(posterior.n_draws)
        for g, weekly in enumerate(channel_contribution(posterior, m, units=units)):
            added += weekly[:, there[g]].sum(axis=1)
            outcome += weekly[:, there[g]] @ worth[g, there[g]]
        spend = float(data.spend[:, :, m][there].sum())
        roi.append(outcome / spend if spend > 0 else np.full_like(outcome, np.nan))
        kpi.append(added)
    return np.stack(roi, axis=1), np.stack(kpi, axis=1)
