"""NUTS (NumPyro's kernel) on a flat density: chains in threads, in blocks of steps, compiled once.

XLA releases the interpreter lock, so chains run side by side on one JAX device; no device count has to
be set before JAX starts.  A block is a compiled loop whose number of steps is an argument: warm-up and
sampling, long blocks and short ones share one program, and between blocks the caller hears how far
things are.  The state carries its own random key, so the blocks do not change the draws.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from numpyro.infer import NUTS

from mmm_core.errors import SamplingError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.pymc.compilation import Program
from mmm_core.model.backends.pymc.density import Density
from mmm_core.model.backends.pymc.media import Array

_BLOCK = 100
"""Most steps between two looks at the clock."""
_BLOCK_SECONDS = 1.0
_JITTER = 1.0
"""Starts are spread uniformly by this much on the unconstrained scale."""
_START_TRIES = 10


class Steps(NamedTuple):
    """Consecutive NUTS steps of one chain (n,), or of all chains (C, n)."""

    position: FloatArray
    """(..., n, D)"""
    diverging: NDArray[np.bool_]
    energy: FloatArray
    n_steps: NDArray[np.int64]
    """Gradients that the step took."""
    lp: FloatArray
    """Log density on the unconstrained scale."""


@dataclass(frozen=True)
class Sampler:
    """The two programs of NUTS, compiled for one density.  `state` is NumPyro's HMCState."""

    start: Callable[[Array, FloatArray], Any]
    """(key, position) -> state."""
    block: Callable[[Any, int], tuple[Any, Steps]]
    """(state, n) -> (state after n <= _BLOCK steps, steps; rows from n on are empty)."""


def nuts_programs(density: Density, settings: SamplerSettings) -> tuple[Program, Program]:
    """`Sampler.start` and `Sampler.block`, to be compiled."""
    kernel = NUTS(
        potential_fn=lambda position: -density.log_density(position),
        inverse_mass_matrix=jnp.asarray(density.scale**2),
        target_accept_prob=settings.target_accept,
        max_tree_depth=settings.max_tree_depth,
    )

    def start(key: Array, position: Array) -> Any:
        return kernel.init(key, settings.tune, position, (), {})

    def block(state: Any, n: Array) -> tuple[Any, Steps]:
        empty = _map(lambda value: jnp.zeros((_BLOCK, *value.shape), value.dtype), _record(state))

        def step(i: Array, carry: tuple[Any, Steps]) -> tuple[Any, Steps]:
            state, steps = carry
            state = kernel.sample(state, (), {})
            return state, _map(lambda rows, row: rows.at[i].set(row), steps, _record(state))

        state, steps = jax.lax.fori_loop(0, n, step, (state, empty))
        return state, steps

    start_arguments = (jax.random.PRNGKey(0), density.start)
    # Tracing `start` also tells the kernel its settings, which `block` needs.
    state = jax.eval_shape(start, *start_arguments)
    return (start, start_arguments), (block, (state, 1))


def _record(state: Any) -> Steps:
    return Steps(state.z, state.diverging, state.energy, state.num_steps, -state.potential_energy)


def _map(function: Callable[..., Any], *steps: Steps) -> Steps:
    """Field by field."""
    return Steps(*(function(*fields) for fields in zip(*steps, strict=True)))


def run_chains(
    sampler: Sampler, density: Density, settings: SamplerSettings, report: Callable[[int, int], None]
) -> Steps:
    """Run every chain.

    Args:
        report: `report(done, total)` steps of all chains; called from this thread about once a second.

    Returns:
        The kept steps, (C, draws, ...) each.

    Raises:
        SamplingError: a chain found no start with a finite log density.
    """
    total = settings.chains * (settings.tune + settings.draws)
    done = [0] * settings.chains
    stop = Event()

    def run(chain: int) -> Steps:
        state = _start_chain(sampler, density, settings.seed, chain)

        def keep_going(steps: int) -> bool:
            done[chain] += steps
            return not stop.is_set()

        return _run_chain(sampler, state, settings, keep_going)

    with ThreadPoolExecutor(min(settings.chains, settings.cores or _cores()), thread_name_prefix="chain") as pool:
        futures = [pool.submit(run, chain) for chain in range(settings.chains)]
        try:
            pending = set(futures)
            while pending:
                finished, pending = wait(pending, timeout=_BLOCK_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                report(sum(done), total)
        finally:
            stop.set()
            for future in futures:
                future.cancel()
    return _map(lambda *rows: np.stack(rows), *(future.result() for future in futures))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_chain(sampler: Sampler, density: Density, seed: int, chain: int) -> Any:
    """State at a random start with finite log density and gradient; spread narrower with every try.

    Raises:
        SamplingError: there is none.
    """
    rng = np.random.default_rng([seed, chain])
    for attempt in range(_START_TRIES):
        spread = _JITTER * 0.5**attempt
        position = density.start + rng.uniform(-spread, spread, density.start.shape)
        state = sampler.start(jax.random.PRNGKey(int(rng.integers(2**32))), position)
        if np.isfinite(state.potential_energy) and np.isfinite(state.z_grad).all():
            return state
    raise SamplingError(
        f"The log density or its gradient is not finite at {_START_TRIES} starts of chain {chain}; look for "
        "extreme values in KPI, media or controls and for extreme priors (model.priors.roi_bounds, "
        "features.saturation.channel_overrides), or use model.backend: meridian."
    )


def _run_chain(
    sampler: Sampler, state: Any, settings: SamplerSettings, keep_going: Callable[[int], bool]
) -> Steps:
    """The kept steps of one chain, warm-up first.  `keep_going` hears of steps done and may stop it."""
    end = settings.tune + settings.draws
    done, n = 0, 1
    kept = []
    while done < end:
        n = min(n, _BLOCK, (settings.tune if done < settings.tune else end) - done)
        began = time.perf_counter()
        state, rows = sampler.block(state, n)
        steps = _map(lambda values, n=n: np.asarray(values)[:n], rows)
        if done >= settings.tune:
            kept.append(steps)
        done += n
        if not keep_going(n):
            raise SamplingError(f"Sampling was stopped after {done} of {end} steps.")
        n = max(1, int(_BLOCK_SECONDS * n / (time.perf_counter() - began)))
    return _map(lambda *blocks: np.concatenate(blocks), *kept)
