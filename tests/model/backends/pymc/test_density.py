"""The density as JAX functions: what it is, and what its compiled form depends on."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec, build_spec
from tests.factories import tiny_model_data

SETTINGS = SamplerSettings(chains=2, tune=50, draws=50, target_accept=0.8, max_tree_depth=6, seed=1)


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)


def built(data: ModelData, spec: ModelSpec) -> tuple[Any, Any]:
    from mmm_core.model.backends.pymc.density import flat_density
    from mmm_core.model.backends.pymc.graph import build_graph

    graph = build_graph(data, spec, fit_scaling(data, spec.media_scaling))
    return graph, flat_density(graph, int(data.observed.sum()))


def spec_of(data: ModelData, **model: Any) -> ModelSpec:
    return build_spec(Config.model_validate({"model": {"knots": 3, **model}}), data)


@pytest.mark.parametrize(("n_geos", "family"), [(1, "gaussian"), (3, "gaussian"), (3, "robust_log")])
def test_density_is_that_of_the_pymc_model(n_geos: int, family: str) -> None:
    data = tiny_model_data(n_geos=n_geos)
    graph, density = built(data, spec_of(data, family=family))
    model = graph.model
    logp = model.compile_fn(model.logp(), inputs=model.value_vars, mode="JAX", on_unused_input="ignore")
    shapes = {variable.name: model.initial_point()[variable.name].shape for variable in model.value_vars}
    rng = np.random.default_rng(0)
    values = {name: rng.normal(0, 0.3, shape) for name, shape in shapes.items()}
    flat = np.concatenate([value.ravel() for value in values.values()])
    assert len(density.names) == len(flat) == len(density.scale)
    np.testing.assert_allclose(density.log_density(flat, graph.likelihood), logp(values), rtol=1e-10)


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_programs_depend_on_specification_and_shapes_only(family: str) -> None:
    data = tiny_model_data()
    other = dataclasses.replace(
        tiny_model_data(seed=8), population=data.population * 2, revenue_per_kpi=data.revenue_per_kpi * 1.5
    )
    spec = spec_of(data, family=family)
    assert lowered(data, spec) == lowered(other, spec)
    moved = dataclasses.replace(spec, knots=(0, 9, 29))
    assert lowered(data, moved) == lowered(data, spec)


def lowered(data: ModelData, spec: ModelSpec) -> list[str]:
    """Text of both programs before XLA compiles them."""
    import jax

    from mmm_core.model.backends.pymc.fitting import _completion
    from mmm_core.model.backends.pymc.sampling import block_program

    graph, density = built(data, spec)
    programs = [
        block_program(density, graph.likelihood, SETTINGS),
        _completion(density, graph.likelihood, SETTINGS),
    ]
    return [jax.jit(function).lower(*arguments).as_text() for function, arguments in programs]


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_single_precision_media_move_density_and_gradient_by_less_than_matters(family: str) -> None:
    import jax

    data = tiny_model_data()
    graph, density = built(data, spec_of(data, family=family))
    flat = density.start + np.random.default_rng(3).normal(0, 0.3, density.start.size)
    value_and_gradient = jax.value_and_grad(density.log_density)
    value, gradient = value_and_gradient(flat, graph.likelihood)
    other, other_gradient = value_and_gradient(flat, graph.likelihood.in_single_precision())
    assert other != value
    assert abs(other - value) < 1e-3
    np.testing.assert_allclose(other_gradient, gradient, atol=1e-4 * np.abs(gradient).max())
