"""What a model backend is, and where the two are found."""

from dataclasses import dataclass
from typing import Protocol

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.progress import Progress, silent


@dataclass(frozen=True)
class SamplerSettings:
    """Settings of one try."""

    chains: int
    tune: int
    """Adaptation steps per chain, thrown away."""
    draws: int
    """Kept draws per chain."""
    target_accept: float
    max_tree_depth: int
    seed: int
    cores: int | None = None
    """Processor cores; None: all."""

    def longer(self, factor: float) -> "SamplerSettings":
        """The same with more steps."""
        return SamplerSettings(
            self.chains,
            round(self.tune * factor),
            round(self.draws * factor),
            self.target_accept,
            self.max_tree_depth,
            self.seed + 1,
            self.cores,
        )


def sampler_settings(config: Config) -> SamplerSettings:
    """Settings of the first try, from `training` and `runtime`."""
    training = config.training
    return SamplerSettings(
        training.chains,
        training.tune,
        training.draws,
        training.target_accept,
        training.max_tree_depth,
        training.seed,
        config.runtime.cores,
    )


class Backend(Protocol):
    """Fits a specification to data; stateless."""

    @property
    def name(self) -> str:
        """Name in configuration and results."""
        ...

    def sample(
        self, data: ModelData, spec: ModelSpec, settings: SamplerSettings, progress: Progress = silent
    ) -> Posterior:
        """Draw from the posterior.

        The same data, spec and settings give the same draws.

        Raises:
            SpecificationError: this backend cannot fit this specification (says which one can).
            SamplingError: no draws could be produced.
        """
        ...


def get_backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        SpecificationError: no such backend.
    """
    if name == "meridian":
        from mmm_core.model.backends.meridian.backend import MeridianBackend

        return MeridianBackend()
    if name == "pymc":
        from mmm_core.model.backends.pymc.backend import PyMCBackend

        return PyMCBackend()
    raise SpecificationError(f"No backend is named {name!r}; choose meridian or pymc.")
