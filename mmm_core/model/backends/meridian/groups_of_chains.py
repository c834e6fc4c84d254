"""Chains of Meridian's sampler in groups, side by side.

Meridian samples all chains in one program, in which every chain waits for the one with the longest trajectory
and which keeps little more than one core busy; given a list of numbers of chains, it runs one such program per
number, one after the other.  Here they run at once, on threads, compiled once: Meridian's call for the first
group also starts the others, with the seeds that Meridian is going to give them, and its later calls find them
done.  The draws are those of Meridian's own call with the same list.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_CHAINS_TO_SPLIT = 4
_GROUPS = 2
_PATCHING = threading.Lock()


def grouped(chains: int) -> list[int]:
    """Numbers of chains: two equal groups, or all in one if they are fewer than four or an odd number.

    Each group adapts its step size and its metric by itself, which a single chain does poorly.  The number does
    not depend on the machine, so that draws do not.
    """
    if chains < _CHAINS_TO_SPLIT or chains % _GROUPS:
        return [chains]
    return [chains // _GROUPS] * _GROUPS


@contextmanager
def run_side_by_side(groups: list[int], seed: int, device: Any = None) -> Iterator[None]:
    """Let Meridian's `sample_posterior(n_chains=groups, seed=seed)` in the block run its groups at once.

    Only one model at a time: what Meridian calls is replaced in its module.

    Args:
        groups: numbers of chains.
        seed: as Meridian gets it.
        device: JAX device to compute on; None: JAX's own choice.
    """
    from meridian import backend

    if len(groups) == 1:
        yield
        return
    with _PATCHING, ThreadPoolExecutor(len(groups), thread_name_prefix="meridian-chains") as pool:
        theirs = backend.xla_windowed_adaptive_nuts
        backend.xla_windowed_adaptive_nuts = _Prefetched(theirs, _seeds(seed, len(groups)), pool, device)
        try:
            yield
        finally:
            backend.xla_windowed_adaptive_nuts = theirs


def _seeds(seed: int, n_groups: int) -> list[int]:
    """What Meridian is going to give its sampler for each group."""
    from meridian.backend import RNGHandler

    handler, seeds = RNGHandler(seed), []
    for _ in range(n_groups):
        seeds.append(handler.get_kernel_seed())
        handler = handler.advance_handler()
    return seeds


class _Prefetched:
    """The sampler as Meridian calls it; the first call runs it for all seeds at once."""

    def __init__(self, sampler: Any, seeds: list[int], pool: ThreadPoolExecutor, device: Any) -> None:
        self._sampler, self._seeds, self._pool, self._device = sampler, seeds, pool, device
        self._running: dict[int, Future[Any]] = {}

    def __call__(self, *, seed: int, **settings: Any) -> Any:
        """Draws for this seed.  A seed that was not foreseen is sampled when it is asked for."""
        if not self._running:
            run = self._compiled(seed, settings)
            self._running = {seed: self._pool.submit(run, seed) for seed in dict.fromkeys([*self._seeds, seed])}
        if seed not in self._running:
            return self._sampler(seed=seed, **settings)
        return self._running[seed].result()

    def _compiled(self, seed: int, settings: dict[str, Any]) -> Callable[[int], Any]:
        """The program for these settings, which takes the seed."""
        import jax

        program = self._sampler.lower(seed=seed, **settings).compile()
        dynamic = {name: settings[name] for name in _DYNAMIC if name in settings}

        def run(seed: int) -> Any:
            with jax.default_device(self._device):
                return jax.block_until_ready(program(seed=seed, **dynamic))

        return run


_DYNAMIC = ("current_state", "init_step_size", "max_energy_diff")
"""Arguments of Meridian's sampler that are not compiled into it, but for the seed."""
