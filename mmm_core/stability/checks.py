"""What the tables of stability say, as checks; all of them inform."""

from collections.abc import Mapping

import pandas as pd

from mmm_core.config.stability import (
    InputNoiseConfig,
    LeaveOneGeoOutConfig,
    PlaceboConfig,
    StabilityConfig,
)
from mmm_core.quality.check import CheckResult
from mmm_core.stability.leave_one_out import RELIABLE_K, LeaveOneOut
from mmm_core.stability.power_scaling import CONFLICT, DOMINATES
from mmm_core.stability.records import finite_rows

STABILITY_CHECKS: Mapping[str, str] = {
    "refresh_roi": "Mean change of ROI against the last accepted fit",
    "refresh_contribution": "Mean change of contributions against the last accepted fit",
    "refresh_surprise": "Change of each channel's ROI in units of what the last accepted fit left open",
    "prior_data_conflict": "Channels whose priors pull one way and whose data pull the other",
    "prior_dominates": "Channels whose return is the prior's, as the data hardly move it",
    "loo_reliable": "Whether leave-one-out densities can be computed from the draws",
    "input_noise": "Change of ROI when media and spend are a little off",
    "placebo_channel": "What a channel that did nothing is given",
    "leave_one_geo_out": "Change of ROI when one of the largest geos is left out",
}
"""Check name -> what it looks at, in the order of the results; those that were not asked for are left out."""
_MOST_ROWS = 50


def check_drift(table: pd.DataFrame, settings: StabilityConfig) -> list[CheckResult]:
    """The three checks of a refresh, from `drift.drift`."""
    if table.empty:
        message = (
            "The last accepted fit has no geo, week and channel in common with this one, so they cannot be "
            "compared; look at the new fit as at a first one."
        )
        names = list(STABILITY_CHECKS)[:3]
        return [CheckResult(name, False, "warn", message) for name in names]
    return [
        _check_mean(table, "refresh_roi", "roi", "ROI", settings),
        _check_mean(table, "refresh_contribution", "contribution", "contribution", settings),
        _check_surprise(table, settings.max_change_sd),
    ]


def check_priors(table: pd.DataFrame, settings: StabilityConfig) -> list[CheckResult]:
    """The two checks of power-scaling, from `power_scaling.prior_sensitivity`; their value counts channels."""
    conflict, dominated = _named(table, CONFLICT), _named(table, DOMINATES)
    of = table.set_index("channel")
    apart = ", ".join(f"{name} ({of.loc[name, 'conflict']:+.1f} sd)" for name in conflict)
    in_conflict = (
        f"What priors and data say of the ROI of {apart} is further apart than {settings.max_conflict:g} sd. "
        "Check the prior (model.priors.roi_bounds or channels) and where it is from, or look for a missing "
        "control that moves with the media."
        if conflict
        else f"No channel's prior is further from what the data say than {settings.max_conflict:g} sd."
    )
    dominating = (
        f"What is known of the ROI of {', '.join(dominated)} is from the prior, the data hardly move it. Say so "
        "where it is used; vary the spend, run an experiment, or merge similar channels."
        if dominated
        else "The data move the ROI of every channel that its prior moves."
    )
    doubt = ""
    if float(table[["prior_pareto_k", "likelihood_pareto_k"]].to_numpy().max(initial=0.0)) > RELIABLE_K:
        doubt = f" The weights are not reliable (Pareto k above {RELIABLE_K}): take more draws."
    rows = tuple(finite_rows(table))
    return [
        CheckResult(name, not found, "warn", message + doubt, float(len(found)), 0.0, rows)
        for name, found, message in (
            ("prior_data_conflict", conflict, in_conflict),
            ("prior_dominates", dominated, dominating),
        )
    ]


def check_leave_one_out(found: LeaveOneOut, settings: StabilityConfig) -> CheckResult:
    """Whether most geo-weeks are ordinary enough for importance sampling."""
    share, limit = found.unreliable_share, settings.max_unreliable_share
    worst = found.cells.sort_values("pareto_k", ascending=False).head(_MOST_ROWS)
    message = (
        f"Expected log predictive density {found.elpd:,.1f} (standard error {found.se:,.1f}); {share:.1%} of "
        f"{len(found.cells)} geo-weeks have a Pareto k above {RELIABLE_K} (limit {limit:.0%})."
    )
    if share > limit:
        message += (
            " These weeks decide the fit: look at the ones in the table for events and errors, or set "
            "model.family: robust_log; compare models by backtests instead."
        )
    rows = tuple(finite_rows(worst[worst["pareto_k"] > RELIABLE_K]))
    return CheckResult("loo_reliable", share <= limit, "warn", message, share, limit, rows)


def check_input_noise(table: pd.DataFrame, wanted: InputNoiseConfig) -> CheckResult:
    """From `perturbed.input_noise`."""
    worst = table.loc[table["sure_change"].idxmax()]
    message = (
        f"With media and spend off by {wanted.noise:.0%}, the ROI of {worst['channel']} changes by "
        f"{worst['change']:+.1%} (of which {2 * worst['monte_carlo_error']:.1%} may be chance; limit "
        f"{wanted.max_change:.0%})."
    )
    value = float(worst["sure_change"])
    passed = value <= wanted.max_change
    if not passed:
        message += (
            " Its return hangs on single weeks: merge it with a similar channel, narrow model.priors.roi_bounds "
            "from an experiment, and give its interval rather than its mean."
        )
    return CheckResult("input_noise", passed, "warn", message, value, wanted.max_change, tuple(finite_rows(table)))


def check_placebo(table: pd.DataFrame, wanted: PlaceboConfig) -> CheckResult:
    """From `placebo.placebo_check`."""
    row = table.iloc[0]
    found = bool(row["odds"] > wanted.max_odds and row["share"] > wanted.min_share)
    message = (
        f"A channel that did nothing, spending as the average one, is given {row['share']:.1%} of the KPI (ROI "
        f"{row['roi_mean']:.2g}, 90 % {row['roi_q05']:.2g} to {row['roi_q95']:.2g}); odds against a small effect "
        f"(ROI below {row['small_roi']:.2g}) are {row['odds']:.2g} to 1, limit {wanted.max_odds:g}."
    )
    if found:
        message += (
            " So other channels may be given what is not theirs: add controls and seasons that explain the KPI, "
            "check model.knots, and confirm large effects by experiments."
        )
    rows = tuple(finite_rows(table))
    return CheckResult("placebo_channel", not found, "warn", message, float(row["odds"]), wanted.max_odds, rows)


def check_geos(table: pd.DataFrame, wanted: LeaveOneGeoOutConfig) -> CheckResult:
    """From `perturbed.leave_one_geo_out`."""
    worst = table.loc[table["sure_change"].idxmax()]
    message = (
        f"Without {worst['left_out']}, the ROI of {worst['channel']} in the other geos changes by "
        f"{worst['change']:+.1%} ({worst['change_sd']:+.1f} sd; limit {wanted.max_change:.0%} beyond chance)."
    )
    value = float(worst["sure_change"])
    passed = value <= wanted.max_change
    if not passed:
        message += (
            " One geo decides for all: check its data, model it on its own, or allow effects to differ more by "
            "geo (model.priors.eta)."
        )
    rows = tuple(finite_rows(table.head(_MOST_ROWS)))
    return CheckResult("leave_one_geo_out", passed, "warn", message, value, wanted.max_change, rows)


def _check_mean(table: pd.DataFrame, name: str, column: str, what: str, settings: StabilityConfig) -> CheckResult:
    changes = table[f"{column}_change"].abs().dropna()
    mean, limit = (float(changes.mean()) if len(changes) else 0.0), settings.max_change
    message = f"Against the last accepted fit, the {what} of a channel changes by {mean:.1%} on average"
    if len(changes):
        worst = table.loc[changes.idxmax()]
        message += f" (most: {worst['channel']}, {worst[f'{column}_change']:+.1%})"
    message += f", in the weeks that both know (limit {limit:.0%})."
    if not mean <= limit:
        message += (
            " See what is new: corrected rows, changed settings, or weeks unlike all before; keep the last "
            "accepted fit until it is explained."
        )
    return CheckResult(name, mean <= limit, "warn", message, mean, limit, tuple(finite_rows(table)))


def _check_surprise(table: pd.DataFrame, limit: float) -> CheckResult:
    changes = table["roi_change_sd"].abs().dropna()
    if changes.empty:
        return CheckResult("refresh_surprise", True, "warn", "No ROI was left open by the last accepted fit.")
    worst = table.loc[changes.idxmax()]
    value = float(changes.max())
    message = (
        f"The ROI of {worst['channel']} moved from {worst['roi_before']:.3g} to {worst['roi_now']:.3g}, "
        f"{value:.1f} posterior standard deviations of the last accepted fit (limit {limit:g})."
    )
    if value > limit:
        message += " The last fit was surer than it should have been, or the data changed: look at both."
    return CheckResult(
        "refresh_surprise", value <= limit, "warn", message, value, limit, tuple(finite_rows(table))
    )


def _named(table: pd.DataFrame, diagnosis: str) -> list[str]:
    return [str(name) for name in table.loc[table["diagnosis"] == diagnosis, "channel"]]
