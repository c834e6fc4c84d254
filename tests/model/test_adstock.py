"""Carry-over against loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.model.adstock import adstock_weights, carried_over, carried_value, lag_windows
from tests.model.forward_oracle import carry_over, decay_weights


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1),
    st.integers(0, 12),
    st.sampled_from(["geometric", "binomial", "delayed", "weibull"]),
    st.floats(0.05, 12),
)
def test_adstock_weights_equal_loops_and_sum_to_one(alpha: float, max_lag: int, kind: str, theta: float) -> None:
    weights = adstock_weights(alpha, kind, max_lag, theta)
    np.testing.assert_allclose(weights, decay_weights(alpha, kind, max_lag + 1, theta), rtol=1e-10, atol=1e-300)
    assert weights.sum() == pytest.approx(1)
    if kind != "delayed":
        assert np.all(np.diff(weights) <= 1e-15)


def test_weibull_of_shape_1_is_geometric_and_delayed_peaks_at_theta() -> None:
    alpha = np.linspace(0, 1, 11)
    np.testing.assert_allclose(
        adstock_weights(alpha, "weibull", 8, np.ones(11)), adstock_weights(alpha, "geometric", 8)
    )
    assert adstock_weights(0.7, "delayed", 8, 3.2).argmax() == 3


def test_adstock_weights_keep_leading_dimensions() -> None:
    alpha = np.random.default_rng(0).uniform(size=(4, 3))
    weights = adstock_weights(alpha, "binomial", 5)
    assert weights.shape == (4, 3, 6)
    np.testing.assert_allclose(weights[2, 1], decay_weights(alpha[2, 1], "binomial", 6))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(0, 12), st.integers(1, 8), st.integers(0, 999))
def test_all_ways_to_carry_over_agree_with_loops(n_weeks: int, n_lead: int, n_lags: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, series = rng.random((n_lags, 3)), rng.random(n_lead + n_weeks)
    expected = [
        [carry_over(list(series), n_lead + t, list(weights[::-1, s])) for s in range(3)] for t in range(n_weeks)
    ]
    np.testing.assert_allclose(lag_windows(series, n_lags, n_weeks) @ weights, expected, rtol=1e-12)
    same = np.repeat(series[:, None], 3, axis=1)
    np.testing.assert_allclose(carried_over(same, weights, n_weeks), expected, rtol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(0, 12), st.integers(1, 8), st.integers(0, 999))
def test_value_carried_back_is_the_adjoint(n_weeks: int, n_lead: int, n_lags: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, weekly = rng.random((n_lags, 3)), rng.random((n_lead + n_weeks, 3))
    carried = carried_over(weekly, weights, n_weeks)
    for value in (rng.random(n_weeks), rng.random((n_weeks, 3))):
        back = carried_value(value, weights, n_lead)
        by_draw = value if value.ndim == 2 else value[:, None]
        np.testing.assert_allclose((back * weekly).sum(axis=0), (by_draw * carried).sum(axis=0), rtol=1e-10)
