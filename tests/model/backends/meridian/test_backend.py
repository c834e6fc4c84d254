"""Meridian end to end on tiny data: its own analysis of a fit is what the canonical posterior says."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, SamplingError, SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import Backend, SamplerSettings, get_backend
from mmm_core.model.backends.meridian import backend as module
from mmm_core.model.backends.meridian.backend import MeridianBackend
from mmm_core.model.backends.meridian.extraction import canonical_samples
from mmm_core.model.backends.meridian.groups_of_chains import grouped
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.progress import StepCounter
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored
from mmm_core.model.forward import expected_kpi, incremental_outcome
from mmm_core.model.posterior import PARAMETER_DIMS, Posterior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data
from tests.model.backends.meridian.panels import everything

pytestmark = pytest.mark.slow

SETTINGS = SamplerSettings(chains=2, tune=60, draws=40, target_accept=0.8, max_tree_depth=5, seed=4)
FOUR_CHAINS = dataclasses.replace(SETTINGS, chains=4)


@dataclass(frozen=True)
class Fit:
    """A posterior and the Meridian model it came from."""

    posterior: Posterior
    meridian: Any
    counter: StepCounter
    progress: list[tuple[str, int, int]]


def specification(data: ModelData, national: bool = False) -> ModelSpec:
    """Everything that is not the default at once."""
    features = {
        "adstock": {"type": "binomial", "max_lag": 4, "platform_overrides": {"channel_1": {"decay": 0.3}}},
        "saturation": {"slope": "free"},
    }
    model = {
        "knots": 3,
        "media_scaling": "geo_max",
        "unique_sigma_for_each_geo": True,
        "media_prior_type": "mroi",
    }
    if national:
        return build_spec(Config.model_validate({"model": {"knots": 3}}), data)
    return build_spec(Config.model_validate({"model": model, "features": features}), data)


@pytest.fixture(scope="module")
def fit() -> Fit:
    data = dataclasses.replace(everything(), geos=("West 10", "West 2", "East"))
    seen: list[tuple[str, int, int]] = []
    built: list[Any] = []
    counter = StepCounter()

    def build_and_keep(*args: Any) -> Any:
        built.append(build_model(*args))
        return built[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "build_model", build_and_keep)
        patch.setattr(module, "StepCounter", lambda groups: counter)
        posterior = MeridianBackend().sample(data, specification(data), SETTINGS, lambda *call: seen.append(call))
    return Fit(posterior, built[0], counter, seen)


@pytest.fixture(scope="module")
def national() -> Posterior:
    data = tiny_model_data(1, 40, n_controls=0)
    return MeridianBackend().sample(data, specification(data, national=True), FOUR_CHAINS)


def test_the_posterior_is_canonical(fit: Fit) -> None:
    samples = fit.posterior.samples
    assert set(samples.data_vars) == set(PARAMETER_DIMS)
    for name, dims in PARAMETER_DIMS.items():
        assert samples[name].dims == ("chain", "draw", *dims)
        assert np.all(np.isfinite(samples[name].values))
    sizes = {"chain": 2, "draw": 40, "geo": 3, "channel": 4, "paid_channel": 3, "control": 5, "knot": 3}
    assert samples.sizes == sizes
    assert tuple(samples["geo"].values) == fit.posterior.data.geos
    assert not samples["tau_g"].values[:, :, np.argmax(fit.posterior.data.population)].any()


def test_groups_of_chains_at_once_give_the_draws_of_meridians_own_calls_one_after_the_other(
    national: Posterior,
) -> None:
    data, spec = national.data, national.spec
    model = build_model(data, spec, national.scaling)
    with expected_warnings_ignored():
        model.sample_posterior(
            n_chains=[2, 2],
            n_adapt=48,
            n_burnin=12,
            n_keep=FOUR_CHAINS.draws,
            seed=FOUR_CHAINS.seed,
            max_tree_depth=FOUR_CHAINS.max_tree_depth,
            max_energy_diff=1000.0,
            dual_averaging_kwargs=(("target_accept_prob", FOUR_CHAINS.target_accept),),
        )
    xr.testing.assert_allclose(canonical_samples(model.inference_data, data, spec), national.samples, rtol=1e-9)


def test_each_chain_has_draws_of_its_own(fit: Fit) -> None:
    roi = fit.posterior.samples["roi_m"].values
    assert not np.any(roi[0] == roi[1])


@pytest.mark.parametrize("which", ["fit", "national"])
def test_the_roi_that_the_effects_imply_is_the_roi_parameter(which: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(which)
    posterior: Posterior = found.posterior if which == "fit" else found
    n_paid = len(posterior.data.paid_channels)
    spend = posterior.data.spend.sum(axis=(0, 1))[:n_paid]
    implied = incremental_outcome(posterior).sum(axis=1)[:, :n_paid] / spend
    np.testing.assert_allclose(implied, posterior.stacked("roi_m"), rtol=1e-9)


def test_roi_of_reach_is_its_marginal_roi(fit: Fit) -> None:
    """That is why Meridian is given the one for the other."""
    theirs = fit.meridian.inference_data.posterior["roi_rf"].values[:, :, 0]
    np.testing.assert_allclose(theirs, fit.posterior.samples["roi_m"].values[:, :, 1], rtol=1e-9)


def test_effects_follow_from_their_mean_and_spread(fit: Fit, national: Posterior) -> None:
    samples = fit.posterior.samples
    z = (np.log(samples["beta_gm"]) - samples["beta_m"]) / samples["eta_m"]
    assert 0.3 < float(z.std()) < 3
    np.testing.assert_allclose(national.samples["beta_m"], national.samples["beta_gm"].isel(geo=0))
    assert not national.samples["eta_m"].values.any()
    assert not national.samples["tau_g"].values.any()


def test_the_forward_model_is_meridians_own_analysis(fit: Fit) -> None:
    from meridian.analysis.analyzer import Analyzer

    posterior = fit.posterior
    with expected_warnings_ignored():
        analyzer = Analyzer(model_context=fit.meridian.model_context, inference_data=fit.meridian.inference_data)
        expected = analyzer.expected_outcome(use_kpi=True, aggregate_geos=False, aggregate_times=False)
        increments = analyzer.incremental_outcome(aggregate_geos=False, aggregate_times=True)
    present = posterior.data.present
    theirs = np.asarray(expected).reshape(posterior.n_draws, 3, 40)
    np.testing.assert_allclose(theirs[:, present], expected_kpi(posterior)[:, present], rtol=1e-9)
    ours = incremental_outcome(posterior)[:, :, [0, 2, 1, 3]]
    np.testing.assert_allclose(np.asarray(increments).reshape(ours.shape), ours, rtol=1e-8)


def test_how_the_fit_came_about_is_recorded(fit: Fit) -> None:
    info = fit.posterior.info
    assert (info.backend, info.chains, info.draws, info.tune, info.seed) == ("meridian", 2, 40, 60, 4)
    assert info.backend_version.startswith("2.")
    assert info.compile_seconds is not None
    assert 0 < info.compile_seconds <= info.seconds
    assert not info.warm_start
    stats = fit.posterior.sample_stats
    assert stats["diverging"].dtype == bool
    assert int(stats["tree_depth"].max()) <= SETTINGS.max_tree_depth


def test_progress_is_told_while_it_compiles_and_samples(fit: Fit) -> None:
    assert fit.counter.steps == 100
    assert fit.progress[0] == ("meridian: preparing", 0, 200)
    assert fit.progress[-1] == ("meridian: sampled", 200, 200)
    between = fit.progress[1:-1]
    assert between[0][0].startswith("meridian: compiling")
    done = [steps for _, steps, _ in between]
    assert done == sorted(done)
    assert done[-1] <= 200


@pytest.mark.full
def test_an_interrupted_fit_stops_sampling() -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what.startswith("meridian: compiling"):
            raise KeyboardInterrupt

    data = tiny_model_data(1, 40, n_controls=0)
    long = dataclasses.replace(SETTINGS, draws=20_000)
    with pytest.raises(KeyboardInterrupt):
        MeridianBackend().sample(data, specification(data, national=True), long, interrupt)


def test_a_device_that_is_not_there_is_refused() -> None:
    from jax import devices

    if any(device.platform == "gpu" for device in devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match=r"runtime\.device is gpu, but JAX sees none"):
        module._device(dataclasses.replace(SETTINGS, device="gpu"))


def test_four_chains_or_more_are_sampled_in_two_equal_groups() -> None:
    assert [grouped(chains) for chains in (1, 2, 3, 4, 5, 8)] == [[1], [2], [3], [2, 2], [5], [4, 4]]


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
    built = build_model(data, spec, fit_scaling(data, "pooled_median"))
    from meridian.model import model

    def fail(*args: Any, **settings: Any) -> None:
        raise getattr(model, raised)("no luck")

    monkeypatch.setattr(built, "sample_posterior", fail)
    with pytest.raises(SamplingError, match=said):
        module._sample(built, SETTINGS)
