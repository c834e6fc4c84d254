"""Meridian gets the model that the specification means."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.inputs import build_model, tfp_distribution
from mmm_core.model.backends.meridian.quiet import import_meridian
from mmm_core.model.forward import knot_weights, transform_media
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def _meridian() -> None:
    import_meridian()


def spec_of(data: ModelData, **model: Any) -> ModelSpec:
    return build_spec(Config.model_validate({"model": {"knots": 3, **model}}), data)


@pytest.fixture(params=["pooled_median", "geo_max"])
def media_scaling(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("n_geos", [3, 1])
def test_meridian_scales_data_as_the_forward_model_does(media_scaling: str, n_geos: int) -> None:
    data = tiny_model_data(n_geos=n_geos)
    spec = spec_of(data, media_scaling=media_scaling)
    built, scaling = build_model(data, spec), fit_scaling(data, spec.media_scaling)
    media = np.asarray(built.model.media_tensors.media_scaled) * built.ec_unit
    np.testing.assert_allclose(media, scaling.scale_media(data.media), rtol=1e-12)
    np.testing.assert_allclose(built.model.kpi_scaled, scaling.scale_kpi(data.kpi), rtol=0, atol=1e-12)
    controls = scaling.scale_controls(data.control_values)
    np.testing.assert_allclose(built.model.controls_scaled, controls, rtol=0, atol=1e-12)


@pytest.mark.parametrize("adstock", ["geometric", "binomial"])
def test_meridian_transforms_media_as_the_forward_model_does(adstock: str, media_scaling: str) -> None:
    data = tiny_model_data()
    features = {"adstock": {"type": adstock, "max_lag": 4}}
    config = Config.model_validate({"model": {"knots": 3, "media_scaling": media_scaling}, "features": features})
    spec = build_spec(config, data)
    built, scaling = build_model(data, spec), fit_scaling(data, spec.media_scaling)
    rng = np.random.default_rng(3)
    alpha, ec, slope = (rng.uniform(*bounds, size=(5, 2)) for bounds in ((0, 1), (0.3, 3), (0.7, 2)))
    theirs = [
        built.model.model_equations.adstock_hill_media(
            media=built.model.media_tensors.media_scaled,
            alpha=alpha[draw],
            ec=ec[draw] / built.ec_unit,
            slope=slope[draw],
            decay_functions=built.model.model_context.adstock_decay_spec.media,
        )
        for draw in range(5)
    ]
    ours = transform_media(spec, scaling.scale_media(data.media), alpha, ec, slope)
    np.testing.assert_allclose(np.stack(theirs), ours, rtol=1e-10)


def test_knots_baseline_geo_and_geo_order_are_those_of_the_data() -> None:
    data = dataclasses.replace(tiny_model_data(n_geos=4), geos=("West 10", "West 2", "East", "A / b"))
    spec = dataclasses.replace(spec_of(data), knots=(2, 9, 20))
    model = build_model(data, spec).model
    np.testing.assert_allclose(model.knot_info.weights.T, knot_weights(spec.knots, 30), atol=1e-15)
    assert model.model_context.baseline_geo_idx == np.argmax(data.population)
    assert tuple(model.input_data.geo.values) == data.geos


@pytest.mark.parametrize(
    ("prior", "at"),
    [
        (Prior("uniform", (0.1, 0.9)), 0.3),
        (Prior("beta", (2.0, 5.0)), 0.3),
        (Prior("normal", (0.5, 2.0)), -1.0),
        (Prior("half_normal", (2.0,)), 1.5),
        (Prior("log_normal", (0.2, 0.9)), 1.5),
        (Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0)), 0.4),
    ],
)
def test_every_family_has_the_density_of_scipy(prior: Prior, at: float) -> None:
    distribution = tfp_distribution("x", (prior,))
    assert distribution.dtype == np.float64
    np.testing.assert_allclose(distribution.log_prob(at), prior.frozen_scipy().logpdf(at), rtol=1e-10)


def test_priors_of_one_family_are_batched_by_channel() -> None:
    priors = (Prior("log_normal", (0.0, 0.5)), Prior("log_normal", (1.0, 0.3)))
    at = np.array([0.7, 2.0])
    expected = [prior.frozen_scipy().logpdf(x) for prior, x in zip(priors, at, strict=True)]
    np.testing.assert_allclose(tfp_distribution("roi_m", priors).log_prob(at), expected, rtol=1e-10)


def test_priors_of_several_families_can_be_compiled() -> None:
    import jax

    priors = (Prior("uniform", (0.0, 1.0)), Prior("beta", (3.0, 7.0)), Prior("uniform", (0.2, 0.8)))
    at = np.array([[0.7, 0.2, 0.3], [0.1, 0.5, 0.4]])
    expected = np.stack([prior.frozen_scipy().logpdf(at[:, m]) for m, prior in enumerate(priors)], axis=1)
    density = jax.jit(tfp_distribution("alpha_m", priors).log_prob)
    np.testing.assert_allclose(density(at), expected, rtol=1e-10, atol=1e-12)


def test_fixed_and_free_priors_of_one_parameter_are_refused_naming_the_other_backend() -> None:
    mixed = (Prior("deterministic", (1.0,)), Prior("log_normal", (0.3, 0.4)))
    with pytest.raises(SpecificationError, match=r"slope_m is fixed for some .* model\.backend to pymc"):
        tfp_distribution("slope_m", mixed)


@pytest.mark.parametrize(
    "family", [Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0)), Prior("log_normal", (0.1, 0.5))]
)
def test_half_saturation_keeps_its_prior_under_geo_max(family: Prior) -> None:
    data = tiny_model_data()
    spec = dataclasses.replace(spec_of(data, media_scaling="geo_max"), ec=(family, family))
    built = build_model(data, spec)
    at = np.array([0.4, 1.7])
    theirs = built.model.prior_broadcast.ec_m.log_prob(at / built.ec_unit) - np.log(built.ec_unit)
    np.testing.assert_allclose(theirs, family.frozen_scipy().logpdf(at), rtol=1e-10)


def test_a_prior_that_cannot_be_rescaled_is_refused_naming_the_other_backend() -> None:
    data = tiny_model_data()
    spec = dataclasses.replace(spec_of(data, media_scaling="geo_max"), ec=(Prior("beta", (2.0, 2.0)),) * 2)
    with pytest.raises(SpecificationError, match=r"geo_max with a beta prior .* model\.backend to pymc"):
        build_model(data, spec)


def test_roi_prior_is_kept_where_the_kpi_has_no_known_value() -> None:
    data = dataclasses.replace(tiny_model_data(), revenue_per_kpi=None)
    model = build_model(data, spec_of(data)).model
    expected = Prior("log_normal", (0.2, 0.9)).frozen_scipy().logpdf([0.5, 2.0])
    np.testing.assert_allclose(model.prior_broadcast.roi_m.log_prob(np.array([0.5, 2.0])), expected, rtol=1e-10)


def test_a_channel_without_spend_is_refused_by_name() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 1] = 0
    with pytest.raises(SpecificationError, match="channel_1"):
        build_model(dataclasses.replace(data, spend=spend), spec_of(data))
