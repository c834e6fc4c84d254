"""Meridian end to end on tiny data: its own analysis of a fit is what the canonical posterior says."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.errors import SamplingError, SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import Backend, SamplerSettings, get_backend
from mmm_core.model.backends.meridian import backend as module
from mmm_core.model.backends.meridian.backend import MeridianBackend
from mmm_core.model.backends.meridian.inputs import MeridianModel, build_model
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored
from mmm_core.model.forward import expected_kpi, incremental_outcome
from mmm_core.model.posterior import PARAMETER_DIMS, Posterior
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

pytestmark = pytest.mark.slow

SETTINGS = SamplerSettings(chains=2, tune=60, draws=40, target_accept=0.8, max_tree_depth=5, seed=4)


@dataclass(frozen=True)
class Fit:
    """A posterior and the Meridian model it came from."""

    posterior: Posterior
    meridian: Any
    progress: list[tuple[str, int, int]]


def specification(data: ModelData, national: bool = False) -> ModelSpec:
    """Everything that is not the default at once."""
    features = {
        "adstock": {"type": "binomial", "max_lag": 4, "platform_overrides": {"channel_1": {"decay": 0.3}}},
        "saturation": {"slope": "free"},
    }
    model = {"knots": 3, "media_scaling": "geo_max", "unique_sigma_for_each_geo": True}
    if national:
        return build_spec(Config.model_validate({"model": {"knots": 3}}), data)
    return build_spec(Config.model_validate({"model": model, "features": features}), data)


@pytest.fixture(scope="module")
def fit() -> Iterator[Fit]:
    data = dataclasses.replace(tiny_model_data(3, 40), geos=("West 10", "West 2", "East"))
    seen: list[tuple[str, int, int]] = []
    built: list[MeridianModel] = []

    def build_and_keep(*args: Any) -> MeridianModel:
        built.append(build_model(*args))
        return built[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "build_model", build_and_keep)
        posterior = MeridianBackend().sample(data, specification(data), SETTINGS, lambda *call: seen.append(call))
        yield Fit(posterior, built[0].model, seen)


@pytest.fixture(scope="module")
def national() -> Posterior:
    return national_fit(SETTINGS)


def national_fit(settings: SamplerSettings) -> Posterior:
    data = tiny_model_data(1, 40, n_controls=0)
    return MeridianBackend().sample(data, specification(data, national=True), settings)


def test_the_posterior_is_canonical(fit: Fit) -> None:
    samples = fit.posterior.samples
    assert set(samples.data_vars) == set(PARAMETER_DIMS)
    for name, dims in PARAMETER_DIMS.items():
        assert samples[name].dims == ("chain", "draw", *dims)
        assert np.all(np.isfinite(samples[name].values))
    assert samples.sizes == {"chain": 2, "draw": 40, "geo": 3, "channel": 2, "control": 1, "knot": 3}
    assert tuple(samples["geo"].values) == fit.posterior.data.geos
    assert not samples["tau_g"].values[:, :, np.argmax(fit.posterior.data.population)].any()


def test_the_same_seed_gives_the_same_draws(national: Posterior) -> None:
    xr.testing.assert_equal(national_fit(SETTINGS).samples, national.samples)


def test_each_chain_has_draws_of_its_own(fit: Fit) -> None:
    roi = fit.posterior.samples["roi_m"].values
    assert not np.any(roi[0] == roi[1])


@pytest.mark.parametrize("which", ["fit", "national"])
def test_the_roi_that_the_effects_imply_is_the_roi_parameter(which: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(which)
    posterior: Posterior = found.posterior if which == "fit" else found
    implied = incremental_outcome(posterior).sum(axis=1) / posterior.data.spend.sum(axis=(0, 1))
    np.testing.assert_allclose(implied, posterior.stacked("roi_m"), rtol=1e-10)


def test_effects_follow_from_their_mean_and_spread(fit: Fit, national: Posterior) -> None:
    samples = fit.posterior.samples
    z = (np.log(samples["beta_gm"]) - samples["beta_m"]) / samples["eta_m"]
    assert 0.3 < float(z.std()) < 3
    np.testing.assert_allclose(np.exp(national.samples["beta_m"]), national.samples["beta_gm"].isel(geo=0))
    assert not national.samples["eta_m"].values.any()
    assert not national.samples["tau_g"].values.any()


def test_the_forward_model_is_meridians_own_analysis(fit: Fit) -> None:
    from meridian.analysis.analyzer import Analyzer

    posterior = fit.posterior
    with expected_warnings_ignored():
        analyzer = Analyzer(model_context=fit.meridian.model_context, inference_data=fit.meridian.inference_data)
        expected = analyzer.expected_outcome(use_kpi=True, aggregate_geos=False, aggregate_times=False)
        increments = analyzer.incremental_outcome(aggregate_geos=False, aggregate_times=True)
    shape = (posterior.n_draws, 3, 40)
    np.testing.assert_allclose(np.asarray(expected).reshape(shape), expected_kpi(posterior), rtol=1e-9)
    np.testing.assert_allclose(
        np.asarray(increments).reshape(posterior.n_draws, 3, 2), incremental_outcome(posterior), rtol=1e-8
    )


def test_how_the_fit_came_about_is_recorded(fit: Fit) -> None:
    info = fit.posterior.info
    assert (info.backend, info.chains, info.draws, info.tune, info.seed) == ("meridian", 2, 40, 60, 4)
    assert info.backend_version.startswith("2.")
    assert info.compile_seconds is not None
    assert 0 < info.compile_seconds <= info.seconds
    stats = fit.posterior.sample_stats
    assert stats["diverging"].dtype == bool
    assert int(stats["tree_depth"].max()) <= SETTINGS.max_tree_depth


def test_progress_says_when_it_starts_and_when_it_is_done(fit: Fit) -> None:
    assert [(done, total) for _, done, total in fit.progress] == [(0, 200), (200, 200)]


def test_the_registry_finds_it_by_name() -> None:
    backend: Backend = get_backend("meridian")
    assert backend.name == "meridian"


def test_channels_that_cannot_be_told_apart_are_refused_by_name() -> None:
    data = tiny_model_data(3, 40)
    media = data.media.copy()
    media[:, :, 1] = 2 * media[:, :, 0]
    data = dataclasses.replace(data, media=media)
    spec = build_spec(Config.model_validate({"model": {"knots": 3}}), data)
    with pytest.raises(SpecificationError, match=r"channel_0.*channel_1.*Drop or merge") as caught:
        MeridianBackend().sample(data, spec, SETTINGS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "said"),
    [("MCMCOOMError", r"out of memory .* lower training\.chains"), ("MCMCSamplingError", "could not sample")],
)
def test_failures_of_its_sampler_become_sampling_errors(
    raised: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_model_data(3, 40)
    spec = build_spec(Config.model_validate({"model": {"knots": 3}}), data)
    built = build_model(data, spec)
    from meridian.model import model

    def fail(*args: Any, **settings: Any) -> None:
        raise getattr(model, raised)("no luck")

    monkeypatch.setattr(built.model, "sample_posterior", fail)
    with pytest.raises(SamplingError, match=said):
        module._sample(built.model, SETTINGS)
