"""Interpolated response curves against the forward model."""

import dataclasses

import numpy as np
import pytest

from mmm_core.model.forward import scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization import objectives
from mmm_core.optimization.objectives import objective_draws, response_curve
from tests.factories import made_up_posterior, tiny_model_data


def _posterior(slope: tuple[float, float] | None) -> Posterior:
    posterior = made_up_posterior(tiny_model_data())
    if slope is not None:
        shape = posterior.samples["slope_m"].shape
        posterior.samples["slope_m"][:] = np.random.default_rng(0).uniform(*slope, shape)
    return posterior


@pytest.mark.parametrize("slope", [None, (0.6, 1.0), (2.0, 6.0)])
@pytest.mark.parametrize(("low", "high"), [(0.5, 1.5), (0.0, 1.5), (0.0, 30.0)])
def test_interpolation_is_right_to_a_ten_thousandth(
    slope: tuple[float, float] | None, low: float, high: float
) -> None:
    posterior = _posterior(slope)
    current = posterior.data.spend[:, :, 1].sum()
    curve = response_curve(posterior, 1, low * current, high * current)
    factors = np.concatenate([np.linspace(low, high, 101), low + (high - low) * np.geomspace(1e-5, 1, 40)])
    truth = scaled_channel_outcome(posterior, 1, factors).mean(axis=1).sum(axis=1)
    assert np.abs(curve(factors * current) - truth).max() < 1e-4 * truth.max()
    assert (np.diff(curve(np.linspace(low, high, 2001) * current)) >= 0).all()


def test_channel_without_spend_has_a_constant_response() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 0] = 0
    posterior = made_up_posterior(dataclasses.replace(data, spend=spend))
    curve = response_curve(posterior, 0, 0.0, 0.0)
    observed = scaled_channel_outcome(posterior, 0, [1.0]).mean(axis=1).sum()
    np.testing.assert_allclose(curve(np.array([0.0, 0.0])), observed)


def test_draws_are_thinned_evenly_only_when_there_is_too_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=50)
    assert objective_draws(posterior) == slice(None)
    monkeypatch.setattr(objectives, "_FEWEST_DRAWS", 30)
    monkeypatch.setattr(objectives, "_MOST_EVALUATIONS", 0)
    kept = np.arange(100)[objective_draws(posterior)]
    assert kept.tolist() == list(range(0, 100, 4))
