"""NUTS or HMC on a flat density: chains in threads, in blocks of steps, compiled once.

XLA releases the interpreter lock, so chains run side by side on one JAX device; no device count has to
be set before JAX starts.  One compiled loop does everything, because what a step does and how many there
are is an argument: it starts a chain, adapts it, and samples.  Between blocks the caller hears how far things
are.  The state carries its own random key, so the blocks do not change the draws.
"""

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from threading import Event
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from numpyro.infer.hmc_util import IntegratorState

from mmm_core.errors import SamplingError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.pymc.adaptation import FROZEN, SHALLOW, Adaptation, adapt, begin, schedule
from mmm_core.model.backends.pymc.checkpoint import Checkpoint
from mmm_core.model.backends.pymc.compilation import Program
from mmm_core.model.backends.pymc.density import Density
from mmm_core.model.backends.pymc.media import Array
from mmm_core.model.backends.pymc.starting import Begin, cold_begins
from mmm_core.model.backends.pymc.trajectories import NOWHERE, path_steps, target_of, trajectories

_BLOCK = 100
"""Most steps between two looks at the clock."""
_BLOCK_SECONDS = 1.0
_JITTER = 1.0
"""Starts are spread uniformly by this much on the unconstrained scale."""
_START_TRIES = 10
_log = logging.getLogger(__name__)
_EVALUATE = -1
"""Instead of an action of `adaptation`: evaluate density and gradient, and stay."""
_SHALLOW_DEPTH = 5
"""Doublings of the first steps."""
_COLD_WEIGHT, _WARM_WEIGHT = 5.0, 50.0
"""Draws that the mass matrix before the first step is worth."""
_COLD_OVERSHOOT, _WARM_OVERSHOOT = 2.0, 1.0
"""Step sizes are first drawn to this multiple of what is believed."""


class Steps(NamedTuple):
    """Consecutive steps of one chain (n,), or of all chains (C, n)."""

    position: FloatArray
    """(..., n, D)"""
    diverging: NDArray[np.bool_]
    energy: FloatArray
    n_steps: NDArray[np.int64]
    """Gradients that the step took."""
    lp: FloatArray
    """Log density on the unconstrained scale."""


class Walker(NamedTuple):
    """State of one chain."""

    key: Array
    position: Array
    """(D,)"""
    potential: Array
    """Minus the log density there."""
    gradient: Array
    """(D,) of the potential."""
    adaptation: Adaptation
    path: Array
    """(2,) see `Begin`"""


class _Outcome(NamedTuple):
    """What is told of one step; the fields of `Steps`."""

    position: Array
    diverging: Array
    energy: Array
    n_steps: Array
    lp: Array


Block = Callable[..., tuple[Walker, _Outcome]]
"""(walker, actions (_BLOCK,), n, target acceptance, likelihood) -> (walker after n <= _BLOCK steps, their
outcomes; rows from n on are empty)."""


def block_program(density: Density, likelihood: Any, settings: SamplerSettings) -> Program:
    """The `Block`, to be compiled."""

    def block(walker: Walker, actions: Array, n: Array, target: Array, likelihood: Any) -> tuple[Walker, _Outcome]:
        def potential(position: Array) -> Array:
            return -density.log_density(position, likelihood)

        step = _step(potential, settings.max_tree_depth, target)
        empty = jax.tree.map(
            lambda value: jnp.zeros((_BLOCK, *value.shape), value.dtype),
            jax.eval_shape(lambda: step(walker, actions[0])[1]),
        )

        def advance(i: Array, carry: tuple[Walker, _Outcome]) -> tuple[Walker, _Outcome]:
            walker, outcomes = carry
            walker, outcome = step(walker, actions[i])
            return walker, jax.tree.map(lambda rows, row: rows.at[i].set(row), outcomes, outcome)

        after: tuple[Walker, _Outcome] = jax.lax.fori_loop(0, n, advance, (walker, empty))
        return after

    walker = _new_walker(np.zeros(2, dtype=np.uint32), cold_begins(density, 1)[0])
    return block, (walker, _actions([]), 1, 0.5, likelihood)


def _step(
    potential: Callable[[Array], Array], max_tree_depth: int, target: Array
) -> Callable[[Walker, Array], tuple[Walker, _Outcome]]:
    """(walker, action) -> (walker after one step, what there is to tell of it)."""
    travel = trajectories(potential, max_tree_depth)

    def step(walker: Walker, action: Array) -> tuple[Walker, _Outcome]:
        evaluates = action == _EVALUATE
        adaptation, path = walker.adaptation, walker.path
        key, momentum_key, tree_key = jax.random.split(walker.key, 3)
        momentum = jax.random.normal(momentum_key, walker.position.shape) / jnp.sqrt(adaptation.inverse_mass)
        reached = travel(
            tree_key,
            IntegratorState(walker.position, momentum, walker.potential, walker.gradient),
            adaptation.inverse_mass,
            # One step of size 0 evaluates the gradient: a second copy of it would be compiled otherwise.
            jnp.where(evaluates, 0.0, adaptation.step_size),
            _tree_depth(action, max_tree_depth),
            jnp.where(evaluates, 0, path_steps(jax.random.fold_in(tree_key, 0), path)),
        )
        at = reached.at
        action = jnp.where(evaluates, FROZEN, action)
        adaptation = adapt(adaptation, action, at.z, at.z_grad, reached.accept, target_of(target, path))
        outcome = _Outcome(at.z, reached.diverging, reached.energy, reached.n_steps, -at.potential_energy)
        return Walker(key, at.z, at.potential_energy, at.z_grad, adaptation, path), outcome

    return step


def _tree_depth(action: Array, largest: int) -> Array:
    """Doublings that the step may take."""
    limited = jnp.where(action == SHALLOW, min(largest, _SHALLOW_DEPTH), largest)
    return jnp.where(action == _EVALUATE, 1, limited)


def _new_walker(key: NDArray[np.uint32], at: Begin) -> Walker:
    """A chain before its density is evaluated."""
    weight, overshoot = (_WARM_WEIGHT, _WARM_OVERSHOOT) if at.warm else (_COLD_WEIGHT, _COLD_OVERSHOOT)
    adaptation = begin(at.inverse_mass, at.step_size, weight, overshoot)
    path = np.array(at.path)
    return Walker(key, at.position, np.float64(NOWHERE), np.zeros_like(at.position), adaptation, path)


def _actions(actions: Any) -> NDArray[np.int64]:
    """(_BLOCK,) actions, filled up."""
    filled = np.zeros(_BLOCK, dtype=np.int64)
    filled[: len(actions)] = actions
    return filled


class Chains:
    """Runs every chain of a fit."""

    def __init__(
        self, block: Block, likelihood: Any, begins: list[Begin], settings: SamplerSettings, checkpoint: Checkpoint
    ) -> None:
        self._block = block
        self._likelihood = jax.device_put(likelihood)
        self._begins = begins
        self._settings = settings
        self._checkpoint = checkpoint
        plans = {warm: schedule(settings.tune, warm) for warm in {begin.warm for begin in begins}}
        frozen = np.full(settings.draws, FROZEN)
        self._plans = [np.concatenate([plans[begin.warm], frozen]) for begin in begins]
        self._stop = Event()
        self._done = [0] * settings.chains

    def run(self, report: Callable[[int, int], None]) -> tuple[Steps, list[Walker]]:
        """The kept steps, (C, draws, ...) each, and where the chains end.

        Args:
            report: `report(done, total)` steps of all chains; called from this thread about once a second.

        Raises:
            SamplingError: a chain found no start with a finite log density.
        """
        settings = self._settings
        total = settings.chains * (settings.tune + settings.draws)
        workers = min(settings.chains, settings.cores or _cores())
        with ThreadPoolExecutor(workers, thread_name_prefix="chain") as pool:
            futures = [pool.submit(self._chain, chain) for chain in range(settings.chains)]
            try:
                pending = set(futures)
                while pending:
                    finished, pending = wait(pending, timeout=_BLOCK_SECONDS, return_when=FIRST_COMPLETED)
                    for future in finished:
                        future.result()
                    report(sum(self._done), total)
            finally:
                self._stop.set()
                for future in futures:
                    future.cancel()
        kept, walkers = zip(*(future.result() for future in futures), strict=True)
        return join(np.stack, kept), list(walkers)

    def _chain(self, chain: int) -> tuple[Steps, Walker]:
        """The kept steps of one chain, adaptation first, and where it ends."""
        plan, tune = self._plans[chain], self._settings.tune
        done, walker, kept = self._resumed(chain)
        n = 1
        while done < len(plan):
            if self._stop.is_set():
                raise SamplingError(f"Sampling was stopped after {done} of {len(plan)} steps.")
            n = min(n, _BLOCK, (tune if done < tune else len(plan)) - done)
            began = time.perf_counter()
            walker, steps = self._advance(walker, plan[done : done + n])
            if done >= tune:
                kept.append(steps)
            done += n
            self._done[chain] = done
            self._checkpoint.offer(chain, partial(_stored, done, walker, kept), now=done == tune)
            n = max(1, int(_BLOCK_SECONDS * n / (time.perf_counter() - began)))
        return join(np.concatenate, kept), walker

    def _resumed(self, chain: int) -> tuple[int, Walker, list[Steps]]:
        """Where the checkpoint left off, or a new start."""
        stored = self._checkpoint.resume(chain)
        if stored is None:
            return 0, self._started(chain), []
        done, walker, kept = _restored(stored, self._begins[chain])
        self._done[chain] = done
        steps = len(self._plans[chain])
        _log.info("Chain %s goes on from step %s of %s, where an interrupted fit has left it.", chain, done, steps)
        return done, walker, kept

    def _advance(self, walker: Walker, actions: Any) -> tuple[Walker, Steps]:
        n = len(actions)
        walker, outcomes = self._block(
            walker, _actions(actions), n, self._settings.target_accept, self._likelihood
        )
        return walker, Steps(*(np.asarray(rows)[:n] for rows in outcomes))

    def _started(self, chain: int) -> Walker:
        """A start with finite log density and gradient; spread narrower with every try.

        Raises:
            SamplingError: there is none.
        """
        at = self._begins[chain]
        rng = np.random.default_rng([self._settings.seed, chain])
        for attempt in range(_START_TRIES):
            spread = 0.0 if at.warm and attempt == 0 else _JITTER * 0.5**attempt
            position = at.position + rng.uniform(-spread, spread, at.position.shape)
            key = rng.integers(2**32, size=2, dtype=np.uint32)
            walker = _new_walker(key, dataclasses.replace(at, position=position))
            walker, steps = self._advance(walker, [_EVALUATE])
            if not steps.diverging[0] and np.isfinite(steps.lp[0]) and np.isfinite(walker.gradient).all():
                return walker
        raise SamplingError(
            f"The log density or its gradient is not finite at {_START_TRIES} starts of chain {chain}; look for "
            "extreme values in KPI, media or controls and for extreme priors (model.priors.roi_bounds, "
            "features.saturation.channel_overrides), or use model.backend: meridian."
        )


def _stored(done: int, walker: Walker, kept: list[Steps]) -> dict[str, NDArray[Any]]:
    """A chain as named arrays."""
    state = {f"walker_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(walker))}
    rows = join(np.concatenate, kept)._asdict() if kept else {}
    return {"done": np.asarray(done), **state, **{f"kept_{name}": values for name, values in rows.items()}}


def _restored(stored: Mapping[str, NDArray[Any]], at: Begin) -> tuple[int, Walker, list[Steps]]:
    """Inverse of `_stored`."""
    structure = jax.tree.structure(_new_walker(np.zeros(2, dtype=np.uint32), at))
    walker = jax.tree.unflatten(structure, [stored[f"walker_{i}"] for i in range(structure.num_leaves)])
    kept = [Steps(*(stored[f"kept_{name}"] for name in Steps._fields))] if "kept_position" in stored else []
    return int(stored["done"]), walker, kept


def join(function: Callable[..., Any], steps: Any) -> Steps:
    """`np.concatenate` or `np.stack`, field by field."""
    return Steps(*(function(rows) for rows in zip(*steps, strict=True)))


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
