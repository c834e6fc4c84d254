"""Meridian's priors are those of the specification."""

import dataclasses
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.extraction import canonical_samples
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.priors import tfp_distribution
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored, import_meridian
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import made_up_posterior, tiny_model_data
from tests.model.backends.meridian.panels import everything

pytestmark = pytest.mark.slow

N_DRAWS = 400


@pytest.fixture(autouse=True, scope="module")
def _meridian() -> None:
    import_meridian()


@pytest.mark.parametrize(
    ("prior", "at"),
    [
        (Prior("uniform", (0.1, 0.9)), 0.3),
        (Prior("beta", (2.0, 5.0)), 0.3),
        (Prior("normal", (0.5, 2.0)), -1.0),
        (Prior("half_normal", (2.0,)), 1.5),
        (Prior("log_normal", (0.2, 0.9)), 1.5),
        (Prior("shifted_log_normal", (0.7, 0.4, 0.1)), 1.5),
        (Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0)), 0.4),
        (Prior("exponential", (0.7,)), 1.5),
        (Prior("gamma", (2.0, 3.0)), 1.5),
    ],
)
def test_every_family_has_the_density_of_scipy(prior: Prior, at: float) -> None:
    distribution = tfp_distribution("x", (prior,))
    assert distribution.dtype == np.float64
    np.testing.assert_allclose(distribution.log_prob(at), prior.frozen_scipy().logpdf(at), rtol=1e-10)


@pytest.mark.parametrize("family", ["log_normal", "gamma", "beta"])
def test_priors_of_one_family_are_batched_by_channel(family: Any) -> None:
    priors = (Prior(family, (0.4, 0.5)), Prior(family, (1.0, 0.3)))
    at = np.array([0.7, 0.2])
    expected = [prior.frozen_scipy().logpdf(x) for prior, x in zip(priors, at, strict=True)]
    np.testing.assert_allclose(tfp_distribution("roi_m", priors).log_prob(at), expected, rtol=1e-10)


def test_priors_of_several_families_can_be_compiled() -> None:
    import jax

    priors = (Prior("uniform", (0.0, 1.0)), Prior("beta", (3.0, 7.0)), Prior("uniform", (0.2, 0.8)))
    at = np.array([[0.7, 0.2, 0.3], [0.1, 0.5, 0.4]])
    expected = np.stack([prior.frozen_scipy().logpdf(at[:, m]) for m, prior in enumerate(priors)], axis=1)
    density = jax.jit(tfp_distribution("alpha_m", priors).log_prob)
    np.testing.assert_allclose(density(at), expected, rtol=1e-10, atol=1e-12)


def test_roi_prior_is_kept_where_the_kpi_has_no_known_value() -> None:
    data = dataclasses.replace(tiny_model_data(), revenue_per_kpi=None)
    spec = spec_of(data)
    model = build_model(data, spec, fit_scaling(data, "pooled_median"))
    expected = Prior("log_normal", (0.2, 0.9)).frozen_scipy().logpdf([0.5, 2.0])
    np.testing.assert_allclose(model.prior_broadcast.roi_m.log_prob(np.array([0.5, 2.0])), expected, rtol=1e-10)


def spec_of(data: ModelData, features: dict[str, Any] | None = None, **model: Any) -> ModelSpec:
    return build_spec(Config.model_validate({"model": {"knots": 3, **model}, "features": features or {}}), data)


@pytest.fixture(scope="module")
def drawn() -> tuple[Any, Posterior]:
    """Meridian's own prior draws of a model with all kinds of channels and priors, and their canonical form."""
    data = everything()
    features = {"adstock": {"max_lag": 4, "platform_overrides": {"channel_0": {"decay": 0.3}}}}
    channels = {
        "channel_0": {"effect": {"family": "gamma", "a": 4.0, "rate": 3.0}},
        "channel_1": {"ec": {"family": "log_normal", "mu": 0.0, "sigma": 0.4}},
        "reach_0": {"type": "coefficient", "effect": {"family": "normal", "mean": 0.2, "sd": 0.6}},
    }
    priors = {"channels": channels, "eta": {"family": "exponential", "rate": 2.0}}
    spec = spec_of(data, features, priors=priors, media_scaling="geo_max")
    scaling = fit_scaling(data, spec.media_scaling)
    model = build_model(data, spec, scaling)
    with expected_warnings_ignored(), pytest.warns(UserWarning, match="set_random_seed is a no-op"):
        model.sample_prior(N_DRAWS, seed=1)
    prior = model.inference_data.prior
    samples = canonical_samples(SimpleNamespace(posterior=prior), data, spec)
    info = made_up_posterior(data).info
    return prior, Posterior(samples, xr.Dataset(), data, spec, scaling, info)


@pytest.mark.parametrize("name", ["alpha_m", "ec_m", "slope_m", "eta_m"])
def test_parameters_of_channels_are_drawn_from_their_priors(name: str, drawn: tuple[Any, Posterior]) -> None:
    spec, draws = drawn[1].spec, drawn[1].stacked(name)
    priors = {"alpha_m": spec.alpha, "ec_m": spec.ec, "slope_m": spec.slope, "eta_m": (spec.eta,) * 4}[name]
    for m, prior in enumerate(priors):
        if prior.family == "deterministic":
            assert np.all(draws[:, m] == prior.parameters[0])
        else:
            assert stats.kstest(draws[:, m], prior.frozen_scipy().cdf).pvalue > 1e-4


@pytest.mark.parametrize(("name", "channel"), [("roi_m", 0), ("roi_m", 1), ("beta_rf", 0), ("contribution_om", 0)])
def test_effects_are_drawn_from_their_priors(name: str, channel: int, drawn: tuple[Any, Posterior]) -> None:
    theirs, posterior = drawn
    which = {"roi_m": (0, 2), "beta_rf": (1,), "contribution_om": (3,)}[name][channel]
    draws = theirs[name].values[0, :, channel]
    assert stats.kstest(draws, posterior.spec.effect[which].frozen_scipy().cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", ["sigma", "knot_values", "tau_g", "gamma_c", "xi_c"])
def test_what_channels_share_is_drawn_from_its_prior(name: str, drawn: tuple[Any, Posterior]) -> None:
    posterior = drawn[1]
    draws = posterior.stacked(name)
    if name == "tau_g":
        assert not draws[:, np.argmax(posterior.data.population)].any()
        draws = np.delete(draws, np.argmax(posterior.data.population), axis=1)
    prior = getattr(posterior.spec, re.sub("_.$", "", name) if name != "knot_values" else name)
    assert stats.kstest(draws[:, 0], prior.frozen_scipy().cdf).pvalue > 1e-4


def test_effects_over_geos_spread_around_their_mean(drawn: tuple[Any, Posterior]) -> None:
    posterior = drawn[1]
    mean, eta = posterior.stacked("beta_m")[:, None], posterior.stacked("eta_m")[:, None]
    z = (np.log(posterior.stacked("beta_gm")) - mean) / eta
    for g in range(3):
        for m in range(4):
            assert stats.kstest(z[:, g, m], stats.norm.cdf).pvalue > 1e-4


def test_roi_and_contribution_are_what_the_forward_model_says(drawn: tuple[Any, Posterior]) -> None:
    theirs, posterior = drawn
    data, outcome = posterior.data, incremental_outcome(posterior).sum(axis=1)
    roi = outcome[:, [0, 2]] / data.spend.sum(axis=(0, 1))[[0, 2]]
    np.testing.assert_allclose(theirs["roi_m"].values[0], roi, rtol=1e-9)
    total = np.nansum(data.kpi * data.outcome_per_kpi)
    np.testing.assert_allclose(theirs["contribution_om"].values[0, :, 0], outcome[:, 3] / total, rtol=1e-9)


@pytest.mark.parametrize("media_effects_dist", ["log_normal", "normal"])
@pytest.mark.parametrize("prior_type", ["roi", "mroi", "contribution"])
def test_an_effect_prior_is_of_what_the_forward_model_derives(prior_type: str, media_effects_dist: str) -> None:
    """Meridian's `beta_m` for a given ROI, mROI or share, and back through the forward model."""
    data = everything()
    spec = spec_of(data, media_prior_type=prior_type, media_effects_dist=media_effects_dist)
    meridian = build_model(data, spec, fit_scaling(data, spec.media_scaling))
    posterior = made_up_posterior(data, n_chains=1, n_draws=6, spec=spec)
    wanted = np.random.default_rng(1).uniform(0.1, 0.4, (6, 2))
    put_effects(posterior, meridian, wanted)
    if prior_type == "contribution":
        denominator: Any = np.nansum(data.kpi * data.outcome_per_kpi)
    else:
        denominator = data.spend.sum(axis=(0, 1))[[0, 2]]
    outcome = incremental_outcome(posterior).sum(axis=1)
    if prior_type == "mroi":
        more = dataclasses.replace(posterior, data=data_with_more_media(data, 1.01))
        outcome = (incremental_outcome(more).sum(axis=1) - outcome) / 0.01
    np.testing.assert_allclose(outcome[:, [0, 2]] / denominator, wanted, rtol=1e-8)


def data_with_more_media(data: ModelData, factor: float) -> ModelData:
    return dataclasses.replace(data, media=data.media * factor, lead_media=data.lead_media * factor)


def put_effects(posterior: Posterior, meridian: Any, wanted: np.ndarray) -> None:
    """Set `beta_gm` of the two media channels to what Meridian computes from the prior's quantity."""
    context, equations, samples = meridian.model_context, meridian.model_equations, posterior.samples
    alpha, ec, slope, eta = (
        samples[name].values[0][:, [0, 2]] for name in ("alpha_m", "ec_m", "slope_m", "eta_m")
    )
    transformed = equations.adstock_hill_media(
        media=context.media_tensors.media_scaled, alpha=alpha, ec=ec, slope=slope
    )
    difference = equations.linear_predictor_counterfactual_difference_media(
        media_transformed=transformed, alpha_m=alpha, ec_m=ec, slope_m=slope
    )
    z = np.random.default_rng(2).normal(size=(6, 3, 2))
    mean = equations.calculate_beta_x(
        is_non_media=False,
        incremental_outcome_x=wanted * context.media_tensors.prior_denominator,
        linear_predictor_counterfactual_difference=difference,
        eta_x=eta,
        beta_gx_dev=z,
    )
    linear = np.asarray(mean)[:, None] + eta[:, None] * z
    effects = np.exp(linear) if posterior.spec.media_effects == "log_normal" else linear
    samples["beta_gm"].values[0][:, :, [0, 2]] = effects
