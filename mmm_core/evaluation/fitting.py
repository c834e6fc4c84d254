"""Fitting until the gate passes: one longer try, then the other backend."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmm_core.config.modeling import ConvergenceLimitsConfig
from mmm_core.config.schema import Config
from mmm_core.errors import MMMError, SamplingError, SpecificationError
from mmm_core.evaluation.convergence import Diagnostics, check_convergence, diagnose
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import Backend, SamplerSettings, get_backend, sampler_settings
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.progress import Progress, silent

_TRIES_PER_BACKEND = 2


@dataclass(frozen=True)
class Attempt:
    """One try to fit."""

    backend: str
    settings: SamplerSettings
    seconds: float | None
    """Wall-clock seconds of sampling; None if there were no draws."""
    converged: bool
    reasons: tuple[str, ...]
    """Why it did not count: one entry per failed check, or the error."""
    warm_start: bool = False
    """Whether it started from an earlier posterior."""

    @property
    def sentence(self) -> str:
        """The try in one sentence."""
        size = f"{self.settings.chains} chains of {self.settings.tune} + {self.settings.draws} steps"
        if self.warm_start:
            size += ", warm start"
        if self.seconds is None:
            return f"{self.backend}, {size}: failed. {' '.join(self.reasons)}"
        outcome = "converged" if self.converged else "did not converge"
        return " ".join([f"{self.backend}, {size}: {outcome} in {self.seconds:.0f} s.", *self.reasons])


@dataclass(frozen=True)
class FitOutcome:
    """The fit that was taken, and everything that was tried for it."""

    posterior: Posterior
    """Its `info.attempts` has the sentences of all attempts."""
    diagnostics: Diagnostics
    attempts: tuple[Attempt, ...]
    converged: bool
    """Whether `posterior` passes the convergence gate."""


@dataclass(frozen=True)
class _Candidate:
    """A fit with what it is ranked by."""

    failed: tuple[str, ...]
    """Names of the failed checks."""
    max_rhat: float
    posterior: Posterior
    diagnostics: Diagnostics


def fit_until_converged(
    data: ModelData,
    spec: ModelSpec,
    config: Config,
    progress: Progress = silent,
    on_attempt: Callable[[Attempt], None] | None = None,
    backends: Callable[[str], Backend] = get_backend,
    start: Posterior | None = None,
    checkpoint: Path | None = None,
) -> FitOutcome:
    """Fit with `model.backend`, once more with `training.retry_factor` times the steps, then `model.fallback`.

    The first fit that passes the convergence gate is taken.  If none does, it is the one that fails the
    fewest checks (then the one with the smallest R-hat), and `converged` is False.  After divergences the
    longer try also takes smaller steps: half the distance of the target acceptance to 1.  A backend
    that cannot fit at all is not tried a second time.  A warm start that fails or does not converge
    is followed by the same try from a cold start.

    Args:
        data: what is fitted to.
        spec: the model.
        config: backends, sampler settings and limits.
        progress: told what is going on.
        on_attempt: called after every try.
        backends: name -> backend.
        start: an accepted posterior of the same model on earlier data, from which the first try of a backend that
            can starts.
        checkpoint: folder in which an interrupted try leaves what it has, and from which it goes on.

    Raises:
        SpecificationError: no backend can fit this specification to this data.
        SamplingError: no backend produced any draws.
    """
    attempts: list[Attempt] = []
    candidates: list[_Candidate] = []
    errors: dict[str, MMMError] = {}
    for name in _backend_names(config):
        settings, tries = sampler_settings(config, name), 0
        while tries < _TRIES_PER_BACKEND and name not in errors:
            backend = backends(name)
            try:
                posterior = backend.sample(data, spec, settings, progress, start, checkpoint)
            except (SpecificationError, SamplingError) as error:
                if start is not None and backend.can_start_warm and isinstance(error, SamplingError):
                    start = None
                else:
                    errors[name] = error
                attempts.append(Attempt(name, settings, None, False, (str(error),)))
            else:
                attempt, candidate = _judged(name, settings, posterior, config.complexity.identifiability)
                attempts.append(attempt)
                candidates.append(candidate)
                if attempt.warm_start:
                    start = None
                else:
                    settings = _next_settings(settings, config.training.retry_factor, candidate.failed)
                    tries += 1
            if on_attempt is not None:
                on_attempt(attempts[-1])
            if attempts[-1].converged:
                return _outcome(candidates, attempts)
    if not candidates:
        raise _nothing_drawn(errors)
    return _outcome(candidates, attempts)


def _backend_names(config: Config) -> list[str]:
    """Backends in the order in which they are tried."""
    others = [config.model.fallback] if config.model.fallback not in ("none", config.model.backend) else []
    return [config.model.backend, *others]


def _judged(
    backend: str, settings: SamplerSettings, posterior: Posterior, limits: ConvergenceLimitsConfig
) -> tuple[Attempt, _Candidate]:
    diagnostics = diagnose(posterior)
    failed = [check for check in check_convergence(diagnostics, limits) if check.blocks]
    reasons = tuple(f"{check.name}: {check.message}" for check in failed)
    info = posterior.info
    # A warm start shortens the adaptation.
    settings = dataclasses.replace(settings, tune=info.tune) if info.warm_start else settings
    attempt = Attempt(backend, settings, info.seconds, not failed, reasons, info.warm_start)
    names = tuple(check.name for check in failed)
    worst = float(diagnostics.interpreted["rhat"].max())
    return attempt, _Candidate(names, worst, posterior, diagnostics)


def _next_settings(settings: SamplerSettings, factor: float, failed: tuple[str, ...]) -> SamplerSettings:
    longer = settings.longer(factor)
    if "divergences" not in failed:
        return longer
    return dataclasses.replace(longer, target_accept=(1 + settings.target_accept) / 2)


def _outcome(candidates: list[_Candidate], attempts: list[Attempt]) -> FitOutcome:
    best = min(candidates, key=lambda candidate: (len(candidate.failed), candidate.max_rhat))
    posterior = best.posterior.with_attempts(tuple(attempt.sentence for attempt in attempts))
    return FitOutcome(posterior, best.diagnostics, tuple(attempts), not best.failed)


def _nothing_drawn(errors: dict[str, MMMError]) -> MMMError:
    """One error for all backends; a specification error only if it was one for each."""
    refused = all(isinstance(error, SpecificationError) for error in errors.values())
    message = " ".join(f"{name}: {error}" for name, error in errors.items())
    return SpecificationError(message) if refused else SamplingError(message)
