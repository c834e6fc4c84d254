"""How well a posterior describes the weeks it was fitted to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.config.outputs import EvaluationConfig
from mmm_core.quality.check import CheckResult

FIT_CHECKS: Mapping[str, str] = {
    "mape": "Weighted mean absolute percentage error of the fitted KPI",
    "coverage": "Share of weeks inside the 90 % posterior predictive interval",
    "residual_autocorrelation": "Whether residuals of neighbouring weeks are alike",
}
"""Check name -> what it looks at, in the order of the results."""
_MIN_DURBIN_WATSON = 1.0
"""Below it the correlation of neighbouring residuals is above about 0.5."""
_WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True)
class FitMetrics:
    """In-sample fit over all geo-weeks; missing (nan) where it is not defined."""

    r2: float
    """Share of the KPI's variance over geos and weeks that the posterior mean explains."""
    mape: float
    """Mean absolute percentage error over geo-weeks with a KPI above 0, as a fraction."""
    wmape: float
    """Sum of absolute errors / sum of the KPI, as a fraction."""
    coverage_90: float
    """Share of geo-weeks inside the 90 % posterior predictive interval."""
    durbin_watson: float
    """Squared differences of neighbouring residuals / squared residuals, each geo relative to its own
    mean KPI: 2 without autocorrelation, 0 with perfect autocorrelation, 4 with alternating signs.  Only
    neighbouring weeks are compared; where some are missing, differences count for more in proportion."""


def fit_metrics(fit_table: pd.DataFrame) -> FitMetrics:
    """Metrics of `attribution.fitted.fit_table`.

    Args:
        fit_table: geo, date, actual, predicted_mean, q05, q95; one row per geo and week.  Weeks without
            an actual value do not count.
    """
    fit_table = fit_table.dropna(subset=["actual"])
    actual = fit_table["actual"].to_numpy(dtype=np.float64)
    error = actual - fit_table["predicted_mean"].to_numpy(dtype=np.float64)
    inside = fit_table["actual"].between(fit_table["q05"], fit_table["q95"])
    positive = actual > 0
    return FitMetrics(
        r2=1.0 - _ratio(np.sum(error**2), np.sum((actual - actual.mean()) ** 2)),
        mape=_ratio(np.sum(np.abs(error[positive]) / actual[positive]), int(np.count_nonzero(positive))),
        wmape=_ratio(np.sum(np.abs(error)), np.sum(actual)),
        coverage_90=float(inside.mean()),
        durbin_watson=_durbin_watson(fit_table),
    )


def check_fit(metrics: FitMetrics, settings: EvaluationConfig) -> list[CheckResult]:
    """All checks of `FIT_CHECKS`, in that order; they inform and block nothing."""
    limits = settings.metrics
    return [
        _check(
            "mape",
            metrics.wmape <= limits.mape_threshold,
            f"The fitted KPI is off by {metrics.wmape:.1%} (weighted mean), limit {limits.mape_threshold:.1%}.",
            "Add controls that explain the KPI, raise model.knots or features.seasonality.annual_fourier_order.",
            metrics.wmape,
            limits.mape_threshold,
        ),
        _check(
            "coverage",
            metrics.coverage_90 >= limits.coverage_threshold,
            f"{metrics.coverage_90:.1%} of the weeks are inside the 90 % interval, at least "
            f"{limits.coverage_threshold:.1%} should be.",
            "The noise differs too much: set model.unique_sigma_for_each_geo, or look for outliers in the KPI.",
            metrics.coverage_90,
            limits.coverage_threshold,
        ),
        _check(
            "residual_autocorrelation",
            metrics.durbin_watson >= _MIN_DURBIN_WATSON,
            f"Durbin-Watson statistic of the residuals is {metrics.durbin_watson:.2f} (2: no autocorrelation; at "
            f"least {_MIN_DURBIN_WATSON:g} expected).",
            "A trend or season is not in the model, so intervals are too narrow: raise model.knots or "
            "features.seasonality.annual_fourier_order.",
            metrics.durbin_watson,
            _MIN_DURBIN_WATSON,
        ),
    ]


def _check(name: str, passed: bool, found: str, remedy: str, value: float, limit: float) -> CheckResult:
    return CheckResult(name, bool(passed), "warn", found if passed else f"{found} {remedy}", value, limit)


def _durbin_watson(fit_table: pd.DataFrame) -> float:
    changes = squares = 0.0
    n_pairs = n_possible = 0
    for _, geo in fit_table.sort_values("date").groupby("geo", sort=False):
        size = geo["actual"].mean()
        if size > 0:
            residual = ((geo["actual"] - geo["predicted_mean"]) / size).to_numpy()
            neighbours = np.diff(geo["date"].to_numpy(dtype="datetime64[D]")) == _WEEK
            changes += float(np.sum(np.diff(residual)[neighbours] ** 2))
            squares += float(np.sum(residual**2))
            n_pairs += int(neighbours.sum())
            n_possible += len(neighbours)
    return _ratio(changes * n_possible, squares * n_pairs)


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else float("nan")
