"""One number for the quality of the data, and what cost how many points."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmm_core.config.schema import Config
from mmm_core.quality.check import CheckResult

SCORE_CHECKS: Mapping[str, str] = {
    "validation_score": "Weighted share of passed checks (validation.quality_thresholds.min_validation_score)"
}
"""Check name -> what it looks at."""
_WEIGHTS = {"error": 3.0, "warn": 1.0}
_ROUNDING = 1e-12


@dataclass(frozen=True)
class QualityScore:
    """Weighted share of checks that passed."""

    score: float
    """Between 0 and 1; 1 if everything passed."""
    lost: Mapping[str, float]
    """check name -> points of the score that it cost, largest first; the points sum to 1 - score."""


def quality_score(results: Iterable[CheckResult], weights: Mapping[str, float] | None = None) -> QualityScore:
    """Score = 1 - lost weight / total weight.

    Each check counts once, whatever the number of geos: with its weight, times the share of its results that
    failed.

    Args:
        results: outcomes of checks.
        weights: check -> weight, 0 or more (`validation.quality_thresholds.weights`); others weigh 3 if they
            block and 1 if they inform.
    """
    by_name: dict[str, list[CheckResult]] = defaultdict(list)
    for result in results:
        by_name[result.name].append(result)
    given = weights or {}
    weights = {
        name: given.get(name, max(_WEIGHTS[result.severity] for result in group))
        for name, group in by_name.items()
    }
    total = sum(weights.values()) or 1.0
    lost = {
        name: weights[name] / total * sum(not result.passed for result in group) / len(group)
        for name, group in by_name.items()
    }
    costly = {name: points for name, points in sorted(lost.items(), key=lambda item: -item[1]) if points > 0}
    return QualityScore(score=1.0 - sum(costly.values()), lost=costly)


def check_validation_score(results: Iterable[CheckResult], config: Config) -> CheckResult:
    """The check `validation_score`: the score of the given results reaches the configured minimum."""
    limits, wanted = config.validation.quality_thresholds, config.validation.severities.get("validation_score")
    quality = quality_score(results, limits.weights)
    if wanted == "off":
        return CheckResult("validation_score", True, "warn", "Not judged: it is off in validation.severities.")
    least = limits.min_validation_score
    costs = ", ".join(f"{name} {points:.2f}" for name, points in quality.lost.items())
    passed = quality.score >= least - _ROUNDING
    message = f"The data scores {quality.score:.2f} of 1" + (f" (lost: {costs})." if costs else ".")
    if not passed:
        message += (
            f" At least {least:g} is needed (validation.quality_thresholds.min_validation_score); "
            "mend what cost most."
        )
    table = tuple({"check": name, "points_lost": points} for name, points in quality.lost.items())
    return CheckResult("validation_score", passed, wanted or "error", message, quality.score, least, table)
