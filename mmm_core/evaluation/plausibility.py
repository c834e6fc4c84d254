"""Whether a converged fit can be believed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import baseline_contribution, summed_control_contribution
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult

PLAUSIBILITY_CHECKS: Mapping[str, str] = {
    "negative_baseline": "Probability that the KPI without any media would be negative",
    "roi_uncertainty": "Width of each channel's 90 % ROI interval",
    "prior_shift": "Whether the data moved each channel's ROI away from its prior",
    "roi_outside_prior": "Whether each channel's ROI is one that its prior thought possible",
    "contribution_sum": "Contributions add up to the fitted KPI",
}
"""Check name -> what it looks at, in the order of the results."""
_MAX_NEGATIVE_BASELINE = 0.2
_MAX_ROI_RATIO = 10.0
"""Upper / lower end of a 90 % ROI interval; that of the default prior is 19."""
_MIN_PRIOR_DISTANCE = 0.1
"""Largest difference of the posterior's and the prior's distribution functions (Kolmogorov-Smirnov)."""
_PRIOR_TAIL = 0.01
_SUM_TOLERANCE = 1e-6


def check_plausibility(
    posterior: Posterior, contributions: pd.DataFrame, fit_table: pd.DataFrame
) -> list[CheckResult]:
    """All checks of `PLAUSIBILITY_CHECKS`, in that order; only `contribution_sum` blocks.

    Args:
        posterior: the fit.
        contributions: `attribution.contributions.contribution_table(posterior)`.
        fit_table: `attribution.fitted.fit_table(posterior)`.
    """
    return [
        _check_baseline(posterior),
        _check_roi_width(posterior),
        _check_prior_shift(posterior),
        _check_roi_in_prior(posterior),
        _check_contribution_sum(contributions, fit_table),
    ]


def negative_baseline_probability(posterior: Posterior) -> float:
    """Posterior probability that the window's total KPI without any media would be below 0."""
    total = np.zeros(posterior.n_draws)
    every = range(len(posterior.data.controls))
    for baseline in baseline_contribution(posterior):
        total += baseline.sum(axis=1)
    for controls in summed_control_contribution(posterior, every):
        total += controls.sum(axis=1)
    return float((total < 0).mean())


def _check_baseline(posterior: Posterior) -> CheckResult:
    probability = negative_baseline_probability(posterior)
    passed = probability <= _MAX_NEGATIVE_BASELINE
    message = (
        f"The KPI without any media is negative with probability {probability:.0%} "
        f"(at most {_MAX_NEGATIVE_BASELINE:.0%} expected)."
    )
    if not passed:
        message += " Media gets too much credit: lower the ROI priors (model.priors.roi_bounds), or add a control."
    return CheckResult("negative_baseline", passed, "warn", message, probability, _MAX_NEGATIVE_BASELINE)


def _check_roi_width(posterior: Posterior) -> CheckResult:
    low, high = np.quantile(posterior.stacked("roi_m"), [0.05, 0.95], axis=0)
    ratio = np.divide(high, low, out=np.full_like(high, np.inf), where=low > 0)
    rows = [
        {"channel": channel, "roi_q05": low[m], "roi_q95": high[m], "ratio": ratio[m]}
        for m, channel in enumerate(posterior.data.channels)
        if not ratio[m] <= _MAX_ROI_RATIO
    ]
    return _by_channel(
        "roi_uncertainty",
        rows,
        f"Every 90 % ROI interval's upper end is at most {_MAX_ROI_RATIO:g} times its lower end.",
        f"The 90 % ROI interval's upper end is more than {_MAX_ROI_RATIO:g} times its lower end for {{}}. Narrow "
        "model.priors.roi_bounds from an experiment, or merge similar channels.",
        float(np.max(ratio)),
        _MAX_ROI_RATIO,
    )


def _check_prior_shift(posterior: Posterior) -> CheckResult:
    draws = np.sort(posterior.stacked("roi_m"), axis=0)
    rows, distances = [], []
    for m, channel in enumerate(posterior.data.channels):
        if posterior.spec.effect[m].family != "deterministic":
            distance = _distance(draws[:, m], np.asarray(posterior.spec.effect[m].frozen_scipy().cdf(draws[:, m])))
            distances.append(distance)
            if distance < _MIN_PRIOR_DISTANCE:
                rows.append({"channel": channel, "distance": distance})
    return _by_channel(
        "prior_shift",
        rows,
        "The data moved every channel's ROI away from its prior.",
        "The ROI of {} is still what the prior said: the data said nothing about it. Vary the spend, run an "
        "experiment, or merge similar channels.",
        min(distances, default=1.0),
        _MIN_PRIOR_DISTANCE,
    )


def _check_roi_in_prior(posterior: Posterior) -> CheckResult:
    mean = posterior.stacked("roi_m").mean(axis=0)
    rows = []
    for m, channel in enumerate(posterior.data.channels):
        if posterior.spec.effect[m].family != "deterministic":
            low, high = posterior.spec.effect[m].frozen_scipy().ppf([_PRIOR_TAIL, 1 - _PRIOR_TAIL])
            if not low <= mean[m] <= high:
                rows.append({"channel": channel, "roi_mean": mean[m], "prior_q01": low, "prior_q99": high})
    return _by_channel(
        "roi_outside_prior",
        rows,
        "Every channel's mean ROI is inside the central 98 % of its prior.",
        "The mean ROI of {} is outside the central 98 % of its prior. Correct model.priors.roi_bounds, or look "
        "for a missing control that moves with the spend.",
        float(len(rows)),
        0.0,
    )


def _check_contribution_sum(contributions: pd.DataFrame, fit_table: pd.DataFrame) -> CheckResult:
    totals = contributions.groupby(["geo", "date"])["mean"].sum()
    fitted = fit_table.set_index(["geo", "date"])["predicted_mean"]
    gap = (totals - fitted).abs()
    relative = float(gap.max() / max(float(fitted.abs().mean()), np.finfo(float).tiny))
    passed = bool(gap.notna().all()) and relative <= _SUM_TOLERANCE
    message = f"Largest gap between the sum of contributions and the fitted KPI is {relative:.1e} of its mean."
    if not passed:
        message += " Materialize contributions and evaluation again, from the same posterior."
    return CheckResult("contribution_sum", passed, "error", message, relative, _SUM_TOLERANCE)


def _distance(ordered: FloatArray, prior: FloatArray) -> float:
    """Largest difference of the empirical distribution function of ordered draws and the prior's at them."""
    n = len(ordered)
    above, below = np.arange(1, n + 1) / n - prior, prior - np.arange(n) / n
    return float(max(above.max(), below.max()))


def _by_channel(
    name: str, rows: list[dict[str, object]], fine: str, failing: str, value: float, limit: float
) -> CheckResult:
    message = failing.format(", ".join(str(row["channel"]) for row in rows)) if rows else fine
    return CheckResult(name, not rows, "warn", message, value, limit, tuple(rows))
