"""The PyMC model is priors plus collapsed likelihood, whatever coordinates it is sampled in."""

import dataclasses
import os

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.pymc.density import Density
from mmm_core.model.backends.pymc.graph import Graph
from mmm_core.model.backends.pymc.likelihood import Parameters
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

EVERY_FAMILY = {
    "alpha": (Prior("uniform", (0.0, 0.9)), Prior("beta", (2.0, 5.0)), Prior("deterministic", (0.3,))),
    "ec": (
        Prior("truncated_normal", (0.8, 0.8, 0.1, 10.0)),
        Prior("gamma", (2.0, 1.5)),
        Prior("exponential", (0.7,)),
    ),
    "slope": (Prior("deterministic", (1.0,)), Prior("log_normal", (0.3, 0.4)), Prior("half_normal", (2.0,))),
    "effect": (
        Prior("log_normal", (0.2, 0.9)),
        Prior("truncated_normal", (1.0, 0.5, 0.0, 9.0)),
        Prior("shifted_log_normal", (0.1, 0.4, 0.2)),
    ),
}
EVERY_PRIOR_TYPE = {
    "prior_types": ("contribution", "mroi", "coefficient"),
    "effect": (Prior("beta", (2.0, 20.0)), Prior("log_normal", (0.0, 0.5)), Prior("normal", (0.1, 0.5))),
    "adstock": ("delayed", "weibull", "geometric"),
    "lag_shape": (Prior("uniform", (0.0, 4.0)), Prior("log_normal", (0.0, 0.5)), Prior("deterministic", (0.0,))),
}
ROBUST = {
    "family": "robust_log",
    "knot_values": Prior("normal", (0.1, 2.0)),
    "sigma": Prior("half_normal", (1.0,)),
}


def case(n_geos: int, **changes: object) -> tuple[ModelData, ModelSpec]:
    data = tiny_model_data(n_geos=n_geos, n_weeks=20, n_channels=3, n_controls=2)
    plain = {"media_effects": "log_normal"}
    return data, dataclasses.replace(build_spec(Config(), data), **(plain | changes))


def graph_of(data: ModelData, spec: ModelSpec) -> Graph:
    import jax

    jax.config.update("jax_enable_x64", True)
    from mmm_core.model.backends.pymc.graph import build_graph

    return build_graph(data, spec, fit_scaling(data, spec.media_scaling, spec.family))


def density_of(graph: Graph, data: ModelData) -> Density:
    from mmm_core.model.backends.pymc.density import flat_density

    return flat_density(graph, int(data.observed.sum()))


CASES = {
    "geos, every prior family": case(3, unique_sigma_for_each_geo=True, **EVERY_FAMILY),
    "geos, several prior types": case(3, **EVERY_PRIOR_TYPE),
    "national, every prior family": case(1, **EVERY_FAMILY),
    "national, several prior types": case(1, **EVERY_PRIOR_TYPE, media_effects="normal"),
    "default priors, one sigma": case(2),
    "normal effects": case(3, media_effects="normal"),
}


@pytest.mark.parametrize("name", CASES)
def test_log_density_is_priors_plus_collapsed_likelihood_plus_jacobian(name: str) -> None:
    import jax

    data, spec = CASES[name]
    graph = graph_of(data, spec)
    density = density_of(graph, data)
    pooled = not spec.unique_sigma_for_each_geo

    def free(parameters: Parameters) -> list[tuple[Prior, jax.Array]]:
        """Every entry that is not constant, with its prior."""
        media = parameters.media
        priors_by_channel = (spec.alpha, spec.ec, spec.slope, spec.lag_shape, spec.effect)
        entries = [
            (prior, value[m])
            for priors, value in zip(priors_by_channel, media, strict=False)
            for m, prior in enumerate(priors)
        ]
        sigma = parameters.sigma[:1] if pooled else parameters.sigma
        entries += [(spec.sigma, value) for value in sigma]
        if not data.is_national:
            entries += [(spec.eta, value) for value in media.eta] + [(spec.xi, value) for value in parameters.xi]
            entries += [(Prior("normal", (0.0, 1.0)), value) for value in media.z.ravel()]
        return [entry for entry in entries if entry[0].family != "deterministic"]

    def parameters_at(flat: jax.Array) -> Parameters:
        return graph.likelihood.from_coordinates(density.coordinates(flat))

    def values(flat: jax.Array) -> jax.Array:
        return jax.numpy.stack([value for _, value in free(parameters_at(flat))])

    rng = np.random.default_rng(4)
    for _ in range(2):
        flat = density.start + rng.uniform(-1, 1, density.start.shape)
        parameters = parameters_at(flat)
        prior = sum(float(p.frozen_scipy().logpdf(float(v))) for p, v in free(parameters))
        jacobian = np.linalg.slogdet(np.asarray(jax.jacfwd(values)(flat)))[1]
        expected = prior + jacobian + float(graph.likelihood.log_likelihood(parameters))
        assert float(density.log_density(flat, graph.likelihood)) == pytest.approx(expected, rel=1e-9)


def test_robust_log_density_is_priors_plus_likelihood_plus_jacobian() -> None:
    import jax

    data, spec = case(3, **ROBUST)
    graph = graph_of(data, spec)
    density = density_of(graph, data)

    def values(flat: jax.Array) -> jax.Array:
        alpha, ec, _, _, sigma_beta, relative_beta, _, sigma, nu = density.coordinates(flat)
        entries = (alpha, ec, sigma_beta[None], sigma_beta * relative_beta, sigma[:1], nu[None])
        coefficients = graph.likelihood.from_coordinates(density.coordinates(flat)).coefficients
        return jax.numpy.concatenate([*entries, coefficients])

    flat = density.start + np.random.default_rng(4).uniform(-1, 1, density.start.shape)
    numbers = [float(value) for value in values(flat)]
    coefficients = [spec.tau] * 2 + [spec.knot_values] * len(spec.knots) + [spec.gamma] * 2
    priors = [*spec.alpha, *spec.ec, spec.sigma_beta, *[Prior("half_normal", (numbers[6],))] * 3]
    priors += [spec.sigma, spec.nu, *coefficients]
    prior = sum(p.frozen_scipy().logpdf(v) for p, v in zip(priors, numbers, strict=True))
    jacobian = np.linalg.slogdet(np.asarray(jax.jacfwd(values)(flat)))[1]
    likelihood = graph.likelihood.log_likelihood(graph.likelihood.from_coordinates(density.coordinates(flat)))
    expected = prior + jacobian + float(likelihood)
    assert float(density.log_density(flat, graph.likelihood)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("changes", [{}, ROBUST], ids=["gaussian", "robust"])
def test_the_pymc_model_is_complete(changes: dict[str, object]) -> None:
    import pytensor

    data, spec = case(2, **changes)
    graph = graph_of(data, spec)
    density = density_of(graph, data)
    with pytensor.config.change_flags(cxx="", mode="FAST_COMPILE"):
        point = graph.model.initial_point()
        whole = float(graph.model.compile_logp()(point))
    flat = np.concatenate([np.ravel(point[variable.name]) for variable in graph.model.value_vars])
    assert whole == pytest.approx(float(density.log_density(flat, graph.likelihood)), rel=1e-9)


def test_variables_are_named_after_what_they_are() -> None:
    data, spec = case(3, **EVERY_PRIOR_TYPE)
    names = {variable.name for variable in graph_of(data, spec).model.free_RVs}
    assert {"contribution_m", "mroi_m", "beta_m", "theta_m_uniform", "theta_m_log_normal"} <= names
    assert "roi_m" not in names
    data, spec = case(3, **EVERY_FAMILY)
    model = graph_of(data, spec).model
    assert "roi_m_shifted_log_normal" in model.named_vars
    assert "roi_m_shifted_log_normal_above_shift" in {variable.name for variable in model.free_RVs}


def test_start_is_at_the_prior_medians_but_spreads_start_small() -> None:
    data, spec = case(3)
    graph = graph_of(data, spec)
    density = density_of(graph, data)
    parameters = graph.likelihood.from_coordinates(density.coordinates(density.start))
    np.testing.assert_allclose(parameters.media.alpha, 0.5)
    np.testing.assert_allclose(parameters.media.ec, stats.truncnorm(-0.875, 11.5, 0.8, 0.8).median())
    np.testing.assert_allclose(parameters.media.effect, np.exp(0.2))
    for spread in (parameters.media.eta, parameters.sigma, parameters.xi):
        np.testing.assert_allclose(spread, 0.3)
    assert (np.asarray(parameters.media.z) == 0).all()


@pytest.mark.parametrize("changes", [EVERY_FAMILY, EVERY_PRIOR_TYPE, ROBUST], ids=["families", "types", "robust"])
def test_log_density_is_finite_at_the_start(changes: dict[str, object]) -> None:
    import jax

    data, spec = case(3, **changes)
    graph = graph_of(data, spec)
    density = density_of(graph, data)
    value, gradient = jax.value_and_grad(density.log_density)(density.start, graph.likelihood)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_translation_leaves_the_flags_of_xla_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from mmm_core.model.backends.pymc.density import _pymc_jaxifier

    monkeypatch.delitem(sys.modules, "pymc.sampling.jax", raising=False)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    _pymc_jaxifier()
    assert "XLA_FLAGS" not in os.environ
