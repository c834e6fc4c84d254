"""Fitting until the gate passes: one longer try, then the other backend."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

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

    @property
    def sentence(self) -> str:
        """The try in one sentence."""
        size = f"{self.settings.chains} chains of {self.settings.tune} + {self.settings.draws} steps"
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
) -> FitOutcome:
    """Fit with `model.backend`, once more with `training.retry_factor` times the steps, then `model.fallback`.

    The first fit that passes the convergence gate is taken.  If none does, it is the one that fails the
    fewest checks (then the one with the smallest R-hat), and `converged` is False.  After divergences the
    second try also takes smaller steps: half the distance of `training.target_accept` to 1.  A backend
    that cannot fit at all is not tried a second time.

    Args:
        data: what is fitted to.
        spec: the model.
        config: backends, sampler settings and limits.
        progress: told what is going on.
        on_attempt: called after every try.
        backends: name -> backend.

    Raises:
        SpecificationError: no backend can fit this specification to this data.
        SamplingError: no backend produced any draws.
    """
    attempts: list[Attempt] = []
    candidates: list[_Candidate] = []
    errors: dict[str, MMMError] = {}
    for name in _backend_names(config):
        settings = sampler_settings(config)
        for _ in range(_TRIES_PER_BACKEND):
            try:
                posterior = backends(name).sample(data, spec, settings, progress)
            except (SpecificationError, SamplingError) as error:
                errors[name] = error
                attempts.append(Attempt(name, settings, None, False, (str(error),)))
            else:
                attempt, candidate = _judged(name, settings, posterior, config.complexity.identifiability)
                attempts.append(attempt)
                candidates.append(candidate)
                settings = _next_settings(settings, config.training.retry_factor, candidate.failed)
            if on_attempt is not None:
                on_attempt(attempts[-1])
            if attempts[-1].converged:
                return _outcome(candidates, attempts)
            if name in errors:
                break
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
    attempt = Attempt(backend, settings, posterior.info.seconds, not failed, reasons)
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
