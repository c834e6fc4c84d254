"""Meridian gets the model that the specification means, scaled by the system's own constants."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.groups import channel_groups
from mmm_core.model.backends.meridian.inputs import build_model, filled_kpi, input_data, model_spec
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored, import_meridian
from mmm_core.model.forward import knot_weights, transform_media
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data
from tests.model.backends.meridian.panels import everything

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def _meridian() -> None:
    import_meridian()


def spec_of(data: ModelData, features: dict[str, Any] | None = None, **model: Any) -> ModelSpec:
    return build_spec(Config.model_validate({"model": {"knots": 3, **model}, "features": features or {}}), data)


def built(data: ModelData, spec: ModelSpec) -> Any:
    return build_model(data, spec, fit_scaling(data, spec.media_scaling))


def media_by_channel(context: Any, data: ModelData) -> np.ndarray:
    """(G, P + T, M) scaled media of Meridian, in the order of the data."""
    tensors = {
        "media": context.media_tensors.media_scaled,
        "reach_frequency": context.rf_tensors.reach_scaled,
        "organic_media": context.organic_media_tensors.organic_media_scaled,
    }
    n_weeks = data.lead_media.shape[1] + len(data.dates)
    found = np.full((len(data.geos), n_weeks, len(data.channels)), np.nan)
    for group in channel_groups(data):
        found[:, :, list(group.channels)] = tensors[group.kind]
    return found


@pytest.mark.parametrize("media_scaling", ["pooled_median", "geo_max"])
def test_meridian_has_the_scaling_of_the_posterior_whatever_is_missing(media_scaling: str) -> None:
    data = everything()
    assert not data.observed.all()
    assert not data.present.all()
    spec = spec_of(data, media_scaling=media_scaling)
    context, scaling = built(data, spec).model_context, fit_scaling(data, spec.media_scaling)
    with_lead = np.concatenate([data.lead_media, data.media], axis=1)
    np.testing.assert_allclose(media_by_channel(context, data), scaling.scale_media(with_lead), rtol=1e-12)
    kpi = np.where(data.observed, scaling.scale_kpi(data.kpi), context.kpi_scaled)
    np.testing.assert_allclose(context.kpi_scaled, kpi, rtol=0, atol=1e-12)
    controls = scaling.scale_controls(data.control_values)
    np.testing.assert_allclose(context.controls_scaled, controls, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(context.holdout_id, ~data.observed)
    np.testing.assert_allclose(context.total_outcome, np.nansum(data.kpi * data.outcome_per_kpi))


@pytest.mark.parametrize("n_geos", [3, 1])
def test_on_complete_panels_that_is_meridians_own_scaling(n_geos: int) -> None:
    from meridian.model.model import Meridian

    data = tiny_model_data(n_geos=n_geos)
    spec, scaling = spec_of(data), fit_scaling(data, "pooled_median")
    with expected_warnings_ignored():
        own = Meridian(
            input_data=input_data(data, np.ones_like(scaling.media_scale)), model_spec=model_spec(data, spec)
        )
    np.testing.assert_allclose(own.media_tensors.media_scaled, scaling.scale_media(data.media), rtol=1e-12)
    np.testing.assert_allclose(own.kpi_scaled, scaling.scale_kpi(data.kpi), rtol=0, atol=1e-12)
    controls = scaling.scale_controls(data.control_values)
    np.testing.assert_allclose(own.controls_scaled, controls, rtol=0, atol=1e-12)


FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "geometric, hill with free slope": ({"saturation": {"slope": "free"}}, {}),
    "binomial, geo_max": ({"adstock": {"type": "binomial", "max_lag": 4}}, {"media_scaling": "geo_max"}),
    "hill before adstock, families by channel": (
        {
            "adstock": {"max_lag": 6, "platform_overrides": {"channel_1": {"type": "binomial"}}},
            "saturation": {"channel_overrides": {"channel_0": {"type": "none"}}},
        },
        {"hill_before_adstock": True},
    ),
    "no lag, michaelis_menten": ({"adstock": {"max_lag": 0}, "saturation": {"type": "michaelis_menten"}}, {}),
    "longest lag, no saturation": ({"adstock": {"max_lag": 52}, "saturation": {"type": "none"}}, {}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_meridian_transforms_media_as_the_forward_model_does(name: str) -> None:
    data = everything()
    features, model = FAMILIES[name]
    spec = spec_of(data, features, **model)
    meridian, scaling = built(data, spec), fit_scaling(data, spec.media_scaling)
    rng = np.random.default_rng(3)
    alpha, ec, slope = (rng.uniform(low, high, (5, 4)) for low, high in ((0.0, 1.0), (0.3, 3.0), (0.7, 2.0)))
    slope = np.where(np.array(spec.saturation) == "hill", slope, 1.0)
    ours = transform_media(
        spec,
        scaling.scale_media(np.concatenate([data.lead_media, data.media], axis=1)),
        alpha,
        ec,
        slope,
        kinds=data.channel_kinds,
        frequency=np.concatenate([np.asarray(data.lead_frequency), np.asarray(data.frequency)], axis=1),
        n_lead=data.lead_media.shape[1],
    )
    np.testing.assert_allclose(transformed_by(meridian, data, alpha, ec, slope), ours, rtol=1e-9, atol=1e-15)


def transformed_by(meridian: Any, data: ModelData, *parameters: np.ndarray) -> np.ndarray:
    """(S, G, T, M) what Meridian makes of its scaled media."""
    context, equations = meridian.model_context, meridian.model_equations
    found = np.full((len(parameters[0]), *data.media.shape), np.nan)
    for group in channel_groups(data):
        chosen = list(group.channels)
        alpha, ec, slope = (values[:, chosen] for values in parameters)
        shared = {"alpha": alpha, "ec": ec, "slope": slope}
        if group.kind == "reach_frequency":
            found[..., chosen] = equations.adstock_hill_rf(
                reach=context.rf_tensors.reach_scaled,
                frequency=context.rf_tensors.frequency,
                decay_functions=context.adstock_decay_spec.rf,
                saturation_spec=context.saturation_spec.rf,
                **shared,
            )
            continue
        found[..., chosen] = equations.adstock_hill_media(
            media=media_by_channel(context, data)[:, :, chosen],
            decay_functions=getattr(context.adstock_decay_spec, group.kind),
            saturation_spec=getattr(context.saturation_spec, group.kind),
            **shared,
        )
    return found


def test_knots_baseline_geo_and_geo_order_are_those_of_the_data() -> None:
    data = dataclasses.replace(tiny_model_data(n_geos=4), geos=("West 10", "West 2", "East", "A / b"))
    spec = dataclasses.replace(spec_of(data), knots=(2, 9, 20))
    model = built(data, spec)
    np.testing.assert_allclose(model.knot_info.weights.T, knot_weights(spec.knots, 30), atol=1e-15)
    assert model.model_context.baseline_geo_idx == np.argmax(data.population)
    assert tuple(model.input_data.geo.values) == data.geos


def test_weeks_before_the_window_are_weeks_of_media_only() -> None:
    data = everything()
    given = input_data(data, np.ones((3, 4)))
    assert len(given.time) == 40
    assert list(given.media_time.values[4:]) == list(given.time.values)
    assert given.media_time.values[0] == str(data.dates[0] - 28)
    np.testing.assert_array_equal(given.reach.values[:, :4, 0], data.lead_media[:, :, 1])
    np.testing.assert_array_equal(given.frequency.values[:, :4, 0], np.asarray(data.lead_frequency)[:, :, 1])


def test_unknown_kpi_is_filled_with_the_mean_of_the_geo_or_of_all_geos_per_head() -> None:
    data = tiny_model_data()
    kpi = data.kpi.copy()
    kpi[0, 3], kpi[1] = np.nan, np.nan
    filled = filled_kpi(dataclasses.replace(data, kpi=kpi))
    np.testing.assert_allclose(filled[0, 3], np.delete(kpi[0], 3).mean())
    np.testing.assert_allclose(filled[1], np.nanmean(kpi / data.population[:, None]) * data.population[1])
    np.testing.assert_array_equal(filled[2], kpi[2])


def test_a_national_panel_can_have_gaps() -> None:
    data = tiny_model_data(n_geos=1)
    kpi = data.kpi.copy()
    kpi[0, [3, 4, 9]] = np.nan
    data = dataclasses.replace(data, kpi=kpi)
    np.testing.assert_array_equal(built(data, spec_of(data)).model_context.holdout_id, ~data.observed)


def test_a_channel_without_spend_is_refused_by_name() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 1] = 0
    data = dataclasses.replace(data, spend=spend)
    with pytest.raises(SpecificationError, match=r"channel_1.* set model\.backend to pymc"):
        built(data, spec_of(data))
