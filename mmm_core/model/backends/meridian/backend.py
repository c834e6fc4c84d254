"""Google Meridian as a backend."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmm_core.errors import ConfigError, SamplingError, SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.compile_cache import compile_cache
from mmm_core.model.backends.meridian.capabilities import unsupported_by_meridian
from mmm_core.model.backends.meridian.extraction import (
    canonical_samples,
    canonical_statistics,
    roi_is_sampled,
)
from mmm_core.model.backends.meridian.groups_of_chains import grouped, run_side_by_side
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.progress import StepCounter, counting_acceptance, run_with_reports
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored, import_meridian
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import FitInfo, Posterior
from mmm_core.progress import Progress, silent

_BURN_IN_SHARE = 0.2
"""Share of the thrown-away steps that come after adaptation, with the step size already fixed."""
_SEEDS = 2**31
_MAX_ENERGY_DIFFERENCE = 1000.0
"""Energy error from which on a transition is divergent: that of Stan and NumPyro, so that a divergence
means the same for every backend (Meridian's own default is 500)."""
_LEAST_DRAWS_AT_ONCE = 100
_NUMBERS_AT_ONCE = 2_500_000
"""Draws × geos × weeks; Meridian holds some arrays of this size, and some as large per channel."""
_COMPILE_EVENTS = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)


class MeridianBackend:
    """Fits with Meridian's own model and sampler, on JAX in float64.

    Four chains or more run in two groups at once (`groups_of_chains.py`), fewer in one.  XLA chooses the number
    of threads, so `SamplerSettings.cores` has no effect, and neither has `precision`.  Meridian can neither resume
    nor start from an earlier posterior: an interrupted fit starts again, every fit starts cold.
    """

    @property
    def name(self) -> str:
        """Name in configuration and results."""
        return "meridian"

    @property
    def can_start_warm(self) -> bool:
        """See `Backend.can_start_warm`."""
        return False

    def unsupported(self, data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
        """See `Backend.unsupported`."""
        return unsupported_by_meridian(data, spec)

    def sample(
        self,
        data: ModelData,
        spec: ModelSpec,
        settings: SamplerSettings,
        progress: Progress = silent,
        start: Posterior | None = None,
        checkpoint: Path | None = None,
    ) -> Posterior:
        """Draw from the posterior; `start` and `checkpoint` are not used.

        Raises:
            SpecificationError: Meridian cannot fit the data or the specification.
            ConfigError: a device is asked for that JAX does not see.
            SamplingError: out of memory, no valid starting point, or draws that are not finite.
        """
        reasons = self.unsupported(data, spec)
        if reasons:
            raise SpecificationError(" ".join(reasons))
        scaling = spec.scaling_for(data)
        steps = settings.chains * (settings.tune + settings.draws)
        progress("meridian: preparing", 0, steps)
        import_meridian()  # takes about 20 seconds the first time, which are not the fit's
        started = time.perf_counter()
        with compile_cache(settings.compile_cache):
            model = build_model(data, spec, scaling)
            with _compile_seconds() as compiling:
                _sample(model, settings, progress)
        seconds = time.perf_counter() - started
        progress("meridian: sampled", steps, steps)
        posterior = Posterior(
            samples=canonical_samples(model.inference_data, data, spec),
            sample_stats=canonical_statistics(model.inference_data),
            data=data,
            spec=spec,
            scaling=scaling,
            info=_fit_info(settings, seconds, min(sum(compiling), seconds)),
        )
        return posterior if roi_is_sampled(data, spec) else _with_derived_roi(posterior)


def _sample(model: Any, settings: SamplerSettings, progress: Progress = silent) -> None:
    from jax.errors import JaxRuntimeError
    from meridian.model.model import MCMCOOMError, MCMCSamplingError, ModelFittingError

    counter, device = StepCounter(groups=len(grouped(settings.chains))), _device(settings)
    try:
        with expected_warnings_ignored():
            run_with_reports(
                lambda: _sample_posterior(model, settings, counter, device),
                counter,
                steps=settings.tune + settings.draws,
                chains=settings.chains,
                progress=progress,
            )
    except ModelFittingError as error:
        raise SpecificationError(_refusal(error)) from error
    except (MCMCOOMError, MemoryError) as error:
        raise SamplingError(
            f"Meridian ran out of memory with {settings.chains} chains of {settings.draws} draws; lower "
            "training.chains or training.draws, or set model.backend to pymc."
        ) from error
    except (MCMCSamplingError, JaxRuntimeError, ValueError) as error:
        raise SamplingError(
            f"Meridian could not sample ({error}); check the priors, or set model.backend to pymc."
        ) from error


def _device(settings: SamplerSettings) -> Any:
    """The device to compute on; None for `auto`: JAX's own choice.

    Raises:
        ConfigError: JAX does not see such a device.
    """
    import jax

    if settings.device == "auto":
        return None
    try:
        return jax.devices(settings.device)[0]
    except RuntimeError as error:
        raise ConfigError(
            f"runtime.device is {settings.device}, but JAX sees none; set runtime.device to auto."
        ) from error


def _sample_posterior(model: Any, settings: SamplerSettings, counter: StepCounter, device: Any) -> None:
    import jax

    burn_in = round(settings.tune * _BURN_IN_SHARE)
    groups, seed = grouped(settings.chains), settings.seed % _SEEDS
    # Meridian checks the data first, and divides by zero where columns cannot be told apart.
    with (
        np.errstate(divide="ignore", invalid="ignore"),
        jax.default_device(device),
        run_side_by_side(groups, seed, device),
    ):
        model.sample_posterior(
            n_chains=groups,
            n_adapt=settings.tune - burn_in,
            n_burnin=burn_in,
            n_keep=settings.draws,
            seed=seed,
            reconstruction_batch_size=_draws_at_once(model),
            max_tree_depth=settings.max_tree_depth,
            max_energy_diff=_MAX_ENERGY_DIFFERENCE,
            # Pairs instead of a dict: JAX needs something hashable here.
            dual_averaging_kwargs=(
                ("target_accept_prob", settings.target_accept),
                ("log_accept_prob_getter_fn", counting_acceptance(counter)),
            ),
        )


def _draws_at_once(model: Any) -> int:
    """How many draws Meridian derives its other variables from in one go; every go costs it a second or so."""
    context = model.model_context
    return max(_LEAST_DRAWS_AT_ONCE, _NUMBERS_AT_ONCE // int(np.prod(context.kpi.shape)))


def _with_derived_roi(posterior: Posterior) -> Posterior:
    """The same posterior with the ROI that its other parameters imply."""
    data, samples = posterior.data, posterior.samples
    n_paid = len(data.paid_channels)
    outcome = incremental_outcome(posterior).sum(axis=1)[:, :n_paid]
    roi = outcome / data.spend.sum(axis=(0, 1))[:n_paid]
    shape = (samples.sizes["chain"], samples.sizes["draw"], n_paid)
    roi_m = (samples["roi_m"].dims, roi.reshape(shape))
    return dataclasses.replace(posterior, samples=samples.assign(roi_m=roi_m))


def _refusal(error: Exception) -> str:
    """The findings of Meridian's own data checks as running text."""
    frame = ("Model has critical EDA issues", "Check type:", "For further details")
    lines = [line.removeprefix("- ").strip() for line in str(error).splitlines() if not line.startswith(frame)]
    return (
        f"Meridian refuses to fit this data: {' '.join(filter(None, lines))} Drop or merge these columns "
        "(data.channel_map, data.controls), or set model.backend to pymc."
    )


def _fit_info(settings: SamplerSettings, seconds: float, compile_seconds: float) -> FitInfo:
    import meridian

    return FitInfo(
        backend="meridian",
        backend_version=meridian.__version__,
        seconds=seconds,
        compile_seconds=compile_seconds,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
        max_tree_depth=settings.max_tree_depth,
    )


@contextmanager
def _compile_seconds() -> Iterator[list[float]]:
    """Collect the seconds that JAX spends tracing, lowering and compiling."""
    from jax import monitoring

    seconds: list[float] = []

    def note(event: str, duration: float, **_: Any) -> None:
        if event in _COMPILE_EVENTS:
            seconds.append(duration)

    monitoring.register_event_duration_secs_listener(note)
    try:
        yield seconds
    finally:
        monitoring.unregister_event_duration_listener(note)
