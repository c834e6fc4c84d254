"""Returns of each channel over the fit window."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.attribution.intervals import Interval, cost_interval, interval
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import (
    Units,
    baseline_contribution,
    effect_units,
    incremental_kpi,
    incremental_outcome,
    scaled_channel_outcome,
    summed_control_contribution,
)
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior

NEXT = 0.01
"""Share of a channel's spend that counts as its next unit."""


def roi_draws(posterior: Posterior) -> FloatArray:
    """(S, M) outcome that a channel added over the window, per unit of its spend.

    Outcome is revenue where it is known, otherwise KPI units.  Missing for a channel without spend.
    """
    return _per_spend(incremental_outcome(posterior).sum(axis=1), _spend(posterior))


def mroi_draws(posterior: Posterior, units: Units | None = None) -> FloatArray:
    """(S, M) return of the next 1 % of a channel's spend, per unit of spend.

    `(outcome(1.01 * media) - outcome(media)) / (0.01 * spend)`, all weeks and geos scaled alike.  Missing
    for a channel without spend.

    Args:
        posterior: the fit.
        units: `effect_units(posterior)`, where it is there already.
    """
    more = np.zeros((posterior.n_draws, len(posterior.data.channels)))
    units = effect_units(posterior) if units is None else units
    for m in range(len(posterior.data.paid_channels)):
        now, then = scaled_channel_outcome(posterior, m, (1.0, 1.0 + NEXT), units=units).sum(axis=2)
        more[:, m] = then - now
    return _per_spend(more, NEXT * _spend(posterior))


def cpik_draws(posterior: Posterior) -> FloatArray:
    """(S, M) spend per KPI unit that a channel added over the window; missing for a channel without spend.

    Infinite where nothing was added, negative where KPI was lost.
    """
    spend = _spend(posterior)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(spend > 0, spend, np.nan) / incremental_kpi(posterior).sum(axis=1))


def effectiveness_draws(posterior: Posterior) -> FloatArray:
    """(S, M) outcome that a channel added over the window, per media unit (`delivered_media`)."""
    return _per_spend(incremental_outcome(posterior).sum(axis=1), delivered_media(posterior.data).sum(axis=(0, 1)))


def delivered_media(data: ModelData) -> FloatArray:
    """(G, T, M) media units: as the source has them, or impressions (reach times frequency)."""
    return data.media if data.frequency is None else data.media * data.frequency


def roi_prior(spec: ModelSpec) -> Interval:
    """Mean and quantiles of each channel's prior of the ROI, from its distribution: (M,).

    Missing where the prior is of something else (mROI, share of the outcome, coefficient, or the shared scale of
    the family `robust_log`).
    """
    rows = np.full((4, len(spec.channels)), np.nan)
    for m, (kind, prior) in enumerate(zip(spec.prior_types, spec.effect, strict=True)):
        if spec.family == "robust_log" or kind != "roi":
            continue
        if prior.family == "deterministic":
            rows[:, m] = prior.parameters[0]
        else:
            found = prior.frozen_scipy()
            rows[:, m] = found.mean(), *found.ppf((0.05, 0.5, 0.95))
    return Interval(*rows)


def channel_summary(posterior: Posterior) -> pd.DataFrame:
    """One row per channel, over all geos and the fit window.

    Organic channels have a contribution, but spend 0 and no returns.

    Returns:
        channel; spend (money); contribution_mean, _q05, _q95 (KPI units); share (of the mean fitted KPI,
        a fraction); roi_mean, _q05, _q50, _q95 and mroi_mean, _q05, _q50, _q95 (outcome per unit of
        spend); where a KPI that is not money has a known value, also contribution_mean_revenue,
        contribution_q05_revenue and contribution_q95_revenue (money); kind; cpik_mean, _q05, _q50, _q95
        (spend per added KPI unit, see `cost_interval`); effectiveness_mean, _q05, _q95 (outcome per media
        unit, impressions for reach and frequency); roi_prior_mean, _q05, _q95 (see `roi_prior`).
    """
    data = posterior.data
    units = effect_units(posterior)
    added = incremental_kpi(posterior, units=units).sum(axis=1)
    contribution, spend = interval(added), _spend(posterior)
    outcome = incremental_outcome(posterior, units=units).sum(axis=1)
    total = float(contribution.mean.sum()) + _mean_without_media(posterior)
    columns: dict[str, NDArray[Any]] = {
        "channel": np.array(data.channels, dtype=object),
        "spend": spend,
        **contribution.columns("contribution"),
        "share": contribution.mean / total,
        **interval(_per_spend(outcome, spend)).columns("roi", median=True),
        **interval(mroi_draws(posterior, units)).columns("mroi", median=True),
    }
    if data.revenue_per_kpi is not None:
        money = interval(outcome)
        columns["contribution_mean_revenue"] = money.mean
        columns["contribution_q05_revenue"] = money.q05
        columns["contribution_q95_revenue"] = money.q95
    columns["kind"] = np.array(data.channel_kinds, dtype=object)
    columns |= cost_interval(spend, added).columns("cpik", median=True)
    delivered = delivered_media(data).sum(axis=(0, 1))
    columns |= interval(_per_spend(outcome, delivered)).columns("effectiveness")
    columns |= roi_prior(posterior.spec).columns("roi_prior")
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
