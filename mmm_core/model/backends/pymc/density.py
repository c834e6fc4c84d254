"""The PyMC model as JAX functions of one flat unconstrained vector, which is what NUTS walks in.

One vector, not one array per variable: the tree building of NUTS then costs little beside the gradient.
The data are an argument: what XLA compiles depends on the specification and on shapes only, so that a
program compiled for last month's panel serves this month's.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytensor

from mmm_core.features.model_data import FloatArray
from mmm_core.model.backends.pymc.graph import Graph
from mmm_core.model.backends.pymc.media import Array

_TYPICAL_SD = 0.5
"""Guess of the posterior sd of a channel parameter or a spread on the unconstrained scale."""


@dataclass(frozen=True)
class Density:
    """D unconstrained coordinates."""

    log_density: Callable[[Array, Any], Array]
    """(D,), likelihood -> scalar: log prior with Jacobian plus collapsed log likelihood."""
    coordinates: Callable[[Array], tuple[Array, ...]]
    """(D,) -> `Graph.coordinates`."""
    names: tuple[str, ...]
    """(D,) name and place of each coordinate, such as `alpha_m[0]`."""
    start: FloatArray
    """(D,) where the PyMC model starts."""
    scale: FloatArray
    """(D,) guessed posterior sd; a bad guess costs time, not correctness."""


def flat_density(graph: Graph, observations: int) -> Density:
    """Translate the PyMC graph to JAX functions (XLA compiles them later).

    Args:
        graph: the model.
        observations: number of observed KPI values.
    """
    get_jaxified_graph = _pymc_jaxifier()
    model = graph.model
    with _without_c_compiler():
        point = model.initial_point()
        # Of the free variables only: the likelihood potential has the data in it.
        log_prior = model.logp(vars=model.free_RVs)
        coordinates = model.replace_rvs_by_values(graph.coordinates)
        translated = get_jaxified_graph(model.value_vars, [log_prior, *coordinates])
    start = [np.asarray(point[variable.name], dtype=np.float64) for variable in model.value_vars]
    bounds = np.cumsum([value.size for value in start])[:-1].tolist()
    names = [model.values_to_rvs[variable].name for variable in model.value_vars]

    def evaluate(flat: Array) -> list[Array]:
        pieces = jnp.split(flat, bounds)
        return list(translated(*(piece.reshape(value.shape) for piece, value in zip(pieces, start, strict=True))))

    def log_density(flat: Array, likelihood: Any) -> Array:
        prior, *coordinates = evaluate(flat)
        return prior + likelihood.log_density(tuple(coordinates))

    return Density(
        log_density=log_density,
        coordinates=lambda flat: tuple(evaluate(flat)[1:]),
        names=tuple(_labels(names, start)),
        start=np.concatenate([value.ravel() for value in start]),
        scale=np.concatenate(
            [
                np.full(value.size, _guessed_sd(name, observations / value.size))
                for name, value in zip(names, start, strict=True)
            ]
        ),
    )


def _labels(names: list[str], values: list[FloatArray]) -> list[str]:
    """`name[i]`, or `name[i,j]`, or `name` for every entry of every value."""
    labels = []
    for name, value in zip(names, values, strict=True):
        for place in np.ndindex(value.shape):
            labels.append(f"{name}[{','.join(map(str, place))}]" if place else name)
    return labels


def _guessed_sd(name: str, observations: float) -> float:
    """For an entry that `observations` bear on."""
    if name.startswith("x_"):
        return 1.0
    return (2 * observations) ** -0.5 if name == "sigma" else _TYPICAL_SD


def _without_c_compiler() -> Any:
    """Context in which PyTensor folds constants in Python: JAX compiles, and the C compiler takes seconds."""
    return pytensor.config.change_flags(cxx="")


def _pymc_jaxifier() -> Callable[..., Any]:
    """PyMC's translator.  Importing it rewrites XLA_FLAGS, which is no business of ours to change."""
    flags = os.environ.get("XLA_FLAGS")
    from pymc.sampling.jax import get_jaxified_graph

    if flags is None:
        os.environ.pop("XLA_FLAGS", None)
    else:
        os.environ["XLA_FLAGS"] = flags
    return get_jaxified_graph  # type: ignore[no-any-return]
