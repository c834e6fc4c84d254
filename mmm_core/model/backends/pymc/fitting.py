"""From data and specification to the canonical posterior: model, compile, sample, complete."""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
import xarray as xr

from mmm_core.errors import SamplingError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.pymc.compilation import Program, compile_together
from mmm_core.model.backends.pymc.density import Density, flat_density
from mmm_core.model.backends.pymc.graph import build_graph
from mmm_core.model.backends.pymc.likelihood import CollapsedLikelihood
from mmm_core.model.backends.pymc.media import Array
from mmm_core.model.backends.pymc.sampling import Sampler, Steps, nuts_programs, run_chains
from mmm_core.model.posterior import PARAMETER_DIMS, FitInfo, Posterior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec

_CHUNK_VALUES = 2**23
"""Most values of saturated media held at once when draws are completed (64 MB)."""


def fit(
    data: ModelData, spec: ModelSpec, settings: SamplerSettings, report: Callable[[int, int], None]
) -> Posterior:
    """Fit on the CPU, where this density is fastest, whatever accelerator JAX may have found.

    Args:
        report: `report(done, total)` sampler steps.

    Raises:
        SpecificationError: see `build_graph`.
        SamplingError: no finite start, or draws that are not finite.
    """
    began = time.perf_counter()
    scaling = fit_scaling(data, spec.media_scaling)
    with jax.default_device(jax.devices("cpu")[0]):
        graph = build_graph(data, spec, scaling)
        density = flat_density(graph)
        start, block, complete = compile_together(
            [*nuts_programs(density, settings), _completion(density, graph.likelihood, settings)]
        )
        compile_seconds = time.perf_counter() - began
        steps = run_chains(Sampler(start, block), density, settings, report)
        parameters = complete(_key(settings), steps.position)
    info = FitInfo(
        backend="pymc",
        backend_version=pm.__version__,
        seconds=time.perf_counter() - began,
        compile_seconds=compile_seconds,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
        max_tree_depth=settings.max_tree_depth,
    )
    return Posterior(_samples(_checked(parameters), data), _sample_stats(steps), data, spec, scaling, info)


def _completion(density: Density, likelihood: CollapsedLikelihood, settings: SamplerSettings) -> Program:
    """(key, positions (C, n, D)) -> every canonical parameter (C, n, ...)."""

    def complete(item: tuple[Array, Array]) -> dict[str, Array]:
        key, position = item
        drawn = density.parameters(position)
        effect, linear = likelihood.complete(key, drawn)
        media = {"theta_m": jnp.zeros_like(drawn.media.alpha)}
        media |= {f"{name}_m": getattr(drawn.media, name) for name in ("alpha", "ec", "slope", "roi", "eta")}
        effects = {"beta_m": effect.beta_m, "beta_gm": effect.beta_gm}
        return {**media, **effects, **linear._asdict(), "xi_c": drawn.xi, "sigma": drawn.sigma}

    n_draws = settings.chains * settings.draws
    chunk = _chunk_size(n_draws, _CHUNK_VALUES // likelihood.media.values_per_draw)

    def complete_all(key: Array, positions: Array) -> dict[str, Array]:
        keys = jax.random.split(key, n_draws)
        flat = positions.reshape(n_draws, -1)
        drawn = jax.lax.map(complete, (keys, flat), batch_size=chunk)
        return {name: values.reshape(*positions.shape[:2], *values.shape[1:]) for name, values in drawn.items()}

    positions = jax.ShapeDtypeStruct((settings.chains, settings.draws, density.start.size), density.start.dtype)
    return complete_all, (_key(settings), positions)


def _key(settings: SamplerSettings) -> Array:
    """Key of the linear coefficients; `run_chains` seeds its chains with [seed, chain]."""
    return jax.random.PRNGKey(int(np.random.default_rng(settings.seed).integers(2**32)))


def _chunk_size(n_draws: int, limit: int) -> int:
    """Largest divisor of the number of draws within the limit (a remainder would be compiled again)."""
    return max(size for size in range(1, min(n_draws, max(limit, 1)) + 1) if n_draws % size == 0)


def _checked(parameters: dict[str, Array]) -> dict[str, FloatArray]:
    """As numpy arrays.

    Raises:
        SamplingError: a draw is not finite.
    """
    arrays = {name: np.asarray(values) for name, values in parameters.items()}
    wrong = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    if wrong:
        raise SamplingError(
            f"Draws of {', '.join(wrong)} are not finite; look for extreme values in KPI, media or controls, "
            "or use model.backend: meridian."
        )
    return arrays


def _samples(parameters: dict[str, FloatArray], data: ModelData) -> xr.Dataset:
    """The canonical dataset."""
    chains, draws, knots = parameters["knot_values"].shape
    return xr.Dataset(
        {name: (("chain", "draw", *dims), parameters[name]) for name, dims in PARAMETER_DIMS.items()},
        coords={
            "chain": np.arange(chains),
            "draw": np.arange(draws),
            "geo": np.array(data.geos, dtype=object),
            "channel": np.array(data.channels, dtype=object),
            "paid_channel": np.array(data.paid_channels, dtype=object),
            "control": np.array(data.controls, dtype=object),
            "knot": np.arange(knots),
        },
    )


def _sample_stats(steps: Steps) -> xr.Dataset:
    """What the sampler says of each draw."""
    dims = ("chain", "draw")
    return xr.Dataset(
        {
            "diverging": (dims, steps.diverging),
            "energy": (dims, steps.energy),
            "tree_depth": (dims, np.floor(np.log2(np.maximum(steps.n_steps, 1))).astype(np.int64) + 1),
            "n_steps": (dims, steps.n_steps),
            "lp": (dims, steps.lp),
        }
    )
