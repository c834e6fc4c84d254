"""Returns of each channel over the fit window."""

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import (
    baseline_contribution,
    effect_units,
    incremental_kpi,
    incremental_outcome,
    scaled_channel_outcome,
    summed_control_contribution,
)
from mmm_core.model.posterior import Posterior

_NEXT = 0.01
"""Share of a channel's spend that counts as its next unit."""


def roi_draws(posterior: Posterior) -> FloatArray:
    """(S, M) outcome that a channel added over the window, per unit of its spend.

    Outcome is revenue where it is known, otherwise KPI units.  Missing for a channel without spend.
    """
    return _per_spend(incremental_outcome(posterior).sum(axis=1), _spend(posterior))


def mroi_draws(posterior: Posterior) -> FloatArray:
    """(S, M) return of the next 1 % of a channel's spend, per unit of spend.

    `(outcome(1.01 * media) - outcome(media)) / (0.01 * spend)`, all weeks and geos scaled alike.  Missing
    for a channel without spend.
    """
    more = np.zeros((posterior.n_draws, len(posterior.data.channels)))
    units = effect_units(posterior)
    for m in range(len(posterior.data.paid_channels)):
        now, then = scaled_channel_outcome(posterior, m, (1.0, 1.0 + _NEXT), units=units).sum(axis=2)
        more[:, m] = then - now
    return _per_spend(more, _NEXT * _spend(posterior))


def channel_summary(posterior: Posterior) -> pd.DataFrame:
    """One row per channel, over all geos and the fit window.

    Organic channels have a contribution, but spend 0 and no returns.

    Returns:
        channel; spend (money); contribution_mean, _q05, _q95 (KPI units); share (of the mean fitted KPI,
        a fraction); roi_mean, _q05, _q50, _q95 and mroi_mean, _q05, _q50, _q95 (outcome per unit of
        spend); where a KPI that is not money has a known value, also contribution_mean_revenue,
        contribution_q05_revenue and contribution_q95_revenue (money).
    """
    data = posterior.data
    units = effect_units(posterior)
    contribution = interval(incremental_kpi(posterior, units=units).sum(axis=1))
    outcome = incremental_outcome(posterior, units=units).sum(axis=1)
    total = float(contribution.mean.sum()) + _mean_without_media(posterior)
    columns = {
        "channel": np.array(data.channels, dtype=object),
        "spend": _spend(posterior),
        "contribution_mean": contribution.mean,
        "contribution_q05": contribution.q05,
        "contribution_q95": contribution.q95,
        "share": contribution.mean / total,
    }
    draws = {"roi": _per_spend(outcome, _spend(posterior)), "mroi": mroi_draws(posterior)}
    for name, found in ((name, interval(values)) for name, values in draws.items()):
        columns |= {
            f"{name}_mean": found.mean,
            f"{name}_q05": found.q05,
            f"{name}_q50": found.q50,
            f"{name}_q95": found.q95,
        }
    if data.revenue_per_kpi is not None:
        money = interval(outcome)
        columns["contribution_mean_revenue"] = money.mean
        columns["contribution_q05_revenue"] = money.q05
        columns["contribution_q95_revenue"] = money.q95
    columns["kind"] = np.array(data.channel_kinds, dtype=object)
    return pd.DataFrame(columns)


def _spend(posterior: Posterior) -> FloatArray:
    return np.asarray(posterior.data.spend.sum(axis=(0, 1)), dtype=np.float64)


def _per_spend(outcome: FloatArray, spend: FloatArray) -> FloatArray:
    return np.asarray(outcome / np.where(spend > 0, spend, np.nan), dtype=np.float64)


def _mean_without_media(posterior: Posterior) -> float:
    """Posterior mean of baseline and controls, summed over geos and weeks, in KPI units."""
    baseline = sum(float(draws.sum()) for draws in baseline_contribution(posterior))
    every = range(len(posterior.data.controls))
    controls = sum(float(draws.sum()) for draws in summed_control_contribution(posterior, every))
    return (baseline + controls) / posterior.n_draws
