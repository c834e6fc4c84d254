"""How far Meridian's sampler is, although Meridian itself does not say.

The chains of a group run as one compiled program.  Its adaptation of the step size looks up, in every step, how
likely the step was accepted; the function that looks it up is a setting that Meridian passes on.  The one given
here returns what the default returns, and besides counts on the host.  Meanwhile the calling thread waits and
reports about once a second.

Counting keeps the sampler out of the persistent compile cache (JAX keeps no programs that call back), which is
little lost: Meridian compiles the data into the program, so only the very same fit could use it again.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from mmm_core.progress import Progress

_SECONDS_BETWEEN_REPORTS = 1.0
_CALLS_PER_STEP = 3
"""TensorFlow Probability computes a step and two restarts of the adaptation, and takes what it needs."""


class StepCounter:
    """Steps of all chains together, counted from the sampler's threads."""

    def __init__(self, groups: int = 1) -> None:
        """`groups` of chains count here, each as often as it steps."""
        self.calls = 0
        self.stopped = False
        self._groups = groups

    def __call__(self) -> None:
        """One more look-up; fails, and so ends the sampler, once it is `stopped`."""
        self.calls += 1
        if self.stopped:
            raise InterruptedError

    @property
    def steps(self) -> int:
        """Steps that each chain has done, on average."""
        return self.calls // (_CALLS_PER_STEP * self._groups)


def counting_acceptance(counter: StepCounter) -> Callable[[Any], Any]:
    """What looks up the acceptance probability of a step (`log_accept_prob_getter_fn`), and counts."""
    import jax
    from tensorflow_probability.substrates.jax.mcmc.dual_averaging_step_size_adaptation import (
        hmc_like_log_accept_prob_getter_fn,
    )

    def log_acceptance(kernel_results: Any) -> Any:
        jax.debug.callback(counter)
        return hmc_like_log_accept_prob_getter_fn(kernel_results)

    return log_acceptance


def run_with_reports(
    work: Callable[[], None], counter: StepCounter, steps: int, chains: int, progress: Progress
) -> None:
    """Do the work in another thread and report about once a second how many steps of how many are done.

    If the report fails, or this thread is interrupted, the sampler is stopped (which takes as long as
    the compilation, if it is still compiling) before the error is passed on.

    Args:
        work: samples; its error is passed on.
        counter: counts its steps.
        steps: per chain.
        chains: how many step.
        progress: told what happens.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="meridian") as pool:
        sampling = pool.submit(work)
        try:
            while not sampling.done():
                done = min(counter.steps, steps)
                what = "compiling" if done == 0 else "sampling"
                progress(f"meridian: {what}", done * chains, steps * chains)
                wait([sampling], timeout=_SECONDS_BETWEEN_REPORTS)
        except BaseException:
            counter.stopped = True
            raise
        sampling.result()
