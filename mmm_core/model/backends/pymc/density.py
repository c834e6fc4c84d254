"""The PyMC model as JAX functions of one flat unconstrained vector, which is what NUTS walks in.

One vector, not one array per variable: the tree building of NUTS then costs little beside the gradient.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytensor

from mmm_core.features.model_data import FloatArray
from mmm_core.model.backends.pymc.graph import Graph, as_parameters
from mmm_core.model.backends.pymc.likelihood import Parameters
from mmm_core.model.backends.pymc.media import Array

_TYPICAL_SD = 0.5
"""Guess of the posterior sd of a channel parameter or a spread on the unconstrained scale."""


@dataclass(frozen=True)
class Density:
    """D unconstrained coordinates."""

    log_density: Callable[[Array], Array]
    """(D,) -> scalar: log prior with Jacobian plus collapsed log likelihood."""
    parameters: Callable[[Array], Parameters]
    """(D,) -> the parameters on their own scales."""
    start: FloatArray
    """(D,) where the PyMC model starts."""
    scale: FloatArray
    """(D,) guessed posterior sd; a bad guess costs time, not correctness."""


def flat_density(graph: Graph) -> Density:
    """Translate the PyMC graph to JAX functions (XLA compiles them later)."""
    get_jaxified_graph = _pymc_jaxifier()
    model = graph.model
    with _without_c_compiler():
        point = model.initial_point()
    start = [np.asarray(point[variable.name], dtype=np.float64) for variable in model.value_vars]
    bounds = np.cumsum([value.size for value in start])[:-1].tolist()

    def unpack(flat: Array) -> list[Array]:
        pieces = jnp.split(flat, bounds)
        return [piece.reshape(value.shape) for piece, value in zip(pieces, start, strict=True)]

    with _without_c_compiler():
        logp = get_jaxified_graph(model.value_vars, [model.logp()])
        coordinates = get_jaxified_graph(model.value_vars, model.replace_rvs_by_values(graph.coordinates))
    names = [model.values_to_rvs[variable].name for variable in model.value_vars]
    observations = graph.likelihood.linear.kpi.size
    return Density(
        log_density=lambda flat: logp(*unpack(flat))[0],
        parameters=lambda flat: graph.likelihood.from_coordinates(as_parameters(coordinates(*unpack(flat)))),
        start=np.concatenate([value.ravel() for value in start]),
        scale=np.concatenate(
            [
                np.full(value.size, _guessed_sd(name, observations / value.size))
                for name, value in zip(names, start, strict=True)
            ]
        ),
    )


def _guessed_sd(name: str, observations: float) -> float:
    """For an entry that `observations` bear on."""
    if name == "x_gm":
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
