"""Tabulated responses against the forward model."""

import dataclasses

import numpy as np
import pytest

from mmm_core.model.forward import incremental_outcome, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization import response
from mmm_core.optimization.basis import basis_of
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.judging import plan_outcomes
from mmm_core.optimization.response import (
    CellResponse,
    OutcomeModel,
    cell_responses,
    objective_draws,
)
from mmm_core.planning.frame import fit_window
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data


def _posterior(slope: tuple[float, float] | None) -> Posterior:
    posterior = made_up_posterior(tiny_model_data())
    if slope is not None:
        shape = posterior.samples["slope_m"].shape
        posterior.samples["slope_m"][:] = np.random.default_rng(0).uniform(*slope, shape)
    return posterior


def _model(posterior: Posterior) -> OutcomeModel:
    return OutcomeModel(basis_of(fit_window(posterior)))


def _responses(posterior: Posterior, low: float, high: float, by_geo: bool = False) -> list[CellResponse]:
    model = _model(posterior)
    cells = Cells.of(model.basis, by_geo)
    return cell_responses(model, cells, low * cells.spend, high * cells.spend)


@pytest.mark.parametrize("slope", [None, (0.6, 1.0), (2.0, 6.0)])
@pytest.mark.parametrize(("low", "high"), [(0.5, 1.5), (0.0, 1.5), (0.0, 30.0)])
def test_interpolation_is_right_to_a_ten_thousandth(
    slope: tuple[float, float] | None, low: float, high: float
) -> None:
    posterior = _posterior(slope)
    current = posterior.data.spend[:, :, 1].sum()
    curve = _responses(posterior, low, high)[1].mean
    factors = np.concatenate([np.linspace(low, high, 101), low + (high - low) * np.geomspace(1e-5, 1, 40)])
    truth = scaled_channel_outcome(posterior, 1, factors).mean(axis=1).sum(axis=1)
    assert np.abs(curve(factors * current) - truth).max() < 1e-4 * truth.max()
    assert (np.diff(curve(np.linspace(low, high, 2001) * current)) >= 0).all()


@pytest.mark.parametrize("by_geo", [False, True])
def test_every_draw_of_every_cell_is_right(by_geo: bool) -> None:
    posterior = _posterior((0.6, 3.0))
    cells = Cells.of(_model(posterior).basis, by_geo)
    for cell, one in enumerate(_responses(posterior, 0.2, 2.0, by_geo)):
        truth = scaled_channel_outcome(posterior, cell % 2, [1.37])[0]
        truth = truth[:, cell // 2] if by_geo else truth.sum(axis=1)
        np.testing.assert_allclose(one.at(1.37 * float(cells.spend[cell])), truth, rtol=2e-4)
        weights = np.random.default_rng(1).normal(size=posterior.n_draws)
        spend = np.array([1.37 * cells.spend[cell]])
        np.testing.assert_allclose(one.weighted(weights)(spend)[0], weights @ one.at(float(spend[0])), rtol=1e-6)
        step = 1e-4 * spend[0]
        slope = (one.at(float(spend[0] + step)) - one.at(float(spend[0] - step))) / (2 * step)
        np.testing.assert_allclose(one.slope_at(float(spend[0])), slope, rtol=1e-3)


def test_channel_without_spend_has_a_constant_response() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 0] = 0
    posterior = made_up_posterior(dataclasses.replace(data, spend=spend))
    curve = _responses(posterior, 0.5, 1.5)[0].mean
    observed = scaled_channel_outcome(posterior, 0, [1.0]).mean(axis=1).sum()
    np.testing.assert_allclose(curve(np.array([0.0, 0.0])), observed)


def test_draws_are_thinned_evenly_only_when_there_is_too_much_work(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=50)
    assert objective_draws(posterior) == slice(None)
    monkeypatch.setattr(response, "_FEWEST_DRAWS", 30)
    monkeypatch.setattr(response, "_MOST_EVALUATIONS", 0)
    kept = np.arange(100)[objective_draws(posterior)]
    assert kept.tolist() == list(range(0, 100, 4))


def test_plans_that_differ_by_geo_are_judged_as_the_forward_model_does() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=dataclasses.replace(EVERYTHING, n_lead=0)))
    n_paid = len(posterior.data.paid_channels)
    factors = np.random.default_rng(3).uniform(0.5, 1.5, (2, len(posterior.data.geos), n_paid))
    totals, means = plan_outcomes(_model(posterior), factors)
    for plan, total, mean in zip(factors, totals, means, strict=True):
        media = posterior.data.media.copy()
        media[:, :, :n_paid] *= plan[:, None]
        truth = incremental_outcome(posterior, media)[:, :, :n_paid]
        np.testing.assert_allclose(total, truth.sum(axis=(1, 2)), rtol=1e-9)
        np.testing.assert_allclose(mean, truth.mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_plans_by_geo_and_by_channel_are_judged_alike(family: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    posterior = made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)
    model, n_paid = _model(posterior), len(data.paid_channels)
    factors = np.full((2, len(data.geos), n_paid), 1.3)
    factors[1, 0] = 1.0
    totals, means = plan_outcomes(model, factors)
    for channel in range(n_paid):
        truth = scaled_channel_outcome(posterior, channel, [1.3, 1.0])
        np.testing.assert_allclose(means[0, :, channel], truth[0].mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(means[1, 1:, channel], truth[0].mean(axis=0)[1:], rtol=1e-12)
        np.testing.assert_allclose(means[1, 0, channel], truth[1].mean(axis=0)[0], rtol=1e-12)
    np.testing.assert_allclose(totals.mean(axis=1), means.sum(axis=(1, 2)), rtol=1e-12)
