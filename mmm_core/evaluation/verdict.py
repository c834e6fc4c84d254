"""One verdict on a fit, from the outcomes of all its checks: whether it may be used, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mmm_core.errors import GateError, StorageError
from mmm_core.quality.check import CheckResult

Level = Literal["accepted", "accepted_with_warnings", "rejected"]
LEVEL_WORDS: Mapping[Level, str] = {
    "accepted": "accepted",
    "accepted_with_warnings": "accepted with warnings",
    "rejected": "rejected",
}


@dataclass(frozen=True)
class Reason:
    """A check that failed."""

    group: str
    """What it is about, e.g. `convergence`."""
    check: str
    blocks: bool
    message: str


@dataclass(frozen=True)
class Verdict:
    """Whether a fit may be used."""

    fit: str
    """Version of the posterior."""
    level: Level
    reasons: tuple[Reason, ...]
    """Failed checks, those that reject first."""
    checks: Mapping[str, int]
    """group -> checks that were made."""

    @property
    def sentence(self) -> str:
        """The verdict with its reasons, in a line or a few."""
        rejecting = [reason for reason in self.reasons if reason.blocks]
        told = rejecting or self.reasons
        why = "".join(f"\n- {reason.check}: {reason.message}" for reason in told)
        return f"The model is {LEVEL_WORDS[self.level]} after {sum(self.checks.values())} checks.{why}"

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"reasons": [asdict(reason) for reason in self.reasons], "checks": dict(self.checks)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Verdict":
        """Inverse of `to_record`.

        Raises:
            StorageError: the record is not one.
        """
        try:
            reasons = tuple(Reason(**reason) for reason in record["reasons"])
            return cls(record["fit"], record["level"], reasons, record["checks"])
        except (KeyError, TypeError) as error:
            raise StorageError(f"A stored verdict lacks {error}; materialize model_verdict again.") from error


def verdict(fit: str, groups: Mapping[str, Sequence[CheckResult]]) -> Verdict:
    """Judge a fit: rejected if a check blocks, accepted with warnings if another fails.

    Args:
        fit: version of the posterior.
        groups: what was checked -> outcomes, severities as configured.
    """
    failed = [
        Reason(group, result.name, result.blocks, result.message)
        for group, results in groups.items()
        for result in results
        if not result.passed
    ]
    reasons = tuple(sorted(failed, key=lambda reason: not reason.blocks))
    level: Level = "accepted_with_warnings" if reasons else "accepted"
    if any(reason.blocks for reason in reasons):
        level = "rejected"
    return Verdict(fit, level, reasons, {group: len(results) for group, results in groups.items()})


def require_accepted(found: Verdict, fit: str) -> None:
    """Refuse to go on with a fit that is rejected.

    Args:
        found: the verdict.
        fit: version of the posterior that is to be used.

    Raises:
        StorageError: the verdict is on another fit.
        GateError: the fit is rejected; says why and what to do.
    """
    if found.fit != fit:
        raise StorageError("model_verdict is about another fit than the stored posterior; materialize it again.")
    if found.level == "rejected":
        raise GateError(found.sentence)
