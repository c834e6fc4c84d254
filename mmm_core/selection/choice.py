"""What the comparison of candidates found, as a record that is stored and shown."""

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.config.modeling import CandidateConfig
from mmm_core.errors import StorageError
from mmm_core.features.model_data import FloatArray
from mmm_core.quality.check import CheckResult

TIE_STANDARD_ERRORS = 0.5
"""A candidate that is listed earlier is taken if it is worse by less than so many standard errors."""
MODEL_CHOICE_CHECKS = {
    "comparison_rhat": "R-hat of the fits that were compared",
    "clear_choice": "Whether the winner predicts clearly better than the runner-up",
}
"""Check name -> what it looks at, in the order of the results."""
_MAX_RHAT = 1.05
_CLEAR_STANDARD_ERRORS = 1.0


@dataclass(frozen=True)
class CandidateScore:
    """One row of the comparison."""

    name: str
    changes: dict[str, Any]
    """What the candidate changes, by key of `model.selection.candidates.<name>`."""
    score: float
    """Mean tracked log score per geo-week, higher is better (see `selection.scores`)."""
    difference: float
    """Mean score less the best one's, <= 0."""
    difference_se: float
    """Standard error of the difference, by week (the geos of a week are added up first)."""
    forecast_score: float
    """Mean log score of the forecast as it is, level not tracked; for information."""
    slice_scores: tuple[float, ...]
    """Mean tracked score of each slice, the earliest first."""
    weight: float
    """Stacking weight; the weights of all candidates add up to 1."""
    max_rhat: float
    """Largest R-hat of what is interpreted, over the fits of all slices."""
    divergences: int
    seconds: float
    """Of its fits."""

    @property
    def candidate_config(self) -> CandidateConfig:
        """What the candidate changes, as configuration."""
        return CandidateConfig.model_validate(self.changes)


@dataclass(frozen=True)
class ModelChoice:
    """The comparison and its winner."""

    candidates: tuple[CandidateScore, ...]
    """In the order in which they were listed."""
    winner: str
    slices: tuple[tuple[str, str], ...]
    """First and last predicted day of each slice."""
    n_scored: int
    """Geo-weeks that were scored for each candidate."""
    stacked: tuple[dict[str, Any], ...] = ()
    """Channel totals of the stacked posterior (see `selection.stacked`); empty if it was not asked for."""

    @property
    def chosen(self) -> CandidateScore:
        """The winner's row."""
        return next(candidate for candidate in self.candidates if candidate.name == self.winner)

    @property
    def changes(self) -> CandidateConfig:
        """What the winner changes."""
        return self.chosen.candidate_config

    @property
    def ranked(self) -> tuple[CandidateScore, ...]:
        """The best score first."""
        return tuple(sorted(self.candidates, key=lambda candidate: -candidate.score))

    def scores(self) -> pd.DataFrame:
        """One row per candidate, the best score first: its name, scores, weight and how its fits went."""
        rows = [asdict(row) for row in self.ranked]
        table = pd.DataFrame(rows).drop(columns=["changes", "slice_scores"])
        return table.rename(columns={"name": "candidate"}).assign(chosen=table["name"] == self.winner)

    def with_stacked(self, totals: pd.DataFrame) -> "ModelChoice":
        """With the channel totals of the stacked posterior."""
        rows = [{str(key): _known(value) for key, value in row.items()} for row in totals.to_dict("records")]
        return replace(self, stacked=tuple(rows))

    def to_record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        record: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "ModelChoice":
        """Inverse of `to_record`.

        Raises:
            StorageError: the record is not what `to_record` wrote.
        """
        try:
            return cls(
                candidates=tuple(
                    CandidateScore(**{**row, "slice_scores": tuple(row["slice_scores"])})
                    for row in record["candidates"]
                ),
                winner=record["winner"],
                slices=tuple((first, last) for first, last in record["slices"]),
                n_scored=record["n_scored"],
                stacked=tuple(record["stacked"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"The stored model choice lacks {error}; materialize model_choice again."
            ) from error


def _known(value: Any) -> Any:
    """None for a missing number, which JSON does not have."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def paired_differences(scores: FloatArray, weeks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(C,) mean differences to the best candidate and their standard errors.

    Args:
        scores: (N, C) log score of each geo-week under each candidate.
        weeks: (N,) which week; the geos of a week are not independent, so weeks are what is resampled.
    """
    best = int(np.argmax(scores.mean(axis=0)))
    difference = scores - scores[:, [best]]
    mean = difference.mean(axis=0)
    _, week = np.unique(weeks, return_inverse=True)
    sums = np.zeros((week.max() + 1, scores.shape[1]))
    np.add.at(sums, week, difference - mean)
    n_weeks = len(sums)
    correction = n_weeks / max(n_weeks - 1, 1)
    return mean, np.sqrt(correction * (sums**2).sum(axis=0)) / len(scores)


def winner_of(difference: FloatArray, standard_error: FloatArray) -> int:
    """Index of the choice: the first listed candidate within half a standard error of the best score."""
    return int(np.flatnonzero(difference >= -TIE_STANDARD_ERRORS * standard_error)[0])


def check_choice(choice: ModelChoice) -> list[CheckResult]:
    """All checks of `MODEL_CHOICE_CHECKS`; they inform and block nothing."""
    return [_check_rhat(choice), _check_clear(choice)]


def _check_rhat(choice: ModelChoice) -> CheckResult:
    rough = [candidate for candidate in choice.candidates if candidate.max_rhat > _MAX_RHAT]
    worst = max(candidate.max_rhat for candidate in choice.candidates)
    message = f"Largest R-hat of the compared fits is {worst:.3f}, limit {_MAX_RHAT}."
    if rough:
        message += (
            f" The scores of {', '.join(candidate.name for candidate in rough)} are rough: raise "
            "model.selection.draws."
        )
    table = tuple({"candidate": row.name, "max_rhat": row.max_rhat} for row in rough)
    return CheckResult("comparison_rhat", not rough, "warn", message, worst, _MAX_RHAT, table)


def _check_clear(choice: ModelChoice) -> CheckResult:
    close = [
        candidate.name
        for candidate in choice.candidates
        if candidate.name != choice.winner
        and candidate.difference >= -_CLEAR_STANDARD_ERRORS * candidate.difference_se
    ]
    if not close:
        return CheckResult("clear_choice", True, "warn", f"{choice.winner} predicts better than every other.")
    return CheckResult(
        "clear_choice",
        False,
        "warn",
        f"{choice.winner} does not predict clearly better than {', '.join(close)} (within one standard error). "
        "Where their answers differ, the data does not decide: set model.selection.stacking to see intervals "
        "that carry this doubt.",
    )
