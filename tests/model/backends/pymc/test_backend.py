"""The PyMC backend end to end, on data small enough to sample in seconds."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, SamplingError, SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings, get_backend
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import PARAMETER_DIMS, Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

SETTINGS = SamplerSettings(chains=2, tune=200, draws=100, target_accept=0.85, max_tree_depth=8, seed=5)


def spec_of(data: ModelData, **changes: object) -> ModelSpec:
    return dataclasses.replace(build_spec(Config(), data), knots=(0, len(data.dates) - 1), **changes)


@pytest.fixture(scope="module")
def data() -> ModelData:
    return tiny_model_data(n_geos=3, n_weeks=30)


@pytest.fixture(scope="module")
def seen() -> list[tuple[int, int]]:
    """Progress reports of the fit."""
    return []


@pytest.fixture(scope="module")
def posterior(data: ModelData, seen: list[tuple[int, int]]) -> Posterior:
    def record(what: str, done: int, total: int) -> None:
        seen.append((done, total))

    return get_backend("pymc").sample(data, spec_of(data), SETTINGS, record)


def test_posterior_has_every_canonical_parameter(posterior: Posterior) -> None:
    for name, dims in PARAMETER_DIMS.items():
        assert posterior.samples[name].dims == ("chain", "draw", *dims)
        assert np.isfinite(posterior.samples[name]).all()
    assert set(posterior.sample_stats) >= {"diverging", "energy", "tree_depth", "n_steps", "lp"}
    assert posterior.info.backend == "pymc"
    assert 0 < posterior.info.compile_seconds < posterior.info.seconds


def test_implied_roi_is_the_sampled_roi_in_every_draw(posterior: Posterior, data: ModelData) -> None:
    implied = incremental_outcome(posterior).sum(axis=1) / data.spend.sum(axis=(0, 1))
    np.testing.assert_allclose(implied, posterior.stacked("roi_m"), rtol=1e-9)


def test_baseline_geo_has_no_intercept_of_its_own(posterior: Posterior, data: ModelData) -> None:
    tau = posterior.stacked("tau_g")
    assert (tau[:, np.argmax(data.population)] == 0).all()
    assert (np.delete(tau, np.argmax(data.population), axis=1) != 0).all()


def test_same_seed_gives_the_same_draws(posterior: Posterior, data: ModelData) -> None:
    again = get_backend("pymc").sample(data, spec_of(data), SETTINGS)
    xr.testing.assert_identical(again.samples, posterior.samples)


def test_posterior_survives_its_file(posterior: Posterior, tmp_path: Path) -> None:
    posterior.save(tmp_path / "posterior.nc")
    loaded = Posterior.load(tmp_path / "posterior.nc")
    xr.testing.assert_equal(loaded.samples, posterior.samples)
    assert loaded.info == posterior.info


def test_progress_starts_at_nothing_and_reaches_the_end(posterior: Posterior, seen: list[tuple[int, int]]) -> None:
    assert seen[0] == (0, 600)
    assert seen[-1] == (600, 600)
    assert seen == sorted(seen)


def test_national_panel_has_nothing_that_varies_over_geos() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=40, n_controls=0)
    posterior = get_backend("pymc").sample(data, spec_of(data), SETTINGS)
    for name in ("tau_g", "eta_m", "xi_c"):
        assert (posterior.samples[name] == 0).all()
    np.testing.assert_array_equal(posterior.stacked("beta_m"), posterior.stacked("beta_gm")[:, 0])


def test_linear_prior_that_is_not_normal_is_refused_with_the_backend_that_can(data: ModelData) -> None:
    spec = spec_of(data, tau=Prior("uniform", (-1.0, 1.0)))
    with pytest.raises(SpecificationError, match="meridian"):
        get_backend("pymc").sample(data, spec, SETTINGS)


def test_data_that_is_not_finite_is_refused_before_sampling(data: ModelData) -> None:
    kpi, media = data.kpi.copy(), data.media.copy()
    kpi[0, 3] = np.inf
    with pytest.raises(SamplingError, match=r"KPI in Geo0, week of 2023-01-23, is inf"):
        get_backend("pymc").sample(dataclasses.replace(data, kpi=kpi), spec_of(data), SETTINGS)
    media[2, 0, 1] = np.nan
    with pytest.raises(SamplingError, match=r"media of channel_1 in Geo2, week of 2023-01-02, is nan"):
        get_backend("pymc").sample(dataclasses.replace(data, media=media), spec_of(data), SETTINGS)


def test_gpu_that_is_not_there_is_refused_with_a_remedy(data: ModelData) -> None:
    import jax

    if jax.default_backend() != "cpu":
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match=r"runtime\.device to cpu"):
        get_backend("pymc").sample(data, spec_of(data), dataclasses.replace(SETTINGS, device="gpu"))


@pytest.mark.parametrize("error", [MemoryError(), None])
def test_too_little_memory_is_a_sampling_error_with_remedies(
    data: ModelData, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    import jax

    from mmm_core.model.backends.pymc import fitting

    raised = error or jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")

    def exhausted(*_: object) -> None:
        raise raised

    monkeypatch.setattr(fitting, "compile_together", exhausted)
    with pytest.raises(SamplingError, match=r"training\.draws"):
        get_backend("pymc").sample(data, spec_of(data), SETTINGS)


def test_warm_start_on_more_weeks_gives_the_posterior_of_a_cold_one_in_fewer_steps(tmp_path: Path) -> None:
    longer = tiny_model_data(n_geos=2, n_weeks=44, n_channels=1)
    earlier = first_weeks(longer, 40)
    settings = dataclasses.replace(SETTINGS, tune=400, draws=400, compile_cache=tmp_path)
    accepted = get_backend("pymc").sample(earlier, spec_of(earlier), settings)
    accepted.save(tmp_path / "posterior.nc")
    spec, start = spec_of(longer), Posterior.load(tmp_path / "posterior.nc")
    warm = get_backend("pymc").sample(longer, spec, settings, start=start)
    cold = get_backend("pymc").sample(longer, spec, settings)
    assert (accepted.info.warm_start, warm.info.warm_start, cold.info.warm_start) == (False, True, False)
    assert warm.info.tune == 100
    assert warm.info.draws == cold.info.draws == 400
    for name in ("alpha_m", "ec_m", "roi_m", "sigma"):
        _same_distribution(name, warm.samples[name].values[:, :, 0], cold.samples[name].values[:, :, 0])


@pytest.mark.full
def test_mixed_precision_gives_the_same_posterior() -> None:
    data = tiny_model_data(n_geos=2, n_weeks=40, n_channels=1)
    double = dataclasses.replace(SETTINGS, tune=300, draws=400)
    fits = [
        get_backend("pymc").sample(data, spec_of(data), settings)
        for settings in (double, dataclasses.replace(double, precision="mixed"))
    ]
    for name in ("alpha_m", "ec_m", "roi_m", "sigma"):
        _same_distribution(name, *(fit.samples[name].values[:, :, 0] for fit in fits))


def test_start_of_another_model_is_passed_over(posterior: Posterior, data: ModelData) -> None:
    other = spec_of(data, adstock=("binomial",) * 2)
    fit = get_backend("pymc").sample(data, other, SETTINGS, start=posterior)
    assert not fit.info.warm_start
    assert fit.info.tune == SETTINGS.tune


def test_interrupted_fit_goes_on_to_the_same_posterior(
    posterior: Posterior, data: ModelData, tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoint"

    def interrupt(what: str, done: int, total: int) -> None:
        if done >= 410:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get_backend("pymc").sample(data, spec_of(data), SETTINGS, interrupt, checkpoint=folder)
    assert sorted(path.name for path in folder.iterdir()) == ["chain-0.npz", "chain-1.npz"]
    seen: list[int] = []
    resumed = get_backend("pymc").sample(
        data, spec_of(data), SETTINGS, lambda what, done, total: seen.append(done), checkpoint=folder
    )
    assert seen[1] >= 400
    xr.testing.assert_identical(resumed.samples, posterior.samples)
    assert not folder.exists()


def test_checkpoint_of_another_fit_is_passed_over(data: ModelData, tmp_path: Path) -> None:
    from mmm_core.model.backends.pymc.checkpoint import Checkpoint, fingerprint

    fits = {
        fingerprint(data, spec_of(data), SETTINGS, None),
        fingerprint(data, spec_of(data, max_lag_weeks=3), SETTINGS, None),
        fingerprint(first_weeks(data, 29), spec_of(data), SETTINGS, None),
        fingerprint(data, spec_of(data), dataclasses.replace(SETTINGS, seed=6), None),
        fingerprint(dataclasses.replace(data, control_per_capita=(True,)), spec_of(data), SETTINGS, None),
    }
    assert len(fits) == 5
    assert fingerprint(data, spec_of(data), dataclasses.replace(SETTINGS, cores=1), None) in fits
    Checkpoint(tmp_path, "one").offer(0, lambda: {"done": np.array(3)}, now=True)
    assert Checkpoint(tmp_path, "one").resume(0) is not None
    assert Checkpoint(tmp_path, "other").resume(0) is None
    (tmp_path / "chain-0.npz").write_bytes(b"half a fi")
    assert Checkpoint(tmp_path, "one").resume(0) is None


def first_weeks(data: ModelData, n_weeks: int) -> ModelData:
    names = ("kpi", "media", "spend", "control_values", "present", "revenue_per_kpi")
    cut = {name: getattr(data, name)[:, :n_weeks] for name in names}
    return dataclasses.replace(data, dates=data.dates[:n_weeks], **cut)


@pytest.mark.slow
def test_collapsed_posterior_equals_that_of_sampling_everything() -> None:
    data = tiny_model_data(n_geos=2, n_weeks=30, n_channels=1)
    spec = spec_of(data)
    settings = SamplerSettings(chains=2, tune=500, draws=1000, target_accept=0.9, max_tree_depth=10, seed=2)
    ours = get_backend("pymc").sample(data, spec, settings)
    theirs = _sample_everything(data, spec)
    for name in ("alpha_m", "ec_m", "roi_m", "sigma", "knot_values", "gamma_c", "tau_g"):
        a = ours.samples[name].values.reshape(2, 1000, -1)
        b = theirs[name].reshape(*theirs[name].shape[:2], -1)
        for i in range(b.shape[2]):
            if b[:, :, i].std() > 0:
                _same_distribution(name, a[:, :, i], b[:, :, i])


def _same_distribution(name: str, a: np.ndarray, b: np.ndarray) -> None:
    import arviz as az

    error = np.hypot(az.mcse(a), az.mcse(b))
    assert abs(a.mean() - b.mean()) < 4 * error, name
    if name not in ("gamma_c", "tau_g", "knot_values"):  # heavy tails with two geos: no sd to speak of
        assert a.std() == pytest.approx(b.std(), rel=0.15), name


def _sample_everything(data: ModelData, spec: ModelSpec) -> dict[str, np.ndarray]:
    """A model without any of our algebra: every coefficient is a parameter of NumPyro's NUTS."""
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS

    scaling = fit_scaling(data, spec.media_scaling)
    n_geos, n_weeks = data.kpi.shape
    media, controls = (
        scaling.scale_media(data.media)[:, :, 0],
        scaling.scale_controls(data.control_values)[:, :, 0],
    )
    kpi, largest = scaling.scale_kpi(data.kpi), int(np.argmax(data.population))
    knots = np.stack([np.interp(np.arange(n_weeks), spec.knots, unit) for unit in np.eye(len(spec.knots))])
    worth = data.outcome_per_kpi * data.population[:, None] * scaling.kpi_sd

    def model() -> None:
        alpha = numpyro.sample("alpha_m", dist.Uniform(0, 1))
        ec = numpyro.sample("ec_m", dist.TruncatedNormal(0.8, 0.8, low=0.1, high=10.0))
        roi = numpyro.sample("roi_m", dist.LogNormal(0.2, 0.9))
        eta = numpyro.sample("eta_m", dist.HalfNormal(1.0))
        sigma = numpyro.sample("sigma", dist.HalfNormal(5.0))
        xi = numpyro.sample("xi_c", dist.HalfNormal(5.0))
        values = numpyro.sample("knot_values", dist.Normal(0, 5).expand([len(spec.knots)]).to_event(1))
        gamma = numpyro.sample("gamma_c", dist.Normal(0, 5))
        with numpyro.plate("geo", n_geos):
            z = numpyro.sample("z", dist.Normal(0, 1))
            z_control = numpyro.sample("z_control", dist.Normal(0, 1))
            free = numpyro.sample("tau_free", dist.Normal(0, 5))
        tau = numpyro.deterministic("tau_g", free * (np.arange(n_geos) != largest))
        lags = [jnp.pad(media, ((0, 0), (lag, 0)))[:, :n_weeks] for lag in range(spec.max_lag_weeks + 1)]
        weights = alpha ** jnp.arange(len(lags))
        stock = sum(weight * lag for weight, lag in zip(weights / weights.sum(), lags, strict=True))
        hill = stock / (stock + ec)
        relative = jnp.exp(eta * z)[:, None] * hill
        effect = relative * roi * data.spend.sum() / (relative * worth).sum()
        mean = tau[:, None] + values @ knots + effect + (gamma + xi * z_control)[:, None] * controls
        numpyro.sample("kpi", dist.Normal(mean, sigma), obs=kpi)

    kernel = NUTS(model, target_accept_prob=0.95)
    mcmc = MCMC(
        kernel, num_warmup=500, num_samples=1000, num_chains=2, chain_method="vectorized", progress_bar=False
    )
    mcmc.run(jax.random.PRNGKey(0))
    return {name: np.asarray(values) for name, values in mcmc.get_samples(group_by_chain=True).items()}
