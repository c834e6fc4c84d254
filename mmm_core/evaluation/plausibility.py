"""Whether a converged fit can be believed."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from mmm_core.attribution.returns import mroi_draws
from mmm_core.evaluation.genuineness import distance_to_prior
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import baseline_contribution, incremental_outcome, summed_control_contribution
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.quality.check import CheckResult, Severity

PLAUSIBILITY_CHECKS: Mapping[str, str] = {
    "negative_baseline": "Probability that the KPI without any media would be negative",
    "roi_uncertainty": "Width of each channel's 90 % ROI interval",
    "prior_shift": "Whether the data moved each channel's effect away from its prior",
    "roi_outside_prior": "Whether each channel's effect is one that its prior thought possible",
    "roi_out_of_line": "Whether a channel returns many times more, or less, than all channels together",
    "contribution_sum": "Contributions add up to the fitted KPI",
}
"""Check name -> what it looks at, in the order of the results."""
_MAX_NEGATIVE_BASELINE = 0.2
_IMPOSSIBLE_BASELINE = 0.8
"""Above this probability of a negative baseline, a fit is not used."""
_MAX_LINE = 10.0
"""Largest ratio of a channel's return to that of all channels together, either way."""
_MAX_ROI_RATIO = 10.0
"""Upper / lower end of a 90 % ROI interval; that of the default prior is 19."""
_MIN_PRIOR_DISTANCE = 0.1
"""Largest difference of the posterior's and the prior's distribution functions (Kolmogorov-Smirnov)."""
_PRIOR_TAIL = 0.01
_SUM_TOLERANCE = 1e-6
_WORDS = {
    "roi": "ROI",
    "mroi": "marginal ROI",
    "contribution": "share of the outcome",
    "coefficient": "coefficient",
}
"""Prior type -> the quantity that the prior is of."""


def check_plausibility(
    posterior: Posterior, contributions: pd.DataFrame, fit_table: pd.DataFrame
) -> list[CheckResult]:
    """All checks of `PLAUSIBILITY_CHECKS`, in that order.

    `contribution_sum` blocks, and so does a baseline that is almost surely negative.

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
        _check_line(posterior),
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
    severity: Severity = "error" if probability > _IMPOSSIBLE_BASELINE else "warn"
    message = (
        f"The KPI without any media is negative with probability {probability:.0%} "
        f"(at most {_MAX_NEGATIVE_BASELINE:.0%} expected)."
    )
    if not passed:
        message += " Media gets too much credit: lower the ROI priors (model.priors.roi_bounds), or add a control."
    return CheckResult("negative_baseline", passed, severity, message, probability, _MAX_NEGATIVE_BASELINE)


def _check_roi_width(posterior: Posterior) -> CheckResult:
    low, high = np.quantile(posterior.stacked("roi_m"), [0.05, 0.95], axis=0)
    ratio = np.divide(high, low, out=np.full_like(high, np.inf), where=low > 0)
    rows = [
        {"channel": channel, "roi_q05": low[m], "roi_q95": high[m], "ratio": ratio[m]}
        for m, channel in enumerate(posterior.data.paid_channels)
        if not ratio[m] <= _MAX_ROI_RATIO
    ]
    return _by_channel(
        "roi_uncertainty",
        rows,
        f"Every 90 % ROI interval's upper end is at most {_MAX_ROI_RATIO:g} times its lower end.",
        f"The 90 % ROI interval's upper end is more than {_MAX_ROI_RATIO:g} times its lower end for {{}}. Narrow "
        "model.priors.roi_bounds from an experiment, or merge similar channels.",
        float(np.max(ratio, initial=0.0)),
        _MAX_ROI_RATIO,
    )


def _check_prior_shift(posterior: Posterior) -> CheckResult:
    rows, distances = [], []
    for channel, quantity, prior, draws in effects_with_priors(posterior):
        distance = distance_to_prior(draws, prior)
        distances.append(distance)
        if distance < _MIN_PRIOR_DISTANCE:
            rows.append({"channel": channel, "quantity": quantity, "distance": distance})
    return _by_channel(
        "prior_shift",
        rows,
        "The data moved every channel's effect away from its prior.",
        "The effect of {} is still what the prior said: the data said nothing about it. Vary the spend, run an "
        "experiment, or merge similar channels.",
        min(distances, default=1.0),
        _MIN_PRIOR_DISTANCE,
    )


def _check_roi_in_prior(posterior: Posterior) -> CheckResult:
    rows = []
    for channel, quantity, prior, draws in effects_with_priors(posterior):
        low, high = prior.frozen_scipy().ppf([_PRIOR_TAIL, 1 - _PRIOR_TAIL])
        mean = float(draws.mean())
        if not low <= mean <= high:
            rows.append(
                {"channel": channel, "quantity": quantity, "mean": mean, "prior_q01": low, "prior_q99": high}
            )
    return _by_channel(
        "roi_outside_prior",
        rows,
        "Every channel's mean effect is inside the central 98 % of its prior.",
        "The mean effect of {} is outside the central 98 % of its prior. Correct model.priors (roi_bounds or "
        "channels), or look for a missing control that moves with the media.",
        float(len(rows)),
        0.0,
    )


def _check_line(posterior: Posterior) -> CheckResult:
    spend = posterior.data.spend.sum(axis=(0, 1))[: len(posterior.data.paid_channels)]
    roi = posterior.stacked("roi_m").mean(axis=0)
    total = float(roi @ spend / spend.sum())
    rows, farthest = [], 1.0
    for m, channel in enumerate(posterior.data.paid_channels):
        ratio = float(roi[m] / total) if total > 0 else np.inf
        off = max(ratio, 1 / ratio) if ratio > 0 else np.inf
        farthest = max(farthest, off)
        if off > _MAX_LINE:
            rows.append({"channel": channel, "roi": float(roi[m]), "roi_of_all": total, "ratio": ratio})
    return _by_channel(
        "roi_out_of_line",
        rows,
        f"No channel returns more than {_MAX_LINE:g} times, or less than 1/{_MAX_LINE:g}, of all together.",
        f"The return of {{}} is out of line with its share of spend: more than {_MAX_LINE:g} times, or less than "
        f"1/{_MAX_LINE:g}, of what all channels return together. Check units and currency of its spend, set "
        "model.priors.roi_bounds, or look for a missing control that moves with it.",
        farthest if np.isfinite(farthest) else 0.0,
        _MAX_LINE,
    )


def effects_with_priors(posterior: Posterior) -> Iterator[tuple[str, str, Prior, FloatArray]]:
    """Channel, quantity in words, its prior and its (S,) draws, for every effect that has a prior of its own."""
    spec = posterior.spec
    if spec.family == "robust_log":
        return
    known: dict[str, FloatArray] = {}
    for m, (channel, kind, prior) in enumerate(zip(spec.channels, spec.prior_types, spec.effect, strict=True)):
        if prior.family != "deterministic":
            if kind not in known:
                known[kind] = _effect_draws(posterior, kind)
            yield channel, _WORDS[kind], prior, known[kind][:, m]


def _effect_draws(posterior: Posterior, kind: str) -> FloatArray:
    """(S, channels) draws of the quantity that priors of this type are of."""
    data = posterior.data
    if kind == "roi":
        return posterior.stacked("roi_m")
    if kind == "coefficient":
        return posterior.stacked("beta_m")
    if kind == "mroi":
        return mroi_draws(posterior)
    known = data.observed & data.present
    total = float(np.sum((data.kpi * data.outcome_per_kpi)[known]))
    return np.asarray(incremental_outcome(posterior).sum(axis=1) / total, dtype=np.float64)


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


def _by_channel(
    name: str, rows: list[dict[str, object]], fine: str, failing: str, value: float, limit: float
) -> CheckResult:
    message = failing.format(", ".join(str(row["channel"]) for row in rows)) if rows else fine
    return CheckResult(name, not rows, "warn", message, value, limit, tuple(rows))
