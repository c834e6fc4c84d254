"""Predictive densities against scipy, on the scale of the KPI."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmm_core.errors import InputError
from mmm_core.evaluation.predictive import log_predictive_density, on_panel
from mmm_core.features.model_data import ModelData
from mmm_core.model.forward import expected_kpi, linear_predictor
from mmm_core.model.posterior import Posterior
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data


def _posterior(family: str) -> Posterior:
    data = tiny_model_data(extras=EVERYTHING)
    return made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)


def _longer(data: ModelData, extra: int = 4) -> ModelData:
    def grown(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[:, -extra:]], axis=1)

    names = ("kpi", "revenue_per_kpi", "media", "spend", "control_values", "present", "frequency")
    dates = data.dates[0] + 7 * np.arange(len(data.dates) + extra)
    changed: dict[str, Any] = {name: grown(getattr(data, name)) for name in names}
    return dataclasses.replace(data, dates=dates, **changed)


def test_gaussian_density_is_normal_around_expected_kpi() -> None:
    posterior = _posterior("gaussian")
    found = np.stack(list(log_predictive_density(posterior)), axis=1)
    sd = posterior.stacked("sigma") * posterior.scaling.kpi_sd * posterior.scaling.population
    expected = stats.norm.logpdf(posterior.data.kpi, expected_kpi(posterior), sd[:, :, None])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_robust_density_is_student_t_of_the_log_times_its_derivative() -> None:
    posterior = _posterior("robust_log")
    found = np.stack(list(log_predictive_density(posterior)), axis=1)
    mu = np.stack(list(linear_predictor(posterior)), axis=1) + posterior.scaling.kpi_mean
    nu, sigma = posterior.stacked("nu")[:, None, None], posterior.stacked("sigma")[:, :, None]
    kpi = posterior.data.kpi
    expected = stats.t.logpdf(np.log(kpi + 1), nu, mu, sigma) - np.log(kpi + 1)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_density_integrates_to_one_over_the_kpi(family: str) -> None:
    data = tiny_model_data(n_geos=1, n_weeks=6, n_controls=0)
    posterior = made_up_posterior(
        data, n_chains=1, n_draws=1, spec=robust(data) if family == "robust_log" else None
    )
    centre = float(expected_kpi(posterior)[0, 0, 2])
    if family == "robust_log":
        posterior.samples["nu"][:] = 15.0
        grid = np.expm1(np.linspace(np.log(centre) - 8, np.log(centre) + 8, 4001))
    else:
        sd = float(posterior.stacked("sigma")[0, 0] * posterior.scaling.kpi_sd * data.population[0])
        grid = np.linspace(centre - 9 * sd, centre + 9 * sd, 4001)
    density = []
    for value in grid:
        kpi = data.kpi.copy()
        kpi[0, 2] = value
        changed = dataclasses.replace(data, kpi=kpi)
        density.append(float(np.exp(next(log_predictive_density(posterior, changed))[0, 2])))
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_weeks_without_a_known_kpi_have_no_density(family: str) -> None:
    posterior = _posterior(family)
    found = np.stack(list(log_predictive_density(posterior)), axis=1)
    known = posterior.data.observed & posterior.data.present
    assert np.isfinite(found[:, known]).all()
    assert np.isnan(found[:, ~known]).all()


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_weeks_after_the_fit_are_predicted_and_the_fitted_ones_stay(family: str) -> None:
    posterior = _posterior(family)
    longer = _longer(posterior.data)
    found = np.stack(list(log_predictive_density(posterior, longer)), axis=1)
    assert found.shape == (posterior.n_draws, *longer.kpi.shape)
    fitted = np.stack(list(log_predictive_density(posterior)), axis=1)
    np.testing.assert_allclose(found[:, :, : fitted.shape[2]], fitted, rtol=1e-9)


def test_a_panel_that_the_fit_knows_nothing_of_is_refused() -> None:
    posterior = _posterior("gaussian")
    data = posterior.data
    with pytest.raises(InputError, match="geos"):
        on_panel(posterior, dataclasses.replace(data, geos=("A", "B", "C")))
    with pytest.raises(InputError, match="first week"):
        on_panel(posterior, dataclasses.replace(data, dates=data.dates + 7))
