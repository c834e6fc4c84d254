"""Meridian's InferenceData becomes the canonical posterior, whatever its order."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.errors import SamplingError
from mmm_core.model.backends.meridian.extraction import (
    canonical_samples,
    canonical_statistics,
    roi_is_sampled,
)
from mmm_core.model.posterior import PARAMETER_DIMS, Posterior
from mmm_core.model.specification import build_spec
from tests.factories import made_up_posterior, tiny_model_data
from tests.model.backends.meridian.panels import as_meridian_gives_it, everything


def extracted(source: Posterior, dataset: xr.Dataset | None = None) -> xr.Dataset:
    theirs = as_meridian_gives_it(source) if dataset is None else dataset
    return canonical_samples(SimpleNamespace(posterior=theirs), source.data, source.spec)


def test_channels_of_all_kinds_come_back_in_the_order_of_the_data() -> None:
    source = made_up_posterior(everything())
    pooled = source.samples["sigma"].values[:, :, :1]
    source.samples["sigma"][:] = np.repeat(pooled, 3, axis=2)
    xr.testing.assert_equal(extracted(source), source.samples)


def test_draws_are_found_by_label() -> None:
    data = tiny_model_data(n_geos=4)
    spec = dataclasses.replace(build_spec(Config(), data), unique_sigma_for_each_geo=True)
    source = made_up_posterior(data, spec=spec)
    shuffled = as_meridian_gives_it(source).isel(geo=[2, 0, 3, 1], media_channel=[1, 0])
    samples = extracted(source, shuffled)
    xr.testing.assert_equal(samples, source.samples)
    for name, dims in PARAMETER_DIMS.items():
        assert samples[name].dims == ("chain", "draw", *dims)


def test_a_pooled_sigma_is_there_for_every_geo() -> None:
    source = made_up_posterior(tiny_model_data())
    pooled = source.samples["sigma"].values[:, :, :1]
    np.testing.assert_array_equal(extracted(source)["sigma"].values, np.repeat(pooled, 3, axis=2))


def test_parameters_of_a_saturation_that_is_not_there_are_one() -> None:
    data = tiny_model_data()
    spec = dataclasses.replace(build_spec(Config(), data), saturation=("none", "hill"))
    source = made_up_posterior(data, spec=spec)
    source.samples["slope_m"][:] = 1.7
    samples = extracted(source)
    assert np.all(samples[["ec_m", "slope_m"]].isel(channel=0).to_array() == 1)
    np.testing.assert_array_equal(samples["ec_m"].values[:, :, 1], source.samples["ec_m"].values[:, :, 1])
    assert np.all(samples["slope_m"].values[:, :, 1] == 1.7)


@pytest.mark.parametrize("left_out", [(), ("eta_m", "tau_g", "gamma_c", "xi_c", "gamma_gc")])
def test_what_is_fixed_in_a_national_model_is_zero(left_out: tuple[str, ...]) -> None:
    source = made_up_posterior(tiny_model_data(n_geos=1, n_controls=0))
    theirs = as_meridian_gives_it(source)
    theirs = theirs.assign(eta_m=theirs["eta_m"] * 0, tau_g=theirs["tau_g"] * 0)
    samples = extracted(source, theirs.drop_vars(left_out, errors="ignore"))
    assert not samples["eta_m"].values.any()
    assert not samples["tau_g"].values.any()
    assert samples["gamma_gc"].shape == (2, 50, 1, 0)


@pytest.mark.parametrize(
    ("prior_type", "sampled"), [("roi", True), ("mroi", False), ("contribution", False), ("coefficient", False)]
)
def test_roi_is_derived_unless_meridian_samples_it(prior_type: str, sampled: bool) -> None:
    data = everything()
    spec = build_spec(Config.model_validate({"model": {"media_prior_type": prior_type}}), data)
    assert roi_is_sampled(data, spec) is sampled


def test_draws_that_are_not_finite_are_an_error_with_a_remedy() -> None:
    source = made_up_posterior(tiny_model_data())
    source.samples["roi_m"][0, 3, 1] = np.nan
    with pytest.raises(SamplingError, match=r"roi_m that are not finite; raise training\.tune"):
        extracted(source)


def test_tree_depth_follows_from_the_number_of_steps() -> None:
    steps = np.array([[1, 3, 7, 15], [2, 127, 128, 1023]])
    dims = ("chain", "draw")
    stats = xr.Dataset({name: (dims, np.zeros(steps.shape)) for name in ("lp", "step_size")})
    stats["n_steps"], stats["diverging"] = (dims, steps), (dims, np.zeros(steps.shape, dtype=bool))
    statistics = canonical_statistics(SimpleNamespace(sample_stats=stats))
    assert statistics["tree_depth"].values.tolist() == [[1, 2, 3, 4], [2, 7, 8, 10]]
    assert "energy" not in statistics
