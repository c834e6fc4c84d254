"""Whether the fit could have produced a KPI like the observed one: posterior predictive p-values.

Each statistic of the KPI of all geos together is computed in the data and in every replication; its p-value is
the probability that a replication's is at least as large (Gelman, Meng, Stern 1996).  Near 0 or 1 the model cannot
make what was seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult

POSTERIOR_PREDICTIVE_CHECKS: Mapping[str, str] = {
    "predictive_total": "Whether replications of the KPI have the observed total",
    "predictive_spread": "Whether replications vary over the weeks as much as the KPI",
    "predictive_extremes": "Whether replications have a week as high as the highest",
    "predictive_autocorrelation": "Whether neighbouring weeks of replications are as alike as those of the KPI",
}
"""Check name -> what it looks at, in the order of the results."""
_LEAST = 0.05
"""Smallest two-sided p-value that counts as possible."""


@dataclass(frozen=True)
class _Statistic:
    name: str
    of: Callable[[FloatArray], FloatArray]
    """(..., T) weekly KPI -> (...)"""
    what: str
    remedy: str


def _lag_one(weekly: FloatArray) -> FloatArray:
    """(...,) correlation of neighbouring weeks; 0 where nothing varies."""
    centred = weekly - weekly.mean(axis=-1, keepdims=True)
    variance = (centred**2).sum(axis=-1)
    products = (centred[..., 1:] * centred[..., :-1]).sum(axis=-1)
    return np.asarray(np.divide(products, variance, out=np.zeros_like(variance), where=variance > 0))


_STATISTICS = (
    _Statistic(
        "predictive_total",
        lambda weekly: weekly.sum(axis=-1),
        "total KPI",
        "Check the KPI for weeks that are not the business's own, or set model.family: robust_log.",
    ),
    _Statistic(
        "predictive_spread",
        lambda weekly: weekly.std(axis=-1),
        "spread of the KPI over weeks",
        "Weeks that hit all geos alike are not in the model: raise model.knots, add events or controls.",
    ),
    _Statistic(
        "predictive_extremes",
        lambda weekly: weekly.max(axis=-1),
        "highest week",
        "Name the week's cause in features.events, or set model.family: robust_log.",
    ),
    _Statistic(
        "predictive_autocorrelation",
        _lag_one,
        "likeness of neighbouring weeks",
        "A trend or season is missing: raise model.knots or features.seasonality.annual_fourier_order.",
    ),
)


def check_posterior_predictive(posterior: Posterior) -> list[CheckResult]:
    """All checks of `POSTERIOR_PREDICTIVE_CHECKS`, in that order; they inform.

    Only cells whose KPI is known count, in the data and in the replications.
    """
    observed, replicated = _weekly(posterior)
    return [_check(statistic, observed, replicated) for statistic in _STATISTICS]


def _weekly(posterior: Posterior) -> tuple[FloatArray, FloatArray]:
    """(T,) observed KPI of all geos, and (S, T) replications; weeks without any known KPI are left out."""
    data = posterior.data
    known = data.observed & data.present
    replicated = np.zeros((posterior.n_draws, len(data.dates)))
    for there, (_, drawn) in zip(known, predictive_draws(posterior), strict=True):
        replicated += drawn * there
    weeks = known.any(axis=0)
    return np.where(known, data.kpi, 0.0).sum(axis=0)[weeks], replicated[:, weeks]


def _check(statistic: _Statistic, observed: FloatArray, replicated: FloatArray) -> CheckResult:
    value, drawn = float(statistic.of(observed)), statistic.of(replicated)
    above = float(np.mean(drawn > value) + np.mean(drawn == value) / 2)
    p_value = 2 * min(above, 1 - above)
    low, high = np.quantile(drawn, (0.05, 0.95))
    passed = p_value >= _LEAST
    message = (
        f"The {statistic.what} is {value:,.4g}; replications have {low:,.4g} to {high:,.4g} (90 %), p-value "
        f"{p_value:.3f} (at least {_LEAST:g} expected)."
    )
    return CheckResult(
        statistic.name, passed, "warn", message if passed else f"{message} {statistic.remedy}", p_value, _LEAST
    )
