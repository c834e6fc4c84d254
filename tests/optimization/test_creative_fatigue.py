"""Wear-out of creatives beyond the current plan."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from mmm_core.optimization.fatigue import effective_factors

_FACTORS = np.array([0.0, 0.4, 1.0, 1.3, 2.0, 5.0])


def test_the_current_plan_and_smaller_ones_count_fully() -> None:
    np.testing.assert_array_equal(effective_factors(_FACTORS[:3], 2.0), _FACTORS[:3])


def test_without_wear_everything_counts() -> None:
    np.testing.assert_array_equal(effective_factors(_FACTORS, 0.0), _FACTORS)


@pytest.mark.parametrize("rate", [0.1, 0.7, 10.0])
def test_media_beyond_the_plan_is_the_integral_of_units_that_wear_out(rate: float) -> None:
    def expected(factor: float) -> float:
        return min(factor, 1.0) + float(quad(lambda k: np.exp(-rate * (k - 1)), 1, max(factor, 1.0))[0])

    np.testing.assert_allclose(effective_factors(_FACTORS, rate), [expected(k) for k in _FACTORS], rtol=1e-9)


@given(st.floats(0, 20), st.floats(0, 20), st.floats(0, 10))
def test_order_is_kept_and_nothing_counts_more_than_it_is(one: float, other: float, rate: float) -> None:
    low, high = effective_factors(np.array(sorted([one, other])), rate)
    assert 0 <= low <= high <= max(one, other)
    assert high <= 1 + (1 / rate if rate > 0 else np.inf)


def test_every_channel_may_have_a_rate_of_its_own() -> None:
    found = effective_factors(np.array([[2.0, 2.0], [3.0, 0.5]]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, [[2.0, 2 - np.exp(-1)], [3.0, 0.5]])
