"""Fast quantiles against numpy's."""

import numpy as np
import pytest

from mmm_core.attribution.intervals import interval


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
