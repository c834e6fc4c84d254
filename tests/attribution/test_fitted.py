"""The posterior predictive table."""

import numpy as np
from scipy import stats

from mmm_core.attribution.fitted import fit_table
from mmm_core.model.forward import expected_kpi
from tests.factories import made_up_posterior, tiny_model_data


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
