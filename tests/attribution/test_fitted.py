"""The posterior predictive table."""

import numpy as np
from scipy import stats

from mmm_core.attribution.fitted import fit_table
from mmm_core.model.forward import expected_kpi
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data


def test_actual_and_mean_are_the_data_and_the_expected_kpi() -> None:
    posterior = made_up_posterior(tiny_model_data())
    table = fit_table(posterior)
    assert list(table) == ["geo", "date", "actual", "predicted_mean", "q05", "q95"]
    np.testing.assert_array_equal(table["actual"], posterior.data.kpi.ravel())
    np.testing.assert_allclose(table["predicted_mean"], expected_kpi(posterior).mean(axis=0).ravel())
    assert table["geo"].tolist() == np.repeat(posterior.data.geos, 30).tolist()


def test_same_posterior_gives_the_same_table() -> None:
    posterior = made_up_posterior(tiny_model_data())
    assert fit_table(posterior).equals(fit_table(posterior))


def test_interval_is_that_of_the_noise_where_the_mean_is_certain() -> None:
    posterior = made_up_posterior(tiny_model_data(n_geos=2), n_chains=2, n_draws=2000)
    first = posterior.samples.isel(chain=[0], draw=[0])
    for name, values in posterior.samples.items():
        values[:] = first[name].values
    table = fit_table(posterior)
    unit = posterior.scaling.kpi_sd * posterior.scaling.population
    half = stats.norm.ppf(0.95) * np.repeat(posterior.stacked("sigma")[0] * unit, 30)
    assert np.abs((table["q95"] - table["predicted_mean"]) / half - 1).max() < 0.12
    assert np.abs((table["predicted_mean"] - table["q05"]) / half - 1).max() < 0.12


def test_unknown_weeks_are_predicted_and_absent_weeks_left_out() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    table = fit_table(made_up_posterior(data))
    assert len(table) == data.present.sum()
    assert table["actual"].isna().sum() == (data.present & ~data.observed).sum() == EVERYTHING.n_missing
    assert table.drop(columns="actual").notna().all().all()


def test_interval_of_the_robust_family_is_student_t_on_the_log_scale() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=8, n_controls=0)
    posterior = made_up_posterior(data, n_chains=2, n_draws=4000, spec=robust(data))
    first = posterior.samples.isel(chain=[0], draw=[0])
    for name, values in posterior.samples.items():
        values[:] = first[name].values
    table = fit_table(posterior)
    sigma, nu = posterior.stacked("sigma")[0, 0], posterior.stacked("nu")[0]
    half = stats.t.ppf(0.95, nu) * sigma
    centre = np.log1p(table["predicted_mean"])
    assert np.abs((np.log1p(table["q95"]) - centre) / half - 1).max() < 0.12
    assert np.abs((centre - np.log1p(table["q05"])) / half - 1).max() < 0.12


def test_the_heaviest_tails_stay_finite() -> None:
    data = tiny_model_data()
    posterior = made_up_posterior(data, spec=robust(data))
    posterior.samples["nu"][:] = 0.05
    assert np.isfinite(fit_table(posterior).drop(columns=["geo", "date"])).all().all()
