"""The PyMC model is priors plus collapsed likelihood, whatever coordinates it is sampled in."""

import dataclasses
import os

import numpy as np
import pytest
from scipy import stats

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

EVERY_FAMILY = {
    "alpha": (Prior("uniform", (0.0, 0.9)), Prior("beta", (2.0, 5.0)), Prior("deterministic", (0.3,))),
    "slope": (Prior("deterministic", (1.0,)), Prior("log_normal", (0.3, 0.4)), Prior("half_normal", (2.0,))),
    "effect": (
        Prior("log_normal", (0.2, 0.9)),
        Prior("truncated_normal", (1.0, 0.5, 0.0, 9.0)),
        Prior("half_normal", (2.0,)),
    ),
}


def case(n_geos: int, **changes: object) -> tuple[ModelData, ModelSpec]:
    data = tiny_model_data(n_geos=n_geos, n_weeks=20, n_channels=3, n_controls=2)
    return data, dataclasses.replace(build_spec(Config(), data), **changes)


@pytest.mark.parametrize(
    ("data", "spec"),
    [case(3, unique_sigma_for_each_geo=True, **EVERY_FAMILY), case(1, **EVERY_FAMILY), case(2)],
    ids=["geos, every prior family", "national, every prior family", "default priors, one sigma"],
)
def test_log_density_is_priors_plus_collapsed_likelihood_plus_jacobian(data: ModelData, spec: ModelSpec) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    from mmm_core.model.backends.pymc.density import flat_density
    from mmm_core.model.backends.pymc.graph import build_graph
    from mmm_core.model.backends.pymc.likelihood import Parameters

    graph = build_graph(data, spec, fit_scaling(data, spec.media_scaling))
    density = flat_density(graph)
    pooled = not spec.unique_sigma_for_each_geo

    def free(parameters: Parameters) -> list[tuple[Prior, jax.Array]]:
        """Every entry that is not constant, with its prior."""
        media = parameters.media
        entries = [
            (prior, value[m])
            for priors, value in zip((spec.alpha, spec.ec, spec.slope, spec.effect), media, strict=False)
            for m, prior in enumerate(priors)
        ]
        sigma = parameters.sigma[:1] if pooled else parameters.sigma
        entries += [(spec.sigma, value) for value in sigma]
        if not data.is_national:
            entries += [(spec.eta, value) for value in media.eta] + [(spec.xi, value) for value in parameters.xi]
            entries += [(Prior("normal", (0.0, 1.0)), value) for value in media.z.ravel()]
        return [entry for entry in entries if entry[0].family != "deterministic"]

    def values(flat: jax.Array) -> jax.Array:
        return jax.numpy.stack([value for _, value in free(density.parameters(flat))])

    rng = np.random.default_rng(4)
    for _ in range(3):
        flat = density.start + rng.uniform(-1, 1, density.start.shape)
        parameters = density.parameters(flat)
        prior = sum(float(p.frozen_scipy().logpdf(float(v))) for p, v in free(parameters))
        jacobian = np.linalg.slogdet(np.asarray(jax.jacfwd(values)(flat)))[1]
        expected = prior + jacobian + float(graph.likelihood.log_density(parameters))
        assert float(density.log_density(flat)) == pytest.approx(expected, rel=1e-9)


def test_start_is_at_the_prior_medians_but_spreads_start_small() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    from mmm_core.model.backends.pymc.density import flat_density
    from mmm_core.model.backends.pymc.graph import build_graph

    data, spec = case(3)
    density = flat_density(build_graph(data, spec, fit_scaling(data, spec.media_scaling)))
    parameters = density.parameters(density.start)
    np.testing.assert_allclose(parameters.media.alpha, 0.5)
    np.testing.assert_allclose(parameters.media.ec, stats.truncnorm(-0.875, 11.5, 0.8, 0.8).median())
    np.testing.assert_allclose(parameters.media.roi, np.exp(0.2))
    for spread in (parameters.media.eta, parameters.sigma, parameters.xi):
        np.testing.assert_allclose(spread, 0.3)
    assert (np.asarray(parameters.media.z) == 0).all()


def test_translation_leaves_the_flags_of_xla_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from mmm_core.model.backends.pymc.density import _pymc_jaxifier

    monkeypatch.delitem(sys.modules, "pymc.sampling.jax", raising=False)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    _pymc_jaxifier()
    assert "XLA_FLAGS" not in os.environ
