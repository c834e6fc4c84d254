"""Fit metrics against their definitions, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.outputs import EvaluationConfig
from mmm_core.evaluation.fit import FIT_CHECKS, FitMetrics, check_fit, fit_metrics


def table(actual: list[float], predicted: list[float], half_width: float = 1.0, n_geos: int = 1) -> pd.DataFrame:
    weeks = len(actual) // n_geos
    return pd.DataFrame(
        {
            "geo": np.repeat([f"Geo{g}" for g in range(n_geos)], weeks),
            "date": np.tile(pd.date_range("2024-01-01", periods=weeks, freq="7D"), n_geos),
            "actual": actual,
            "predicted_mean": predicted,
            "q05": np.array(predicted) - half_width,
            "q95": np.array(predicted) + half_width,
        }
    )


def test_metrics_by_hand() -> None:
    metrics = fit_metrics(table([10.0, 20.0, 0.0, 10.0], [11.0, 18.0, 0.0, 10.0]))
    assert metrics.r2 == pytest.approx(1 - 5 / 200)
    assert metrics.mape == pytest.approx((0.1 + 0.1 + 0.0) / 3)
    assert metrics.wmape == pytest.approx(3 / 40)
    assert metrics.coverage_90 == pytest.approx(3 / 4)
    assert metrics.durbin_watson == pytest.approx((9 + 4 + 0) / 5)


def test_durbin_watson_does_not_reach_over_geos_or_depend_on_row_order() -> None:
    metrics = fit_metrics(table([11.0, 11.0, 9.0, 9.0], [10.0, 10.0, 10.0, 10.0], n_geos=2))
    assert metrics.durbin_watson == 0
    rows = table([11.0, 9.0, 11.0, 9.0, 11.0, 9.0], [10.0] * 6)
    assert fit_metrics(rows.sample(frac=1, random_state=1)).durbin_watson == fit_metrics(rows).durbin_watson


def test_perfect_fit() -> None:
    metrics = fit_metrics(table([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]))
    assert (metrics.r2, metrics.mape, metrics.wmape, metrics.coverage_90) == (1, 0, 0, 1)
    assert np.isnan(metrics.durbin_watson)


def test_good_metrics_pass_in_the_declared_order() -> None:
    results = check_fit(FitMetrics(0.9, 0.1, 0.1, 0.9, 1.9), EvaluationConfig())
    assert [result.name for result in results] == list(FIT_CHECKS)
    assert all(result.passed for result in results)


@pytest.mark.parametrize(
    ("metrics", "name", "remedy"),
    [
        (FitMetrics(0.9, 0.1, 0.2, 0.9, 1.9), "mape", "model.knots"),
        (FitMetrics(0.9, 0.1, 0.1, 0.7, 1.9), "coverage", "unique_sigma_for_each_geo"),
        (FitMetrics(0.9, 0.1, 0.1, 0.9, 0.4), "residual_autocorrelation", "annual_fourier_order"),
        (FitMetrics(0.9, float("nan"), float("nan"), 0.9, 1.9), "mape", "model.knots"),
    ],
)
def test_bad_metrics_warn_with_a_remedy(metrics: FitMetrics, name: str, remedy: str) -> None:
    failing = [result for result in check_fit(metrics, EvaluationConfig()) if not result.passed]
    assert [result.name for result in failing] == [name]
    assert remedy in failing[0].message
    assert not failing[0].blocks


def test_weeks_without_a_known_kpi_do_not_count() -> None:
    rows = table([10.0, 20.0, 0.0, 10.0], [11.0, 18.0, 0.0, 10.0])
    more = pd.concat([rows, rows.tail(1).assign(date=pd.Timestamp("2024-01-29"), actual=np.nan)])
    assert fit_metrics(more) == fit_metrics(rows)


def test_durbin_watson_does_not_reach_over_a_gap() -> None:
    rows = table([11.0, 9.0, np.nan, 13.0, 7.0], [10.0] * 5)
    pairs = 2**2 + 6**2
    assert fit_metrics(rows).durbin_watson == pytest.approx(pairs * 3 / 2 / (1 + 1 + 9 + 9))
