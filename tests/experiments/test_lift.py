"""Lift tests as likelihood terms: the JAX counterfactual against the forward model, gradients, what is kept."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import get_backend
from mmm_core.model.backends.meridian.capabilities import unsupported_by_meridian
from mmm_core.model.backends.pymc.likelihood import CollapsedLikelihood, Parameters, collapsed_likelihood
from mmm_core.model.backends.pymc.media import MediaParameters
from mmm_core.model.backends.pymc.padding import known_lags, pad_weeks
from mmm_core.model.lift import lift_draws
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

_FREE = Prior("log_normal", (0.3, 0.4))
_DATA = tiny_model_data(n_geos=3, n_weeks=30, n_channels=2, n_controls=1, extras=EVERYTHING)


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def _test(
    data: ModelData, channels: tuple[int, ...], geos: tuple[int, ...], first: int, n: int, **other: Any
) -> LiftTest:
    """Half of the media was the change; measured 1e5 with sd 2e4 unless said otherwise."""
    without = 0.5 * data.media[np.ix_(geos, range(first, first + n), channels)].transpose(2, 0, 1)
    fields = {"measured": 1e5, "sd": 2e4} | other
    return LiftTest(
        name=f"test {channels} {first}",
        channels=tuple(data.channels[m] for m in channels),
        geos=tuple(data.geos[g] for g in geos),
        first_week=str(data.dates[first]),
        without=tuple(tuple(tuple(row) for row in channel) for channel in without.tolist()),
        **fields,
    )


_TESTS = (
    _test(_DATA, (0,), (0, 2), 12, 4),
    _test(_DATA, (0, 1, 2, 3), (0, 1, 2), 8, 3, post_weeks=2, unit="kpi"),
    _test(_DATA, (2,), (1,), 20, 1, post_weeks=9),
    _test(_DATA, (1, 3), (0,), 0, 30),
)
_SPECS: dict[str, dict[str, Any]] = {
    "plain": {},
    "free slope": {"slope": (_FREE,) * 4},
    "hill before adstock": {"hill_before_adstock": True, "slope": (_FREE,) * 4},
    "every adstock": {"adstock": ("geometric", "binomial", "delayed", "weibull")},
    "every saturation": {"saturation": ("hill", "logistic", "michaelis_menten", "none")},
    "normal effects": {"media_effects": "normal"},
    "long lags": {"max_lag_weeks": 40},
}


def _spec(name: str, tests: tuple[LiftTest, ...] = _TESTS) -> ModelSpec:
    return dataclasses.replace(build_spec(Config(), _DATA), lift_tests=tests, **_SPECS[name])


def _posterior(spec: ModelSpec) -> Posterior:
    return made_up_posterior(_DATA, 1, 3, spec=spec)


def _likelihood(posterior: Posterior) -> CollapsedLikelihood:
    return collapsed_likelihood(posterior.data, posterior.spec, posterior.scaling)


def _media(posterior: Posterior, s: int) -> tuple[MediaParameters, np.ndarray]:
    """What shapes the media in one draw, and the effects by geo and channel."""
    alpha, ec, slope, theta = (posterior.stacked(name)[s] for name in ("alpha_m", "ec_m", "slope_m", "theta_m"))
    beta = posterior.stacked("beta_gm")[s]
    return MediaParameters(alpha, ec, slope, theta, beta[0], np.zeros_like(alpha), np.zeros_like(beta)), beta


@pytest.mark.parametrize("name", _SPECS)
def test_the_models_counterfactual_equals_that_of_the_forward_model(name: str) -> None:
    posterior = _posterior(_spec(name))
    lift = _likelihood(posterior).lift
    assert lift is not None
    expected = np.stack([lift_draws(posterior, test) for test in _TESTS], axis=1)
    for s in range(posterior.n_draws):
        np.testing.assert_allclose(lift.effects(*_media(posterior, s)), expected[s], rtol=1e-8)


def test_the_forward_models_counterfactual_is_a_difference_of_expected_kpi() -> None:
    from mmm_core.model.forward import expected_kpi

    for spec in (_spec("free slope"), robust(_DATA)):
        posterior = _posterior(spec)
        test = _TESTS[1]
        change = expected_kpi(posterior) - expected_kpi(posterior, test.media_without(_DATA))
        np.testing.assert_allclose(
            lift_draws(posterior, test), change[:, :, 8:13].sum(axis=(1, 2)), rtol=1e-8, atol=1e-6
        )


def _parameters(spec: ModelSpec, seed: int) -> Parameters:
    rng = np.random.default_rng(seed)
    free = np.array([prior.family != "deterministic" for prior in spec.slope])
    media = MediaParameters(
        alpha=rng.uniform(0.1, 0.9, 4),
        ec=rng.uniform(0.3, 2.0, 4),
        slope=np.where(free, rng.uniform(0.7, 2.0, 4), 1.0),
        theta=rng.uniform(0.4, 2.5, 4),
        effect=np.array([1.0, 1.5, 0.8, 0.05]),
        eta=rng.uniform(0.1, 0.8, 4),
        z=rng.normal(size=(3, 4)),
    )
    return Parameters(media, np.full(3, 0.6), rng.uniform(0.05, 0.5, len(_DATA.controls)))


@pytest.mark.parametrize("name", ["free slope", "every adstock", "every saturation", "hill before adstock"])
def test_the_gradient_with_lift_tests_equals_finite_differences(name: str) -> None:
    import jax
    from jax.flatten_util import ravel_pytree

    spec = _spec(name)
    likelihood = _likelihood(_posterior(spec))
    flat, unflatten = ravel_pytree(_parameters(spec, 1))

    def density(vector: Any) -> Any:
        parameters = unflatten(vector).media
        effect = likelihood.media.effect(parameters, likelihood.media.transform(parameters))
        assert likelihood.lift is not None
        return likelihood.lift.log_density(parameters, effect.beta_gm)

    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    compiled = jax.jit(jax.value_and_grad(density), compiler_options=options)
    point = np.asarray(flat)
    gradient = np.asarray(compiled(point)[1])
    assert np.isfinite(gradient).all()
    for i in np.flatnonzero(point * (np.abs(gradient) > 0)):
        shift = 1e-6 * max(1.0, abs(point[i])) * np.eye(1, len(point), i)[0]
        slope = (float(compiled(point + shift)[0]) - float(compiled(point - shift)[0])) / (2 * shift[i])
        assert gradient[i] == pytest.approx(slope, rel=2e-4, abs=1e-4)


def test_a_lift_test_adds_the_normal_log_density_of_what_was_measured() -> None:
    import jax

    spec = _spec("plain")
    posterior = _posterior(spec)
    bare = dataclasses.replace(posterior, spec=dataclasses.replace(spec, lift_tests=()))
    parameters = _parameters(spec, 2)
    likelihood = _likelihood(posterior)
    effect = likelihood.media.effect(parameters.media, likelihood.media.transform(parameters.media))
    assert likelihood.lift is not None
    effects = np.asarray(likelihood.lift.effects(parameters.media, effect.beta_gm))
    expected = sum(
        stats.norm(mean, test.sd).logpdf(test.measured) for mean, test in zip(effects, _TESTS, strict=True)
    )
    options = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    with_tests, without = _likelihood(posterior), _likelihood(bare)
    together = jax.jit(
        lambda: with_tests.log_likelihood(parameters) - without.log_likelihood(parameters),
        compiler_options=options,
    )
    assert float(together()) == pytest.approx(expected, rel=1e-9)


def test_absent_weeks_at_the_end_and_single_precision_media_leave_the_terms_alone() -> None:
    posterior = _posterior(_spec("plain"))
    likelihood = _likelihood(posterior)
    padded = pad_weeks(_DATA, len(_DATA.dates) + 5)
    longer = collapsed_likelihood(padded, known_lags(posterior.spec, _DATA), posterior.scaling)
    media = _media(posterior, 0)
    assert likelihood.lift is not None
    assert longer.lift is not None
    expected = likelihood.lift.effects(*media)
    np.testing.assert_allclose(longer.lift.effects(*media), expected, rtol=1e-12)
    single = likelihood.in_single_precision().lift
    assert single is not None
    np.testing.assert_array_equal(single.effects(*media), expected)


def test_lift_tests_are_kept_with_the_posterior_however_long_they_are(tmp_path: Path) -> None:
    tests = tuple(dataclasses.replace(_TESTS[3], name=f"test {i}") for i in range(100))
    posterior = _posterior(_spec("plain", tests))
    posterior.save(tmp_path / "posterior.nc")
    assert Posterior.load(tmp_path / "posterior.nc").spec == posterior.spec
    assert ModelSpec.from_json(posterior.spec.to_json()) == posterior.spec


def test_a_backend_or_family_that_has_no_lift_tests_says_so() -> None:
    (reason,) = (r for r in unsupported_by_meridian(_DATA, _spec("plain")) if "calibration" in r)
    assert "calibration.use is likelihood" in reason
    assert "calibration.use to prior, or set model.backend to pymc" in reason
    spec = dataclasses.replace(robust(_DATA), lift_tests=_TESTS)
    (reason,) = get_backend("pymc").unsupported(_DATA, spec)
    assert "model.family to gaussian" in reason


def test_cells_that_the_data_lack_are_refused() -> None:
    spec = _spec("plain", (dataclasses.replace(_TESTS[2], post_weeks=10),))
    with pytest.raises(SpecificationError, match=r"11 weeks from .* leave the test out"):
        _likelihood(_posterior(spec))
    spec = _spec("plain", (dataclasses.replace(_TESTS[2], geos=("Atlantis",)),))
    with pytest.raises(SpecificationError, match="geo Atlantis"):
        _likelihood(_posterior(spec))
