"""What a model backend is, and where the two are found."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.progress import Progress, silent
from mmm_core.storage import working_folder


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
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where JAX computes; `auto` is the backend's choice."""
    precision: Literal["float64", "mixed"] = "float64"
    """`mixed`: the media part in float32, where the backend can."""
    compile_cache: Path | None = None
    """Folder that keeps compiled programs between runs; None: nowhere."""

    def longer(self, factor: float) -> "SamplerSettings":
        """The same with more steps and another seed."""
        return replace(self, tune=round(self.tune * factor), draws=round(self.draws * factor), seed=self.seed + 1)


@dataclass(frozen=True)
class _Habits:
    """What a backend needs unless the configuration says otherwise."""

    tune: int
    target_accept: float


_WITH_LIFT_TESTS = 0.9
_HABITS = {"meridian": _Habits(600, 0.95), "pymc": _Habits(400, 0.8)}


def sampler_settings(config: Config, backend: str | None = None) -> SamplerSettings:
    """Settings of the first try, from `training` and `runtime`.

    Args:
        config: what it says is taken; what it leaves open is the backend's habit.
        backend: name; None: `model.backend`.
    """
    training, runtime = config.training, config.runtime
    habits = _HABITS[backend or config.model.backend]
    return SamplerSettings(
        chains=training.chains,
        tune=habits.tune if training.tune is None else training.tune,
        draws=training.draws,
        target_accept=_target_accept(config, habits) if training.target_accept is None else training.target_accept,
        max_tree_depth=training.max_tree_depth,
        seed=training.seed,
        cores=runtime.cores,
        device=runtime.device,
        precision=runtime.precision,
        compile_cache=_compiled(config) if runtime.compile_cache else None,
    )


def _target_accept(config: Config, habits: _Habits) -> float:
    """Smaller steps where lift tests are terms of the likelihood.

    A test that contradicts the KPI is met by geos' effects far apart; in these tails a step of the usual size
    diverges now and then (0.17 % of transitions at 0.8).
    """
    calibrated = config.calibration.use == "likelihood" and config.calibration.experiments is not None
    return max(habits.target_accept, _WITH_LIFT_TESTS) if calibrated else habits.target_accept


def _compiled(config: Config) -> Path:
    return working_folder(config.paths.storage, config.paths.work) / "cache" / "compiled"


class Backend(Protocol):
    """Fits a specification to data; stateless."""

    @property
    def name(self) -> str:
        """Name in configuration and results."""
        ...

    @property
    def can_start_warm(self) -> bool:
        """Whether `sample` can use a `start`."""
        ...

    def unsupported(self, data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
        """Why this backend cannot fit this, one sentence per reason, each naming the configuration key.

        Cheap: no heavy import.  Empty if it can.
        """
        ...

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

        The same data, spec, settings and start give the same draws, whether interrupted or not.

        Args:
            data: what is fitted to.
            spec: the model.
            settings: of this try.
            progress: told how far it is.
            start: an accepted posterior of the same model on earlier data, for a warm start; a backend that
                cannot use it starts cold (`FitInfo.warm_start` tells).
            checkpoint: folder in which an interrupted fit leaves what it has, and from which the same fit
                (same data, spec, settings, start) goes on; removed when the fit is done.

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
