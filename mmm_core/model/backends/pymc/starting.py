"""Where chains start: where the model guesses, or where the last accepted fit of the same model ended."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.density import Density
from mmm_core.model.backends.pymc.trajectories import TREES
from mmm_core.model.posterior import SAMPLER_DIMS, Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.specification import ModelSpec

_COLD_STEP = 0.5
"""Step size that is tried first; 0.3 to 0.5 is what 13 to 150 coordinates need."""
_PATH_DIMS = {"fewest_steps": ("chain",), "most_steps": ("chain",)}
"""Of the stored path; posteriors of earlier versions have none."""


@dataclass(frozen=True)
class Begin:
    """Where a chain starts and what is believed of how to step."""

    position: FloatArray
    """(D,)"""
    inverse_mass: FloatArray
    """(D,)"""
    step_size: float
    warm: bool
    """Whether they are the end of an earlier fit; a cold start is spread at random."""
    path: tuple[int, int] = TREES
    """Fewest and most steps of a path; `TREES` where no path is known to be as good as a tree."""


def cold_begins(density: Density, chains: int) -> list[Begin]:
    """One per chain, where nothing is known but the model."""
    return [Begin(density.start, density.scale**2, _COLD_STEP, warm=False)] * chains


def warm_begins(
    start: Posterior, density: Density, data: ModelData, spec: ModelSpec, chains: int
) -> list[Begin] | None:
    """One per chain, from an earlier fit; None if that was of another model.

    Priors may have moved and weeks and knots may differ: the coordinates then mean about the same, and
    adaptation does the rest.
    """
    sampler = start.sampler
    if sampler is None or _structure(start.data, start.spec) != _structure(data, spec):
        return None
    if tuple(map(str, sampler["coordinate"].values)) != density.names:
        return None
    # What all chains have learned is less noisy than what one has.
    inverse_mass = np.exp(np.log(sampler["inverse_mass"].values).mean(axis=0))
    step_size = float(np.exp(np.log(sampler["step_size"].values).mean()))
    positions = sampler["position"].values
    path = tuple(int(sampler[name].values[0]) if name in sampler else 0 for name in _PATH_DIMS)
    return [
        Begin(positions[i % len(positions)], inverse_mass, step_size, warm=True, path=(path[0], path[1]))
        for i in range(chains)
    ]


def sampler_dataset(
    names: tuple[str, ...],
    positions: FloatArray,
    inverse_masses: FloatArray,
    step_sizes: FloatArray,
    path: tuple[int, int] = TREES,
) -> xr.Dataset:
    """What `warm_begins` needs, for the posterior: (C, D), (C, D), (C,), and the path for every chain."""
    values = {"position": positions, "inverse_mass": inverse_masses, "step_size": step_sizes}
    paths = zip(_PATH_DIMS, np.broadcast_to(path, (len(positions), 2)).T, strict=True)
    return xr.Dataset(
        {
            **{name: (dims, values[name]) for name, dims in SAMPLER_DIMS.items()},
            **{name: (_PATH_DIMS[name], steps) for name, steps in paths},
        },
        coords={"chain": np.arange(len(positions)), "coordinate": np.array(names, dtype=object)},
    )


def _structure(data: ModelData, spec: ModelSpec) -> tuple[object, ...]:
    """What must be equal for coordinates to mean the same."""
    shared = (spec.eta, spec.xi, spec.sigma, spec.nu, spec.sigma_beta)
    return (
        data.geos,
        spec.channels,
        spec.controls,
        spec.family,
        spec.adstock,
        spec.saturation,
        spec.prior_types,
        spec.media_effects,
        spec.hill_before_adstock,
        spec.media_scaling,
        spec.unique_sigma_for_each_geo,
        *(_families(priors) for priors in (spec.alpha, spec.ec, spec.slope, spec.lag_shape, spec.effect, shared)),
    )


def _families(priors: tuple[Prior, ...]) -> tuple[str, ...]:
    return tuple(prior.family for prior in priors)
