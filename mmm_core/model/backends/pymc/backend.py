"""The PyMC backend: our own collapsed likelihood in a PyMC model, sampled by NumPyro's NUTS on JAX."""

from pathlib import Path

from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.backends.pymc.support import unsupported_reasons
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.progress import Progress, silent


class PyMCBackend:
    """Implements `Backend`."""

    @property
    def name(self) -> str:
        """`pymc`."""
        return "pymc"

    @property
    def can_start_warm(self) -> bool:
        """See `Backend.can_start_warm`."""
        return True

    def unsupported(self, data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
        """See `Backend.unsupported`."""
        return unsupported_reasons(data, spec)

    def sample(
        self,
        data: ModelData,
        spec: ModelSpec,
        settings: SamplerSettings,
        progress: Progress = silent,
        start: Posterior | None = None,
        checkpoint: Path | None = None,
    ) -> Posterior:
        """Draw from the posterior; see `Backend.sample`.

        Raises:
            SpecificationError: a prior of the linear part is not normal, or a channel has no spend.
            SamplingError: no start with a finite log density, or draws that are not finite.
        """

        def report(done: int, total: int) -> None:
            progress("sampling (pymc)", done, total)

        report(0, settings.chains * (settings.tune + settings.draws))
        import jax

        jax.config.update("jax_enable_x64", True)
        from mmm_core.model.backends.pymc.fitting import fit

        return fit(data, spec, settings, report, start, checkpoint)
