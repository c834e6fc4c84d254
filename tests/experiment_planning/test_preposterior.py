"""Expected uncertainty after a test: exact where all is normal, and equal to a refit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.experiment_planning.preposterior import (
    importance_weights,
    linear_weights,
    normal_sd,
    simulated_results,
    uncertainty_after,
)


def normal_draws(n: int = 4000, seed: int = 1) -> np.ndarray:
    """(n, 3) correlated draws."""
    covariance = np.array([[1.0, 0.6, -0.3], [0.6, 2.0, 0.1], [-0.3, 0.1, 0.5]])
    return np.random.default_rng(seed).multivariate_normal([2.0, 1.0, 3.0], covariance, n)


@pytest.mark.parametrize("se", [0.4, 1.0, 5.0])
def test_reweighting_agrees_with_the_conjugate_normal(se: float) -> None:
    draws = normal_draws()
    effect = 3 * draws[:, 0]
    prior = 9.0
    exact = np.array([1 - prior / (prior + se**2), 0, 0])
    covariance = np.array([1.0, 0.6, -0.3])
    variances = np.array([1.0, 2.0, 0.5])
    exact = np.sqrt(variances - (3 * covariance) ** 2 / (prior + se**2))
    found = uncertainty_after(draws, effect, se, seed=3)
    assert found.reliable
    np.testing.assert_allclose(found.normal, exact, rtol=0.05)
    np.testing.assert_allclose(found.after, exact, rtol=0.05)


def test_it_is_what_refits_with_the_result_give() -> None:
    """A linear regression with known noise: its draws, reweighted, against the regression with one row more."""
    rng = np.random.default_rng(5)
    design, cells = rng.normal(size=(40, 3)), np.array([1.5, 0.0, 0.5])
    precision = design.T @ design + np.eye(3)
    draws = rng.multivariate_normal([1.0, 2.0, 0.5], np.linalg.inv(precision), 4000)
    se = 0.1
    refitted = np.sqrt(np.diag(np.linalg.inv(precision + np.outer(cells, cells) / se**2)))
    found = uncertainty_after(draws, draws @ cells, se, seed=1)
    np.testing.assert_allclose(found.after, refitted, rtol=0.05)
    np.testing.assert_allclose(found.now, np.sqrt(np.diag(np.linalg.inv(precision))), rtol=0.05)


def test_means_after_a_result_are_those_of_a_refit() -> None:
    draws = normal_draws(20_000)
    effect, se, results = draws[:, 0], 0.7, np.array([0.5, 2.0, 3.5])
    exact = 1.0 + 0.6 * (results - 2.0) / (1 + se**2)
    for weights in (importance_weights(results, effect, se), linear_weights(results, effect, se)):
        np.testing.assert_allclose(weights.sum(axis=1), 1.0)
        np.testing.assert_allclose(weights @ draws[:, 1], exact, atol=0.06)


def test_a_test_that_is_far_too_precise_for_the_draws_takes_the_formula() -> None:
    draws = normal_draws(500)
    found = uncertainty_after(draws, draws[:, 0], 0.001, seed=1)
    assert not found.reliable
    np.testing.assert_array_equal(found.after, found.normal)
    assert found.after[0] < 0.01


def test_simulated_results_have_the_predicted_distribution() -> None:
    effect = normal_draws()[:, 0]
    results = simulated_results(effect, 2.0, 200, seed=1)
    assert results.mean() == pytest.approx(2.0, abs=0.1)
    assert results.std() == pytest.approx(np.sqrt(1 + 4), rel=0.05)


@settings(max_examples=25, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_a_test_never_adds_doubt_by_the_formula(se: float, seed: int) -> None:
    draws = np.random.default_rng(seed).gamma(2.0, 1.0, (50, 3))
    after = normal_sd(draws, draws @ [1.0, 0.5, 0.0], se)
    assert (after <= draws.std(axis=0, ddof=1) + 1e-12).all()


def test_a_test_that_says_nothing_changes_nothing() -> None:
    draws = normal_draws(1000)
    found = uncertainty_after(draws, draws[:, 0], 1e6, seed=1)
    np.testing.assert_allclose(found.after, found.now, rtol=1e-3)
    assert found.effective_draws == pytest.approx(1000, rel=1e-3)
