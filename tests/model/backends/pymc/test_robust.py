"""The robust family against SciPy and plain loops."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.robust import RobustLikelihood, robust_likelihood
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling, fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import EVERYTHING, Extras, tiny_model_data
from tests.model.backends.pymc.dense import transformed_media

jax = pytest.importorskip("jax")


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    jax.config.update("jax_enable_x64", True)


def case(
    n_geos: int, n_controls: int = 1, extras: Extras | None = None, **changes: object
) -> tuple[ModelData, ModelSpec, Scaling]:
    data = tiny_model_data(n_geos, 25, 2, n_controls, extras=extras or Extras())
    data = dataclasses.replace(data, kpi=data.kpi / 1e5)
    spec = dataclasses.replace(
        build_spec(Config(), data),
        family="robust_log",
        knots=(0, 9, 24),
        knot_values=Prior("normal", (0.1, 2.0)),
        tau=Prior("normal", (0.0, 2.0)),
        gamma=Prior("normal", (0.0, 0.5)),
        **changes,
    )
    return data, spec, fit_scaling(data, spec.media_scaling, "robust_log")


CASES = {
    "geos": case(3),
    "national": case(1),
    "no controls": case(2, 0),
    "every kind of channel, gaps": case(
        3,
        1,
        EVERYTHING,
        adstock=("geometric", "delayed", "weibull", "binomial"),
        saturation=("hill", "logistic", "michaelis_menten", "none"),
        unique_sigma_for_each_geo=True,
    ),
}


def draw(likelihood: RobustLikelihood, data: ModelData, seed: int) -> tuple[np.ndarray, ...]:
    """alpha, ec, slope, theta, sigma_beta, relative beta, x, sigma, nu."""
    rng = np.random.default_rng(seed)
    n = len(data.channels)
    return (
        rng.uniform(0.1, 0.9, n),
        rng.uniform(0.3, 2.0, n),
        np.ones(n),
        rng.uniform(0.4, 2.5, n),
        np.array(rng.uniform(0.1, 0.8)),
        rng.uniform(0.1, 2.0, n),
        rng.normal(size=likelihood.linear.n_coefficients),
        rng.uniform(0.1, 0.5, len(data.geos)),
        np.array(rng.uniform(0.8, 9.0)),
    )


def mean_parts(
    data: ModelData,
    spec: ModelSpec,
    scaling: Scaling,
    drawn: dict[str, FloatArray],
    coordinates: tuple[np.ndarray, ...],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(G, T) baseline, (G, T, M) media terms and (G, T, K) control terms of mu, from canonical parameters."""
    weeks = np.arange(len(data.dates))
    trend = sum(
        value * np.interp(weeks, spec.knots, unit)
        for value, unit in zip(drawn["knot_values"], np.eye(len(spec.knots)), strict=True)
    )
    curves = transformed_media(data, spec, scaling, coordinates)
    media = drawn["beta_gm"][:, None, :] * curves
    scaled = scaling.scale_controls(data.control_values)
    treatments = np.array([role == "non_media_treatment" for role in data.control_roles], dtype=bool)
    reference = np.where(treatments, scaled[data.present].min(axis=0), 0.0)
    controls = drawn["gamma_gc"][:, None, :] * (scaled - reference)
    return drawn["tau_g"][:, None] + trend + drawn["gamma_c"] @ reference, media, controls


def completed(likelihood: RobustLikelihood, coordinates: tuple[np.ndarray, ...]) -> dict[str, FloatArray]:
    drawn = likelihood.complete(jax.random.PRNGKey(0), coordinates)
    return {name: np.asarray(value) for name, value in drawn.items()}


@pytest.mark.parametrize("name", CASES)
def test_log_density_equals_scipy(name: str) -> None:
    data, spec, scaling = CASES[name]
    likelihood = robust_likelihood(data, spec, scaling)
    for seed in range(2):
        coordinates = draw(likelihood, data, seed)
        drawn = completed(likelihood, coordinates)
        base, media, controls = mean_parts(data, spec, scaling, drawn, coordinates)
        mu = base + media.sum(axis=2) + controls.sum(axis=2)
        y = np.log(data.kpi + 1) - np.nanmean(np.log(data.kpi + 1))
        logs = stats.t(float(drawn["nu"]), mu, drawn["sigma"][:, None]).logpdf(y)
        expected = np.nansum(logs)
        assert float(likelihood.log_likelihood(likelihood.from_coordinates(coordinates))) == pytest.approx(
            expected, rel=1e-9
        )
        coefficients = np.concatenate(
            [np.delete(drawn["tau_g"], np.argmax(data.population)), drawn["knot_values"], drawn["gamma_c"]]
        )
        prior = stats.norm(likelihood.linear.prior_mean, likelihood.linear.prior_sd).logpdf(coefficients).sum()
        volume = np.linalg.slogdet(likelihood.linear.root)[1]
        assert float(likelihood.log_density(coordinates)) == pytest.approx(expected + prior + volume, rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(name: str) -> None:
    from jax.flatten_util import ravel_pytree

    data, spec, scaling = CASES[name]
    likelihood = robust_likelihood(data, spec, scaling)
    flat, unflatten = ravel_pytree(draw(likelihood, data, 5))
    compiled = jax.jit(lambda vector: likelihood.log_density(unflatten(vector)))
    gradient = np.asarray(jax.grad(compiled)(flat))
    point, step = np.asarray(flat), 1e-6
    for i in range(len(point)):
        shift = step * np.eye(1, len(point), i)[0]
        slope = (float(compiled(point + shift)) - float(compiled(point - shift))) / (2 * step)
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_roi_counts_contributions_that_add_up_to_the_lift_of_the_median(name: str) -> None:
    data, spec, scaling = CASES[name]
    likelihood = robust_likelihood(data, spec, scaling)
    coordinates = draw(likelihood, data, 2)
    drawn = completed(likelihood, coordinates)
    base, media, controls = mean_parts(data, spec, scaling, drawn, coordinates)
    high = np.exp(base + media.sum(axis=2) + controls.sum(axis=2) + scaling.kpi_mean)
    low = np.exp(base + scaling.kpi_mean)
    logarithmic_mean = np.where(high == low, high, (high - low) / (np.log(high) - np.log(low)))
    contributions = logarithmic_mean[:, :, None] * np.concatenate([media, controls], axis=2)
    np.testing.assert_allclose(contributions.sum(axis=2), high - low, rtol=1e-9, atol=1e-9)
    paid = len(data.paid_channels)
    outcome = (contributions[:, :, :paid] * data.outcome_per_kpi[:, :, None]).sum(axis=(0, 1))
    np.testing.assert_allclose(drawn["roi_m"], outcome / data.spend.sum(axis=(0, 1))[:paid], rtol=1e-9)


def test_completion_gives_every_parameter_and_nothing_varies_over_geos() -> None:
    from mmm_core.model.posterior import parameter_dims

    data, spec, scaling = CASES["every kind of channel, gaps"]
    likelihood = robust_likelihood(data, spec, scaling)
    drawn = completed(likelihood, draw(likelihood, data, 2))
    assert set(drawn) == set(parameter_dims(spec))
    assert {name: value.ndim for name, value in drawn.items()} == {
        name: len(dims) for name, dims in parameter_dims(spec).items()
    }
    assert drawn["tau_g"][np.argmax(data.population)] == 0
    assert not drawn["eta_m"].any()
    assert not drawn["xi_c"].any()
    np.testing.assert_array_equal(drawn["beta_gm"], np.tile(drawn["beta_m"], (3, 1)))


def test_coordinates_are_standard_normal_where_noise_is_normal_and_media_do_nothing() -> None:
    data, spec, scaling = CASES["geos"]
    likelihood = robust_likelihood(data, spec, scaling)
    noise = (likelihood.log_kpi - np.asarray(likelihood.linear.mean(likelihood.linear.center))).std()

    def log_density(x: jax.Array) -> jax.Array:
        alpha, ec, slope, theta, *_ = draw(likelihood, data, 0)
        return likelihood.log_density((alpha, ec, slope, theta, 0.0, 0 * alpha, x, np.full(3, noise), 1e7))

    hessian = np.asarray(jax.hessian(log_density)(np.zeros(likelihood.linear.n_coefficients)))
    np.testing.assert_allclose(-hessian, np.eye(len(hessian)), atol=0.05)
