"""Google Meridian as a backend."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmm_core.errors import SamplingError, SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.meridian.extraction import canonical_samples, canonical_statistics
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored
from mmm_core.model.posterior import FitInfo, Posterior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import ModelSpec
from mmm_core.progress import Progress, silent

_BURN_IN_SHARE = 0.2
"""Share of the thrown-away steps that come after adaptation, with the step size already fixed."""
_SEEDS = 2**31
_MAX_ENERGY_DIFFERENCE = 1000.0
"""Energy error from which on a transition is divergent: that of Stan and NumPyro, so that a divergence
means the same for every backend (Meridian's own default is 500)."""
_COMPILE_EVENTS = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)


class MeridianBackend:
    """Fits with Meridian's own model and sampler, on JAX in float64.

    All chains run in one compiled call, side by side.  Meridian reports no progress while it samples,
    and XLA chooses the number of threads, so `SamplerSettings.cores` has no effect.
    """

    @property
    def name(self) -> str:
        """Name in configuration and results."""
        return "meridian"

    def unsupported(self, data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
        """See `Backend.unsupported`."""
        return ()

    def sample(
        self,
        data: ModelData,
        spec: ModelSpec,
        settings: SamplerSettings,
        progress: Progress = silent,
        start: Posterior | None = None,
        checkpoint: Path | None = None,
    ) -> Posterior:
        """Draw from the posterior.

        Raises:
            SpecificationError: Meridian refuses the data or the specification.
            SamplingError: out of memory, no valid starting point, or draws that are not finite.
        """
        scaling = fit_scaling(data, spec.media_scaling)
        steps = settings.chains * (settings.tune + settings.draws)
        progress("meridian: compiling and sampling (it reports no progress)", 0, steps)
        built = build_model(data, spec)
        started = time.perf_counter()
        with _compile_seconds() as compiling:
            _sample(built.model, settings)
        seconds = time.perf_counter() - started
        progress("meridian: sampled", steps, steps)
        inference = built.model.inference_data
        return Posterior(
            samples=canonical_samples(inference, data, spec, built.ec_unit),
            sample_stats=canonical_statistics(inference),
            data=data,
            spec=spec,
            scaling=scaling,
            info=_fit_info(settings, seconds, min(sum(compiling), seconds)),
        )


def _sample(model: Any, settings: SamplerSettings) -> None:
    from jax.errors import JaxRuntimeError
    from meridian.model.model import MCMCOOMError, MCMCSamplingError, ModelFittingError

    burn_in = round(settings.tune * _BURN_IN_SHARE)
    try:
        # Meridian checks the data first, and divides by zero where columns cannot be told apart.
        with expected_warnings_ignored(), np.errstate(divide="ignore", invalid="ignore"):
            model.sample_posterior(
                n_chains=settings.chains,
                n_adapt=settings.tune - burn_in,
                n_burnin=burn_in,
                n_keep=settings.draws,
                seed=settings.seed % _SEEDS,
                max_tree_depth=settings.max_tree_depth,
                max_energy_diff=_MAX_ENERGY_DIFFERENCE,
                # Pairs instead of a dict: JAX needs something hashable here.
                dual_averaging_kwargs=(("target_accept_prob", settings.target_accept),),
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
