"""The comparison itself: fit each candidate before each slice, score it on the slice, choose, stack."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.errors import SamplingError, SpecificationError
from mmm_core.evaluation.convergence import diagnose
from mmm_core.features.held_out import truncate, without_later_events
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import Backend, SamplerSettings, get_backend, sampler_settings
from mmm_core.model.posterior import Posterior
from mmm_core.progress import Progress, silent
from mmm_core.selection.candidates import COMPARED_BY, Candidate, candidate_spec, candidates_of
from mmm_core.selection.choice import CandidateScore, ModelChoice, paired_differences, winner_of
from mmm_core.selection.scores import SliceScores, slice_scores
from mmm_core.selection.slices import TimeSlice, time_slices
from mmm_core.selection.stacking import stacking_weights

_CHAINS = 2
_TARGET_ACCEPT = 0.9
"""Predictions need less care than a posterior that is interpreted."""
_RETRY_RHAT = 1.1
"""Above it a fit is made once more, longer and from other starts: a chain that is stuck spoils a score."""


@dataclass(frozen=True)
class _Tried:
    """What is known of a candidate after all its fits."""

    scores: tuple[SliceScores, ...]
    max_rhat: float
    divergences: int
    seconds: float


def choose_model(
    data: ModelData,
    config: Config,
    progress: Progress = silent,
    on_fit: Callable[[str], None] | None = None,
    backend: Backend | None = None,
) -> ModelChoice:
    """Compare the candidates of `model.selection` and choose one.

    The best mean tracked log score wins, but of the candidates within half a standard error of it the first listed
    one is taken.

    Args:
        data: all weeks; its seasonality is replaced by each candidate's.
        config: candidates, slices, and everything that the candidates do not change.
        progress: told how many fits are done.
        on_fit: told the outcome of each fit in one sentence.
        backend: fits; None for the one that comparisons use.

    Raises:
        SpecificationError: a panel too short for any slice, or a candidate that cannot be fitted.
        SamplingError: a fit gave no draws.
    """
    slices = time_slices(data, config.model.selection.splits, config.model.selection.horizon_weeks)
    candidates = candidates_of(config, len(data.dates))
    for candidate in candidates:  # before the first fit, which may take long
        for piece in slices:
            candidate_spec(candidate, config, candidate.data(config, data), piece.start)
    done, total = 0, len(candidates) * len(slices)
    tried: list[_Tried] = []
    for candidate in candidates:
        found = []
        for outcome in _fits(candidate, data, config, slices, backend or get_backend(COMPARED_BY)):
            found.append(outcome)
            done += 1
            progress("comparing models", done, total)
            if on_fit is not None:
                on_fit(f"{candidate.name}, slice {len(found)} of {len(slices)}: {outcome.sentence}")
        tried.append(_tried(found))
    return _choice(candidates, tried, slices, data)


def comparison_settings(config: Config) -> SamplerSettings:
    """Two short chains, otherwise as configured."""
    draws = config.model.selection.draws
    configured = sampler_settings(config, COMPARED_BY)
    target = min(configured.target_accept, _TARGET_ACCEPT)
    return dataclasses.replace(configured, chains=_CHAINS, tune=draws, draws=draws, target_accept=target)


@dataclass(frozen=True)
class _Fit:
    """One fit and its scores."""

    scores: SliceScores
    max_rhat: float
    divergences: int
    seconds: float

    @property
    def sentence(self) -> str:
        return f"log score {np.nanmean(self.scores.tracked):.3f}, R-hat {self.max_rhat:.3f}, {self.seconds:.0f} s."


def _fits(
    candidate: Candidate, data: ModelData, config: Config, slices: Sequence[TimeSlice], backend: Backend
) -> Iterator[_Fit]:
    whole = candidate.data(config, data)
    for piece in slices:
        began = time.perf_counter()
        own = without_later_events(whole, piece.start)
        spec = candidate_spec(candidate, config, own, piece.start)
        before, settings = truncate(own, piece.start), comparison_settings(config)
        try:
            fit = backend.sample(before, spec, settings)
        except SamplingError as error:
            raise SamplingError(f"model.selection.candidates, {candidate.name}: {error}") from error
        max_rhat, divergences = sampling_quality(fit)
        if max_rhat > _RETRY_RHAT:
            fit = backend.sample(before, spec, settings.longer(config.training.retry_factor))
            max_rhat, divergences = sampling_quality(fit)
        yield _Fit(slice_scores(fit, own, piece), max_rhat, divergences, time.perf_counter() - began)


def sampling_quality(fit: Posterior) -> tuple[float, int]:
    """Largest R-hat of what is interpreted, and divergences."""
    diagnostics = diagnose(fit)
    return float(diagnostics.interpreted["rhat"].max()), diagnostics.divergences


def _tried(fits: Sequence[_Fit]) -> _Tried:
    return _Tried(
        scores=tuple(fit.scores for fit in fits),
        max_rhat=max(fit.max_rhat for fit in fits),
        divergences=sum(fit.divergences for fit in fits),
        seconds=sum(fit.seconds for fit in fits),
    )


def _choice(
    candidates: Sequence[Candidate], tried: Sequence[_Tried], slices: Sequence[TimeSlice], data: ModelData
) -> ModelChoice:
    tracked = np.stack([_joined([part.tracked for part in one.scores]) for one in tried], axis=-1)
    forecast = np.stack([_joined([part.forecast for part in one.scores]) for one in tried], axis=-1)
    scored = _scored(tracked, [candidate.name for candidate in candidates])
    weeks = np.broadcast_to(np.arange(tracked.shape[1]), tracked.shape[:2])
    difference, standard_error = paired_differences(tracked[scored], weeks[scored])
    weights = stacking_weights(tracked[scored])
    rows = tuple(
        CandidateScore(
            name=candidate.name,
            changes=candidate.changes.model_dump(mode="json", exclude_none=True),
            score=float(tracked[scored][:, c].mean()),
            difference=float(difference[c]),
            difference_se=float(standard_error[c]),
            forecast_score=float(np.nanmean(forecast[..., c])),
            slice_scores=tuple(float(np.nanmean(part.tracked)) for part in one.scores),
            weight=float(weights[c]),
            max_rhat=one.max_rhat,
            divergences=one.divergences,
            seconds=one.seconds,
        )
        for c, (candidate, one) in enumerate(zip(candidates, tried, strict=True))
    )
    days = tuple((str(first), str(last)) for first, last in (piece.days(data) for piece in slices))
    return ModelChoice(rows, rows[winner_of(difference, standard_error)].name, days, int(scored.sum()))


def _scored(tracked: FloatArray, names: Sequence[str]) -> NDArray[np.bool_]:
    """(G, W) cells that every candidate predicts; what is NaN for all of them is not to be predicted.

    Raises:
        SpecificationError: there is nothing to predict, or a candidate gives no score where others do.
    """
    wanted: NDArray[np.bool_] = np.asarray(~np.isnan(tracked).all(axis=-1))
    if not wanted.any():
        raise SpecificationError(
            "No geo has two known KPI weeks in any time slice, so no model can be scored; raise "
            "model.selection.horizon_weeks, or set model.selection.enabled to false."
        )
    broken = [name for c, name in enumerate(names) if not np.isfinite(tracked[wanted][:, c]).all()]
    if broken:
        raise SpecificationError(
            f"model.selection.candidates: {', '.join(broken)} gives known weeks no finite density; remove it."
        )
    return wanted


def _joined(parts: Sequence[FloatArray]) -> FloatArray:
    """(G, all weeks of all slices)."""
    return np.concatenate(list(parts), axis=1)
