"""The collapsed likelihood against dense algebra, and its gradient against finite differences."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.pymc.likelihood import CollapsedLikelihood, Parameters, collapsed_likelihood
from mmm_core.model.backends.pymc.media import MediaParameters
from mmm_core.model.backends.pymc.padding import pad_weeks
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import FitInfo, Posterior, parameter_dims
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling, fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import EVERYTHING, Extras, tiny_model_data
from tests.model.backends.pymc.dense import dense_model, media_effects, prior_quantity

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Options of XLA: compilation takes nearly all the time here."""
FREE_SLOPE = Prior("log_normal", (0.3, 0.4))
RAGGED = Extras(n_missing=6, ragged=True)


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def case(
    n_geos: int, n_controls: int, n_weeks: int = 25, extras: Extras | None = None, **changes: object
) -> tuple[ModelData, ModelSpec, Scaling]:
    """Two media channels, or four channels with `EVERYTHING`; every prior is an ROI prior unless changed."""
    data = tiny_model_data(n_geos, n_weeks, 2, n_controls, extras=extras or Extras())
    n_channels = len(data.channels)
    plain = {
        "media_effects": "log_normal",
        "prior_types": ("roi",) * 3 + ("contribution",) if n_channels == 4 else ("roi",) * n_channels,
        "knots": (0, 9, n_weeks - 1),
    }
    spec = dataclasses.replace(build_spec(Config(), data), **(plain | changes))
    return data, spec, fit_scaling(data, spec.media_scaling)


def everything(**changes: object) -> tuple[ModelData, ModelSpec, Scaling]:
    """Four channels of three kinds, media before the window, missing weeks."""
    return case(3, 1, extras=EVERYTHING, **changes)


def draw(data: ModelData, spec: ModelSpec, seed: int = 3) -> Parameters:
    rng = np.random.default_rng(seed)
    n_geos, _, n_channels = data.media.shape
    spread = 0.0 if data.is_national else 1.0
    free = np.array([prior == FREE_SLOPE for prior in spec.slope])
    ranges = {"roi": (0.5, 3.0), "mroi": (0.3, 2.0), "contribution": (0.02, 0.2), "coefficient": (-0.5, 0.5)}
    media = MediaParameters(
        alpha=rng.uniform(0.1, 0.9, n_channels),
        ec=rng.uniform(0.3, 2.0, n_channels),
        slope=np.where(free, rng.uniform(0.7, 2.0, n_channels), 1.0),
        theta=rng.uniform(0.4, 2.5, n_channels),
        effect=np.array([rng.uniform(*ranges[prior_type]) for prior_type in spec.prior_types]),
        eta=spread * rng.uniform(0.1, 0.8, n_channels),
        z=spread * rng.normal(size=(n_geos, n_channels)),
    )
    sigma = rng.uniform(0.3, 1.0, n_geos) if spec.unique_sigma_for_each_geo else np.full(n_geos, 0.6)
    return Parameters(media, sigma, spread * rng.uniform(0.05, 0.5, len(data.controls)))


ADSTOCKS = ("geometric", "binomial", "delayed", "weibull")
SATURATIONS = ("hill", "logistic", "michaelis_menten", "none")
PRIOR_TYPES = ("roi", "mroi", "contribution", "coefficient")
CASES = {
    "geos with controls": case(3, 2),
    "geos without controls": case(3, 0),
    "national with control": case(1, 1),
    "national without controls": case(1, 0),
    "national, normal effects": case(1, 1, media_effects="normal"),
    "sigma by geo": case(3, 1, unique_sigma_for_each_geo=True),
    "free slope": case(3, 1, slope=(FREE_SLOPE, FREE_SLOPE)),
    "geo_max scaling": case(3, 1, media_scaling="geo_max"),
    "prior means that are not 0": case(
        3,
        1,
        tau=Prior("normal", (0.4, 2.0)),
        knot_values=Prior("normal", (-0.3, 3.0)),
        gamma=Prior("normal", (0.2, 1.0)),
    ),
    "lags longer than the panel": case(2, 1, n_weeks=12, max_lag_weeks=20),
    "weeks without KPI, geos with other date ranges": case(3, 1, extras=RAGGED, unique_sigma_for_each_geo=True),
    "media before the window": case(3, 1, extras=Extras(n_lead=4)),
    "more media before the window than lags": case(3, 1, extras=Extras(n_lead=6), max_lag_weeks=3),
    "mroi in one channel": case(3, 1, prior_types=("mroi", "roi")),
    "every kind of channel": everything(),
    "every adstock": everything(adstock=ADSTOCKS),
    "every adstock, hill before": everything(adstock=ADSTOCKS, hill_before_adstock=True),
    "every saturation": everything(saturation=SATURATIONS),
    "every saturation, before adstock": everything(saturation=SATURATIONS[::-1], hill_before_adstock=True),
    "slopes fixed and free": everything(
        slope=(FREE_SLOPE, Prior("deterministic", (1.0,)), FREE_SLOPE, FREE_SLOPE)
    ),
    "every prior type": everything(prior_types=PRIOR_TYPES),
    "mroi of every paid channel": everything(prior_types=("mroi", "mroi", "mroi", "contribution")),
    "mroi, hill before": everything(
        prior_types=("mroi", "mroi", "mroi", "contribution"), hill_before_adstock=True, slope=(FREE_SLOPE,) * 4
    ),
    "every prior type, normal effects": everything(prior_types=PRIOR_TYPES, media_effects="normal"),
    "coefficients": everything(prior_types=("coefficient",) * 4),
    **{f"{family} adstock": case(3, 1, adstock=(family, family)) for family in ADSTOCKS[1:]},
    **{f"{family} saturation": case(3, 1, saturation=(family, family)) for family in SATURATIONS[1:]},
}


@functools.cache
def compiled() -> Callable[[Parameters, CollapsedLikelihood], tuple[Any, Parameters]]:
    """Log likelihood and gradient; compiled once for all cases of one structure."""
    import jax

    def log_likelihood(parameters: Parameters, likelihood: CollapsedLikelihood) -> Any:
        return likelihood.log_likelihood(parameters)

    return jax.jit(jax.value_and_grad(log_likelihood), compiler_options=QUICK)


@pytest.mark.parametrize("name", CASES)
def test_log_likelihood_equals_the_dense_multivariate_normal(name: str) -> None:
    data, spec, scaling = CASES[name]
    likelihood = collapsed_likelihood(data, spec, scaling)
    for seed in range(2):
        parameters = draw(data, spec, seed)
        dense = dense_model(data, spec, scaling, parameters)
        expected = stats.multivariate_normal(dense.mean, dense.covariance).logpdf(dense.kpi)
        assert float(compiled()(parameters, likelihood)[0]) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(name: str) -> None:
    from jax.flatten_util import ravel_pytree

    data, spec, scaling = CASES[name]
    likelihood, parameters = collapsed_likelihood(data, spec, scaling), draw(data, spec)
    flat, unflatten = ravel_pytree(parameters)

    def log_likelihood(vector: np.ndarray) -> float:
        return float(compiled()(unflatten(vector), likelihood)[0])

    gradient = np.asarray(ravel_pytree(compiled()(parameters, likelihood)[1])[0])
    assert np.isfinite(gradient).all()
    point, step = np.asarray(flat), 1e-6
    for i in np.flatnonzero(point):
        shift = step * max(1.0, abs(point[i])) * np.eye(1, len(point), i)[0]
        slope = (log_likelihood(point + shift) - log_likelihood(point - shift)) / (2 * shift[i])
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=1e-4)


def test_gradient_is_finite_where_weeks_have_no_media_and_the_slope_is_free() -> None:
    import jax

    data, spec, scaling = CASES["free slope"]
    media = data.media.copy()
    media[:, :12] = 0  # weeks without media, and a geo without a channel
    media[0, :, 1] = 0
    data = dataclasses.replace(data, media=media)
    likelihood = collapsed_likelihood(data, spec, scaling)
    _, gradient = compiled()(draw(data, spec), likelihood)
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
    drawn = jax.jit(jax.vmap(lambda key: likelihood.completed(key, parameters)))(keys)
    tau, knots, gamma, by_geo = (
        np.asarray(drawn[name]) for name in ("tau_g", "knot_values", "gamma_c", "gamma_gc")
    )
    if data.is_national:
        return np.concatenate([knots, gamma], axis=1)
    assert (tau[:, np.argmax(data.population)] == 0).all()
    deviations = (by_geo - gamma[:, None, :]).reshape(n, -1)
    return np.concatenate([np.delete(tau, np.argmax(data.population), axis=1), knots, gamma, deviations], axis=1)


@pytest.mark.parametrize("name", CASES)
def test_media_effects_equal_loops_and_give_what_the_prior_is_on(name: str) -> None:
    import jax

    data, spec, scaling = CASES[name]
    parameters = draw(data, spec)
    likelihood = collapsed_likelihood(data, spec, scaling)
    media = parameters.media
    total, completed = jax.jit(
        lambda: (
            likelihood.media.effect(media, likelihood.media.transform(media)).total,
            likelihood.completed(jax.random.PRNGKey(0), parameters),
        )
    )()
    beta, expected = media_effects(data, spec, scaling, parameters)
    np.testing.assert_allclose(completed["beta_gm"], beta, rtol=1e-9)
    np.testing.assert_allclose(total, expected, rtol=1e-9, atol=1e-12)
    beta = np.asarray(completed["beta_gm"])
    for m, prior_type in enumerate(spec.prior_types):
        stated = float(media.effect[m])
        if prior_type == "coefficient":
            assert float(completed["beta_m"][m]) == stated
        else:
            assert prior_quantity(data, spec, scaling, media, beta, m) == pytest.approx(stated, rel=1e-9)
    direct = dataclasses.replace(spec, prior_types=("roi",) * len(data.channels))
    for m, roi in enumerate(completed["roi_m"]):
        assert prior_quantity(data, direct, scaling, media, beta, m) == pytest.approx(float(roi), rel=1e-9)


@pytest.mark.parametrize("name", ["geos with controls", "national with control", "every prior type"])
def test_completion_gives_every_parameter_in_its_shape(name: str) -> None:
    import jax

    data, spec, scaling = CASES[name]
    completed = collapsed_likelihood(data, spec, scaling).completed(jax.random.PRNGKey(0), draw(data, spec))
    sizes = {
        "geo": len(data.geos),
        "channel": len(data.channels),
        "paid_channel": len(data.paid_channels),
        "control": len(data.controls),
        "knot": len(spec.knots),
    }
    shapes = {name: tuple(sizes[dim] for dim in dims) for name, dims in parameter_dims(spec).items()}
    assert {name: np.shape(value) for name, value in completed.items()} == shapes


def test_one_compiled_program_serves_other_data_of_the_same_shape() -> None:
    import jax

    traces = []

    @jax.jit
    def log_likelihood(likelihood: CollapsedLikelihood, parameters: Parameters) -> jax.Array:
        traces.append(1)
        return likelihood.log_likelihood(parameters)

    data, spec, scaling = everything(prior_types=PRIOR_TYPES)
    other = dataclasses.replace(
        data, kpi=data.kpi * 1.1, media=data.media * 0.7, present=np.ones_like(data.present)
    )
    parameters = draw(data, spec)
    for one in (data, other):
        likelihood = collapsed_likelihood(one, spec, scaling)
        expected = float(compiled()(parameters, likelihood)[0])
        assert float(log_likelihood(likelihood, parameters)) == pytest.approx(expected, rel=1e-12)
    assert len(traces) == 1


@pytest.mark.parametrize("name", ["every adstock", "every saturation, before adstock", "every prior type"])
def test_absent_weeks_at_the_end_change_nothing(name: str) -> None:
    data, spec, scaling = CASES[name]
    parameters = draw(data, spec)
    expected = float(compiled()(parameters, collapsed_likelihood(data, spec, scaling))[0])
    padded = collapsed_likelihood(pad_weeks(data, len(data.dates) + 7), spec, scaling)
    assert float(compiled()(parameters, padded)[0]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["every adstock", "every saturation", "mroi, hill before"])
def test_single_precision_media_differ_little(name: str) -> None:
    data, spec, scaling = CASES[name]
    likelihood, parameters = collapsed_likelihood(data, spec, scaling), draw(data, spec)
    single, _ = compiled()(parameters, likelihood.in_single_precision())
    assert single.dtype == np.float64
    assert float(single) == pytest.approx(float(compiled()(parameters, likelihood)[0]), rel=1e-4)


def test_paid_channel_without_spend_is_refused() -> None:
    data, spec, scaling = case(2, 1)
    spend = data.spend.copy()
    spend[:, :, 1] = 0
    with pytest.raises(SpecificationError, match=r"channel_1 .*organic_media"):
        collapsed_likelihood(dataclasses.replace(data, spend=spend), spec, scaling)


@pytest.mark.parametrize(
    "name", ["every adstock, hill before", "every saturation", "every prior type", "national, normal effects"]
)
def test_completed_draws_mean_the_same_to_the_forward_model(name: str) -> None:
    import jax
    import xarray as xr

    data, spec, scaling = CASES[name]
    likelihood, parameters = collapsed_likelihood(data, spec, scaling), draw(data, spec)
    drawn = jax.jit(lambda: likelihood.completed(jax.random.PRNGKey(0), parameters))()
    samples = xr.Dataset(
        {
            name: (("chain", "draw", *dims), np.asarray(drawn[name])[None, None])
            for name, dims in parameter_dims(spec).items()
        }
    )
    info = FitInfo("pymc", "", 0.0, None, 1, 1, 0, 0, 0)
    posterior = Posterior(samples, xr.Dataset(), data, spec, scaling, info)
    outcome = incremental_outcome(posterior)[0].sum(axis=0)
    paid = len(data.paid_channels)
    np.testing.assert_allclose(outcome[:paid] / data.spend.sum(axis=(0, 1))[:paid], drawn["roi_m"], rtol=1e-9)
