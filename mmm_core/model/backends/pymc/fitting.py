"""From data and specification to the canonical posterior: model, compile, sample, complete."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pymc as pm
import xarray as xr

from mmm_core.errors import ConfigError, SamplingError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.pymc.checkpoint import Checkpoint, fingerprint
from mmm_core.model.backends.pymc.compilation import Program, compile_together
from mmm_core.model.backends.pymc.density import Density, flat_density
from mmm_core.model.backends.pymc.graph import Graph, build_graph
from mmm_core.model.backends.pymc.media import Array
from mmm_core.model.backends.pymc.padding import known_lags, pad_weeks, padded_length
from mmm_core.model.backends.pymc.sampling import Chains, Steps, Walker, block_program
from mmm_core.model.backends.pymc.starting import Begin, cold_begins, sampler_dataset, warm_begins
from mmm_core.model.backends.pymc.trajectories import paths_for
from mmm_core.model.posterior import FitInfo, Posterior, parameter_dims
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec

_CHUNK_VALUES = 2**23
"""Most values of saturated media held at once when draws are completed (64 MB)."""
_WARM_SHARE = 0.25
"""Adaptation steps of a warm start, as a share of those of a cold one."""
_LEAST_TUNE = 50


def fit(
    data: ModelData,
    spec: ModelSpec,
    settings: SamplerSettings,
    report: Callable[[int, int], None],
    start: Posterior | None = None,
    checkpoint: Path | None = None,
) -> Posterior:
    """Fit; see `Backend.sample`.

    Args:
        data: what is fitted to.
        spec: the model.
        settings: of this try.
        report: `report(done, total)` sampler steps.
        start: an earlier posterior of the same model.
        checkpoint: folder for what an interrupted fit leaves.

    Raises:
        SpecificationError: see `build_graph`.
        SamplingError: values that are not finite, no finite start, or too little memory.
        ConfigError: a GPU is asked for, and there is none.
    """
    began = time.perf_counter()
    _refuse_not_finite(data)
    device = _device(settings)
    kept = Checkpoint(checkpoint, fingerprint(data, spec, settings, start))
    try:
        scaling = spec.scaling_for(data)
        with jax.default_device(device):
            graph = build_graph(pad_weeks(data, padded_length(len(data.dates))), known_lags(spec, data), scaling)
            density = flat_density(graph, int(data.observed.sum()))
            begins = None if start is None else warm_begins(start, density, data, spec, settings.chains)
            if begins is not None:
                tune = max(_LEAST_TUNE, round(_WARM_SHARE * settings.tune))
                settings = dataclasses.replace(settings, tune=min(tune, settings.tune))
            draws = _draw(graph, density, begins or cold_begins(density, settings.chains), settings, kept, report)
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            raise _out_of_memory(settings) from error
        raise
    kept.remove()
    info = FitInfo(
        backend="pymc",
        backend_version=pm.__version__,
        seconds=time.perf_counter() - began,
        compile_seconds=draws.compiled_at - began,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
        max_tree_depth=settings.max_tree_depth,
        warm_start=begins is not None,
    )
    return _posterior(draws, density, (data, spec, scaling), info)


@dataclasses.dataclass(frozen=True)
class _Draws:
    """What came out of the sampler."""

    parameters: dict[str, FloatArray]
    """(C, n, ...) each."""
    steps: Steps
    walkers: list[Walker]
    compiled_at: float
    """Clock when everything was compiled."""


def _draw(
    graph: Graph,
    density: Density,
    begins: list[Begin],
    settings: SamplerSettings,
    checkpoint: Checkpoint,
    report: Callable[[int, int], None],
) -> _Draws:
    """Compile, sample, complete."""
    # Draws are completed in double precision in any case.
    walked = graph.likelihood.in_single_precision() if settings.precision == "mixed" else graph.likelihood
    programs = [
        block_program(density, walked, settings),
        _completion(density, graph.likelihood, settings),
    ]
    block, complete = compile_together(programs, settings.compile_cache, _device(settings).platform)
    compiled_at = time.perf_counter()
    steps, walkers = Chains(block, walked, begins, settings, checkpoint).run(report)
    parameters = _checked(complete(_keys(settings), steps.position, graph.likelihood))
    return _Draws(parameters, steps, walkers, compiled_at)


def _completion(density: Density, likelihood: Any, settings: SamplerSettings) -> Program:
    """(keys, positions (C, n, D), likelihood) -> every canonical parameter (C, n, ...)."""
    n_draws = settings.chains * settings.draws
    chunk = _chunk_size(n_draws, _CHUNK_VALUES // likelihood.values_per_draw)

    def complete(keys: Array, positions: Array, likelihood: Any) -> dict[str, Array]:
        def complete_one(item: tuple[Array, Array]) -> dict[str, Array]:
            key, position = item
            drawn = likelihood.complete(key, density.coordinates(position))
            return {name: value for name, value in drawn.items() if value.size}

        flat = positions.reshape(n_draws, -1)
        drawn = jax.lax.map(complete_one, (keys, flat), batch_size=chunk)
        shapes = jax.eval_shape(likelihood.complete, keys[0], density.coordinates(flat[0]))
        # `map` cannot batch what has no values, such as control effects without controls.
        empty = {name: jnp.zeros((n_draws, *shape.shape)) for name, shape in shapes.items() if not shape.size}
        together = {**drawn, **empty}
        return {name: values.reshape(*positions.shape[:2], *values.shape[1:]) for name, values in together.items()}

    positions = jax.ShapeDtypeStruct((settings.chains, settings.draws, density.start.size), density.start.dtype)
    return complete, (_keys(settings), positions, likelihood)


def _keys(settings: SamplerSettings) -> Array:
    """(C * n, 2) keys of the linear coefficients; `Chains` seeds its chains with [seed, chain]."""
    rng = np.random.default_rng(settings.seed)
    return rng.integers(2**32, size=(settings.chains * settings.draws, 2), dtype=np.uint32)


def _chunk_size(n_draws: int, limit: int) -> int:
    """Largest divisor of the number of draws within the limit (a remainder would be compiled again)."""
    return max(size for size in range(1, min(n_draws, max(limit, 1)) + 1) if n_draws % size == 0)


def _device(settings: SamplerSettings) -> Any:
    """The device to compute on; `auto` is the CPU, on which this density was laid out.

    Raises:
        ConfigError: a GPU is asked for, and JAX sees none.
    """
    if settings.device != "gpu":
        return jax.devices("cpu")[0]
    try:
        return jax.devices("gpu")[0]
    except RuntimeError as error:
        raise ConfigError(
            "runtime.device is gpu, but JAX sees none; install a JAX with CUDA (pip install 'jax[cuda12]') and "
            "check the driver with nvidia-smi, or set runtime.device to cpu."
        ) from error


def _refuse_not_finite(data: ModelData) -> None:
    """Raise on anything but an unknown KPI that is not a finite number.

    Raises:
        SamplingError: names the array, and the first geo, week and column.
    """
    arrays: dict[str, tuple[FloatArray | None, tuple[str, ...]]] = {
        "KPI": (np.where(np.isnan(data.kpi), 0.0, data.kpi), ()),
        "revenue per KPI": (data.revenue_per_kpi, ()),
        "media": (data.media, data.channels),
        "frequency": (data.frequency, data.channels),
        "spend": (data.spend, data.channels),
        "control": (data.control_values, data.controls),
    }
    for name, (values, columns) in arrays.items():
        if values is None or np.isfinite(values).all():
            continue
        geo, week, *column = np.argwhere(~np.isfinite(values))[0].tolist()
        of = f" of {columns[column[0]]}" if column else ""
        raise SamplingError(
            f"The {name}{of} in {data.geos[geo]}, week of {data.dates[week]}, is {values[geo, week, *column]}, "
            "but must be a finite number; correct that cell in the source, or drop the weeks with data.windows."
        )


def _out_of_memory(settings: SamplerSettings) -> SamplingError:
    return SamplingError(
        f"Out of memory with {settings.chains} chains of {settings.draws} draws; lower training.draws or "
        "training.chains, set runtime.cores to 1 so that one chain runs at a time, merge small geos or "
        "shorten data.windows."
    )


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


def _posterior(
    draws: _Draws, density: Density, fitted: tuple[ModelData, ModelSpec, Scaling], info: FitInfo
) -> Posterior:
    """Everything in its place."""
    data, spec, scaling = fitted
    adaptations = [walker.adaptation for walker in draws.walkers]
    sampler = sampler_dataset(
        density.names,
        np.stack([np.asarray(walker.position) for walker in draws.walkers]),
        np.stack([np.asarray(adaptation.inverse_mass) for adaptation in adaptations]),
        np.array([float(adaptation.step_size) for adaptation in adaptations]),
        _path(draws),
    )
    samples = _samples(draws.parameters, data, spec)
    return Posterior(samples, _sample_stats(draws.steps), data, spec, scaling, info, sampler)


def _path(draws: _Draws) -> tuple[int, int]:
    """For the next refresh: as long as that of this fit, or as its trees tell."""
    fewest, most = np.asarray(draws.walkers[0].path).tolist()
    return (fewest, most) if most else paths_for(draws.steps.n_steps)


def _samples(parameters: dict[str, FloatArray], data: ModelData, spec: ModelSpec) -> xr.Dataset:
    """The canonical dataset."""
    chains, draws, knots = parameters["knot_values"].shape
    return xr.Dataset(
        {name: (("chain", "draw", *dims), parameters[name]) for name, dims in parameter_dims(spec).items()},
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
