"""Meridian's InferenceData becomes the canonical posterior, whatever its order."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from mmm_core.errors import SamplingError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.extraction import canonical_samples, canonical_statistics
from mmm_core.model.posterior import PARAMETER_DIMS
from tests.factories import made_up_posterior, tiny_model_data

_THEIRS = {"channel": "media_channel", "control": "control_variable", "knot": "knots"}


def as_meridian_gives_it(samples: xr.Dataset, pooled_sigma: bool = True) -> Any:
    posterior = samples.rename(_THEIRS)
    if pooled_sigma:
        posterior["sigma"] = posterior["sigma"].isel(geo=0, drop=True)
    return SimpleNamespace(posterior=posterior)


def test_draws_are_found_by_label() -> None:
    data = tiny_model_data(n_geos=4)
    source = made_up_posterior(data)
    shuffled = source.samples.isel(geo=[2, 0, 3, 1], channel=[1, 0])
    samples = canonical_samples(
        as_meridian_gives_it(shuffled, pooled_sigma=False), data, source.spec, np.array([1.0, 1.0])
    )
    xr.testing.assert_equal(samples, source.samples)
    for name, dims in PARAMETER_DIMS.items():
        assert samples[name].dims == ("chain", "draw", *dims)


def test_a_pooled_sigma_is_there_for_every_geo() -> None:
    data = tiny_model_data()
    source = made_up_posterior(data)
    samples = canonical_samples(as_meridian_gives_it(source.samples), data, source.spec, np.ones(2))
    pooled = source.samples["sigma"].values[:, :, :1]
    np.testing.assert_array_equal(samples["sigma"].values, np.repeat(pooled, 3, axis=2))


def test_half_saturation_is_in_units_of_the_specification() -> None:
    data = tiny_model_data()
    source = made_up_posterior(data)
    samples = canonical_samples(as_meridian_gives_it(source.samples), data, source.spec, np.array([2.0, 0.5]))
    np.testing.assert_allclose(samples["ec_m"].values, source.samples["ec_m"].values * [2.0, 0.5])


@pytest.mark.parametrize("left_out", [(), ("eta_m", "tau_g", "gamma_c", "xi_c", "gamma_gc")])
def test_what_is_fixed_in_a_national_model_is_zero_and_effects_are_logs(left_out: tuple[str, ...]) -> None:
    data: ModelData = tiny_model_data(n_geos=1, n_controls=0)
    source = made_up_posterior(data)
    theirs = source.samples.assign(eta_m=source.samples["eta_m"] * 0, tau_g=source.samples["tau_g"] * 0)
    samples = canonical_samples(as_meridian_gives_it(theirs.drop_vars(left_out)), data, source.spec, np.ones(2))
    assert not samples["eta_m"].values.any()
    assert not samples["tau_g"].values.any()
    assert samples["gamma_gc"].shape == (2, 50, 1, 0)
    np.testing.assert_allclose(np.exp(samples["beta_m"].values), samples["beta_gm"].values[:, :, 0])


def test_draws_that_are_not_finite_are_an_error_with_a_remedy() -> None:
    data = tiny_model_data()
    source = made_up_posterior(data)
    source.samples["roi_m"][0, 3, 1] = np.nan
    with pytest.raises(SamplingError, match=r"roi_m that are not finite; raise training\.tune"):
        canonical_samples(as_meridian_gives_it(source.samples), data, source.spec, np.ones(2))


def test_tree_depth_follows_from_the_number_of_steps() -> None:
    steps = np.array([[1, 3, 7, 15], [2, 127, 128, 1023]])
    dims = ("chain", "draw")
    stats = xr.Dataset({name: (dims, np.zeros(steps.shape)) for name in ("lp", "step_size")})
    stats["n_steps"], stats["diverging"] = (dims, steps), (dims, np.zeros(steps.shape, dtype=bool))
    statistics = canonical_statistics(SimpleNamespace(sample_stats=stats))
    assert statistics["tree_depth"].values.tolist() == [[1, 2, 3, 4], [2, 7, 8, 10]]
    assert "energy" not in statistics
