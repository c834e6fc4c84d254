"""Leave-one-out of a normal mean, which is known exactly, and log densities in the right place."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.config.stability import StabilityConfig
from mmm_core.errors import InputError
from mmm_core.model.noise import log_densities
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.stability.checks import check_leave_one_out
from mmm_core.stability.leave_one_out import compare_fits, inference_data, leave_one_out, thinned
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

PRIOR_SD, NOISE = 5.0, 0.8
"""Of the only knot, and of the weeks, on the model's scale."""


def normal_mean(n_draws: int = 500, shift: float = 0.0) -> Posterior:
    """Exact draws of a mean of 40 weeks with known noise: one knot, no controls, media without effect."""
    data = tiny_model_data(n_geos=1, n_weeks=40, n_channels=1, n_controls=0)
    rng = np.random.default_rng(2)
    data = dataclasses.replace(data, kpi=data.population[:, None] * (5 + rng.normal(size=(1, 40))))
    spec = dataclasses.replace(build_spec(Config(), data), knots=(0,))
    fit = made_up_posterior(data, n_chains=2, n_draws=n_draws, spec=spec)
    y = fit.scaling.scale_kpi(data.kpi)[0]
    mean, sd = exact(y)
    samples = fit.samples.copy(deep=True)
    for name in ("beta_gm", "tau_g"):
        samples[name].values[:] = 0
    samples["sigma"].values[:] = NOISE
    draws = stats.norm.ppf((np.arange(2 * n_draws) + 0.5) / (2 * n_draws))
    samples["knot_values"].values[:] = (
        mean + shift + sd * rng.permutation(draws).reshape(samples["knot_values"].shape)
    )
    return dataclasses.replace(fit, samples=samples)


def exact(y: np.ndarray) -> tuple[float, float]:
    """Posterior mean and sd of the mean."""
    precision = 1 / PRIOR_SD**2 + len(y) / NOISE**2
    return y.sum() / NOISE**2 / precision, precision**-0.5


def test_leave_one_out_of_a_normal_mean_is_the_exact_one() -> None:
    fit = normal_mean()
    y = fit.scaling.scale_kpi(fit.data.kpi)[0]
    unit = fit.scaling.kpi_sd * fit.data.population[0]
    expected = []
    for t in range(len(y)):
        mean, sd = exact(np.delete(y, t))
        expected.append(stats.norm.logpdf(y[t], mean, np.hypot(sd, NOISE)) - np.log(unit))
    found = leave_one_out(fit)
    np.testing.assert_allclose(found.cells["elpd"], expected, atol=5e-3)
    assert found.elpd == pytest.approx(sum(expected), abs=0.02)
    assert found.waic == pytest.approx(sum(expected), abs=0.02)
    assert found.effective_parameters == pytest.approx(1.0, abs=0.6)
    assert found.unreliable_share == 0
    assert check_leave_one_out(found, StabilityConfig()).passed


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_every_known_week_has_its_density_and_no_other(family: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    fit = made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)
    found = inference_data(fit).log_likelihood["kpi"]
    known = data.observed & data.present
    assert found.dims == ("chain", "draw", "observation")
    assert found.sizes["observation"] == known.sum()
    densities = list(log_densities(fit))
    g, t = np.argwhere(known)[7]
    assert found["geo"].values[7] == data.geos[g]
    assert found["date"].values[7] == data.dates[t]
    np.testing.assert_array_equal(found.values[1, 3, 7], densities[g][fit.samples.sizes["draw"] + 3, t])
    assert np.isfinite(found.values).all()


def test_draws_are_thinned_evenly_to_what_memory_allows() -> None:
    fit = made_up_posterior(tiny_model_data(), n_chains=2, n_draws=50)
    few = thinned(fit, 30)
    assert few.n_draws == 26
    np.testing.assert_array_equal(few.samples["sigma"].values, fit.samples["sigma"].values[:, ::4])
    assert thinned(fit) is fit
    assert leave_one_out(fit, 30).draws == 26


def test_the_model_that_predicts_better_comes_first() -> None:
    good = normal_mean()
    table = compare_fits({"off": normal_mean(shift=0.7), "good": good})
    assert table["name"].tolist() == ["good", "off"]
    assert table["difference"].iloc[0] == 0
    pointwise = {
        name: leave_one_out(fit).cells["elpd"] for name, fit in (("good", good), ("off", normal_mean(shift=0.7)))
    }
    gap = pointwise["off"] - pointwise["good"]
    assert table["difference"].iloc[1] == pytest.approx(gap.sum())
    assert table["difference_se"].iloc[1] == pytest.approx(np.sqrt(len(gap) * np.var(gap)))
    assert table["weight"].sum() == pytest.approx(1.0)
    assert table["weight"].iloc[0] > 0.7


def test_fits_to_other_data_are_not_compared() -> None:
    one = made_up_posterior(tiny_model_data())
    other = made_up_posterior(tiny_model_data(seed=8))
    with pytest.raises(InputError, match="Fits a and b are not of the same geos, weeks and KPI"):
        compare_fits({"a": one, "b": other})
    with pytest.raises(InputError, match="at least two fits, 1 given"):
        compare_fits({"a": one})


def test_weeks_that_decide_the_fit_are_named() -> None:
    found = leave_one_out(normal_mean())
    cells = found.cells.assign(pareto_k=[0.9] * 10 + [0.1] * 30)
    result = check_leave_one_out(dataclasses.replace(found, cells=cells), StabilityConfig())
    assert not result.passed
    assert result.value == pytest.approx(0.25)
    assert len(result.table) == 10
