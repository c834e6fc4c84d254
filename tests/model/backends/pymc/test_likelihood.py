"""The collapsed likelihood against dense algebra, and its gradient against finite differences."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.pymc.likelihood import CollapsedLikelihood, Parameters, collapsed_likelihood
from mmm_core.model.backends.pymc.media import MediaParameters
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling, fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data
from tests.model.backends.pymc.dense import dense_model, media_effects

FREE_SLOPE = Prior("log_normal", (0.3, 0.4))


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def case(
    n_geos: int, n_controls: int, n_weeks: int = 25, **changes: object
) -> tuple[ModelData, ModelSpec, Scaling]:
    data = tiny_model_data(n_geos=n_geos, n_weeks=n_weeks, n_channels=2, n_controls=n_controls)
    spec = dataclasses.replace(build_spec(Config(), data), knots=(0, 9, n_weeks - 1), **changes)
    return data, spec, fit_scaling(data, spec.media_scaling)


def draw(data: ModelData, spec: ModelSpec, seed: int = 3) -> Parameters:
    rng = np.random.default_rng(seed)
    n_geos, _, n_channels = data.media.shape
    spread = 0.0 if data.is_national else 1.0
    slope = rng.uniform(0.7, 2.0, n_channels) if spec.slope[0] == FREE_SLOPE else np.ones(n_channels)
    media = MediaParameters(
        alpha=rng.uniform(0.1, 0.9, n_channels),
        ec=rng.uniform(0.3, 2.0, n_channels),
        slope=slope,
        roi=rng.uniform(0.5, 3.0, n_channels),
        eta=spread * rng.uniform(0.1, 0.8, n_channels),
        z=spread * rng.normal(size=(n_geos, n_channels)),
    )
    sigma = rng.uniform(0.3, 1.0, n_geos) if spec.unique_sigma_for_each_geo else np.full(n_geos, 0.6)
    return Parameters(media, sigma, spread * rng.uniform(0.05, 0.5, len(data.controls)))


CASES = {
    "geos with controls": case(3, 2),
    "geos without controls": case(3, 0),
    "national with control": case(1, 1),
    "national without controls": case(1, 0),
    "sigma by geo": case(3, 1, unique_sigma_for_each_geo=True),
    "free slope": case(3, 1, slope=(FREE_SLOPE, FREE_SLOPE)),
    "binomial adstock": case(3, 1, adstock=("binomial", "binomial")),
    "geo_max scaling": case(3, 1, media_scaling="geo_max"),
    "prior means that are not 0": case(
        3,
        1,
        tau=Prior("normal", (0.4, 2.0)),
        knot_values=Prior("normal", (-0.3, 3.0)),
        gamma=Prior("normal", (0.2, 1.0)),
    ),
    "lags longer than the panel": case(2, 1, n_weeks=12, max_lag_weeks=20),
}


@pytest.mark.parametrize("name", CASES)
def test_log_likelihood_equals_the_dense_multivariate_normal(name: str) -> None:
    data, spec, scaling = CASES[name]
    for seed in range(3):
        parameters = draw(data, spec, seed)
        dense = dense_model(data, spec, scaling, parameters)
        expected = stats.multivariate_normal(dense.mean, dense.covariance).logpdf(dense.kpi)
        actual = float(collapsed_likelihood(data, spec, scaling).log_density(parameters))
        assert actual == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(name: str) -> None:
    import jax
    from jax.flatten_util import ravel_pytree

    data, spec, scaling = CASES[name]
    likelihood, parameters = collapsed_likelihood(data, spec, scaling), draw(data, spec)
    flat, unflatten = ravel_pytree(parameters)

    compiled = jax.jit(lambda vector: likelihood.log_density(unflatten(vector)))

    def log_density(vector: np.ndarray) -> float:
        return float(compiled(vector))

    gradient = np.asarray(jax.grad(compiled)(flat))
    assert np.isfinite(gradient).all()
    point, step = np.asarray(flat), 1e-6
    for i in np.flatnonzero(point):
        shift = step * max(1.0, abs(point[i])) * np.eye(1, len(point), i)[0]
        slope = (log_density(point + shift) - log_density(point - shift)) / (2 * shift[i])
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=1e-4)


def test_gradient_is_finite_where_weeks_have_no_media_and_the_slope_is_free() -> None:
    import jax

    data, spec, scaling = CASES["free slope"]
    media = data.media.copy()
    media[:, :12] = 0
    data = dataclasses.replace(data, media=media)
    likelihood = collapsed_likelihood(data, spec, scaling)
    gradient = jax.grad(likelihood.log_density)(draw(data, spec))
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(gradient))


@pytest.mark.parametrize("name", ["geos with controls", "national with control", "prior means that are not 0"])
def test_linear_coefficients_have_the_dense_conditional_distribution(name: str) -> None:
    data, spec, scaling = CASES[name]
    parameters = draw(data, spec)
    draws = _linear_draws(collapsed_likelihood(data, spec, scaling), parameters, data, 20_000)
    mean, covariance = dense_model(data, spec, scaling, parameters).conditional()
    sd = np.sqrt(np.diag(covariance))
    assert np.abs((draws.mean(axis=0) - mean) / sd).max() < 5 / np.sqrt(len(draws))
    correlation = np.cov(((draws - mean) / sd).T)
    np.testing.assert_allclose(correlation, covariance / np.outer(sd, sd), atol=0.06)


def _linear_draws(likelihood: CollapsedLikelihood, parameters: Parameters, data: ModelData, n: int) -> np.ndarray:
    """(n, C) coefficients in the order of the dense design."""
    import jax

    keys = jax.random.split(jax.random.PRNGKey(1), n)
    _, linear = jax.jit(jax.vmap(lambda key: likelihood.complete(key, parameters)))(keys)
    tau, knots, gamma, by_geo = (np.asarray(value) for value in linear)
    if data.is_national:
        return np.concatenate([knots, gamma], axis=1)
    assert (tau[:, np.argmax(data.population)] == 0).all()
    deviations = (by_geo - gamma[:, None, :]).reshape(n, -1)
    return np.concatenate([np.delete(tau, np.argmax(data.population), axis=1), knots, gamma, deviations], axis=1)


@pytest.mark.parametrize("name", CASES)
def test_media_effects_equal_loops_and_give_the_stated_roi(name: str) -> None:
    data, spec, scaling = CASES[name]
    parameters = draw(data, spec)
    likelihood = collapsed_likelihood(data, spec, scaling)
    media = parameters.media
    effect = likelihood.media.effect(media, likelihood.media.saturation(media.alpha, media.ec, media.slope))
    beta, total = media_effects(data, spec, scaling, parameters)
    np.testing.assert_allclose(effect.beta_gm, beta, rtol=1e-9)
    np.testing.assert_allclose(effect.total, total, rtol=1e-9)
