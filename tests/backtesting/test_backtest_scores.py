"""Scores and naive predictions against their definitions."""

import numpy as np
import pytest
from scipy import integrate, stats

from mmm_core.backtesting.naive import no_media_regression, seasonal_naive
from mmm_core.backtesting.scores import crps, scores
from tests.factories import tiny_model_data


def test_crps_is_the_mean_over_pairs_of_draws() -> None:
    rng = np.random.default_rng(1)
    actual, draws = rng.normal(size=4), rng.normal(size=(30, 4))
    pairs = np.abs(draws[:, None] - draws[None]).mean(axis=(0, 1))
    np.testing.assert_allclose(crps(actual, draws), np.abs(draws - actual).mean(axis=0) - pairs / 2)


def test_crps_of_a_normal_is_the_integral_of_squared_differences() -> None:
    quantiles = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)[:, None]

    def squared(x: float) -> float:
        return (stats.norm.cdf(x) - (x >= 0.7)) ** 2

    expected = integrate.quad(squared, -9, 0.7)[0] + integrate.quad(squared, 0.7, 9)[0]
    np.testing.assert_allclose(crps(np.array([0.7]), quantiles)[0], expected, rtol=1e-3)


def test_a_perfect_prediction_has_no_error() -> None:
    actual = np.array([1.0, 2.0, 4.0])
    found = scores(actual, np.repeat(actual[None], 5, axis=0), np.zeros((5, 3)))
    assert found == pytest.approx(
        {
            "wmape": 0.0,
            "mape": 0.0,
            "r2": 1.0,
            "crps": 0.0,
            "log_score": 0.0,
            "coverage_50": 1.0,
            "coverage_90": 1.0,
        }
    )


def test_calibrated_draws_cover_what_they_claim() -> None:
    rng = np.random.default_rng(2)
    found = scores(rng.normal(10, 1, 4000), rng.normal(10, 1, (500, 4000)))
    assert found["coverage_50"] == pytest.approx(0.5, abs=0.03)
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.02)
    assert np.isnan(found["log_score"])


def test_last_years_week_predicts_a_kpi_that_repeats_itself() -> None:
    data = tiny_model_data(n_weeks=120)
    data.kpi[:] = 100 + np.sin(np.arange(120) * 2 * np.pi / 52)[None] * np.arange(1, 4)[:, None]
    train = np.zeros(data.kpi.shape, dtype=bool)
    train[:, :104] = True
    drawn = seasonal_naive(data, train, ~train)
    np.testing.assert_allclose(drawn.mean(axis=0), data.kpi[~train], atol=1e-9)


def test_without_a_year_of_history_the_last_known_week_counts() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=30)
    train = np.zeros(data.kpi.shape, dtype=bool)
    train[:, :20] = True
    drawn = seasonal_naive(data, train, ~train)
    np.testing.assert_allclose(drawn.mean(axis=0), data.kpi[0, 19])


def test_the_regression_finds_what_controls_explain() -> None:
    data = tiny_model_data(n_geos=4, n_weeks=80, n_controls=2)
    made = 3 + np.arange(4)[:, None] + 0.5 * data.control_values[:, :, 0] + 0.01 * np.arange(80)
    data.kpi[:] = made * data.population[:, None]
    train = np.zeros(data.kpi.shape, dtype=bool)
    train[:, :60] = True
    drawn = no_media_regression(data, train, ~train)
    np.testing.assert_allclose(drawn.mean(axis=0), data.kpi[~train], rtol=0.01)
