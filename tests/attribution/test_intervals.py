"""Fast quantiles against numpy's."""

import numpy as np
import pytest

from mmm_core.attribution.intervals import cost_interval, interval


@pytest.mark.parametrize("n_draws", [1, 2, 19, 20, 21, 200])
def test_quantiles_equal_numpy(n_draws: int) -> None:
    draws = np.random.default_rng(n_draws).normal(size=(n_draws, 4, 3))
    found = interval(draws)
    q05, q50, q95 = np.quantile(draws, (0.05, 0.5, 0.95), axis=0)
    for one, other in ((found.q05, q05), (found.q50, q50), (found.q95, q95), (found.mean, draws.mean(axis=0))):
        assert one.shape == (4, 3)
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_memory_layout_does_not_matter_and_draws_are_left_alone() -> None:
    draws = np.random.default_rng(0).normal(size=(50, 6))
    before = draws.copy()
    np.testing.assert_array_equal(interval(draws).q05, interval(np.asfortranarray(draws)).q05)
    np.testing.assert_array_equal(draws, before)


def test_missing_draws_stay_missing_for_their_quantity_only() -> None:
    draws = np.random.default_rng(0).normal(size=(50, 2))
    draws[:, 1] = np.nan
    found = interval(draws)
    assert np.isfinite([found.mean[0], found.q05[0], found.q50[0], found.q95[0]]).all()
    assert np.isnan([found.mean[1], found.q05[1], found.q50[1], found.q95[1]]).all()


@pytest.mark.parametrize("n_draws", [1, 20, 21, 200])
def test_cost_is_spend_over_gain(n_draws: int) -> None:
    gained = np.random.default_rng(n_draws).gamma(4.0, 10.0, (n_draws, 3))
    spend = np.array([100.0, 5.0, 0.0])
    found = cost_interval(spend, gained)
    for one, level in ((found.q05, 0.05), (found.q50, 0.5), (found.q95, 0.95)):
        np.testing.assert_allclose(one[:2], np.quantile(spend[:2] / gained[:, :2], level, axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.mean[:2], spend[:2] / gained.mean(axis=0)[:2])
    assert np.isnan([found.mean[2], found.q05[2], found.q50[2], found.q95[2]]).all()


def test_draws_that_lose_are_dearer_than_any_that_gain() -> None:
    gained = np.linspace(-0.299, 0.701, 1001)[:, None]
    found = cost_interval(np.array([1.0]), gained)
    assert found.q05[0] == pytest.approx(1 / np.quantile(gained, 0.95), rel=1e-3)
    assert found.q50[0] == pytest.approx(1 / np.quantile(gained, 0.5), rel=1e-3)
    assert np.isnan(found.q95[0])
    assert found.mean[0] == pytest.approx(1 / gained.mean())


@pytest.mark.parametrize("gained", [0.0, -2.0])
def test_nothing_gained_has_no_cost(gained: float) -> None:
    found = cost_interval(np.array([1.0]), np.full((40, 1), gained))
    assert np.isnan([found.mean[0], found.q05[0], found.q50[0], found.q95[0]]).all()
