"""One check: one property, one severity, one sentence of remedy, one number or table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mmm_core.config.data_checks import PROTECTED_CHECKS
from mmm_core.config.schema import Config
from mmm_core.config.trust_checks import PROTECTED_TRUST_CHECKS
from mmm_core.errors import GateError

Severity = Literal["error", "warn"]
"""`error` blocks whatever depends on the checked data; `warn` informs."""
Wanted = Literal["error", "warn", "off"]
"""A severity as configuration gives it."""


@dataclass(frozen=True)
class CheckResult:
    """Outcome of one check, independent of any orchestrator."""

    name: str
    """snake_case name, stable over releases (it is the asset-check name)."""
    passed: bool
    severity: Severity
    """Severity if the check fails."""
    message: str
    """What was found, against which limit, and what to do about it."""
    value: float | None = None
    """The number that was compared, if there is one."""
    threshold: float | None = None
    """The limit it was compared with, if there is one."""
    table: tuple[Mapping[str, Any], ...] = field(default=())
    """Rows worth showing (failure cases, offending parameters), at most about 50; same keys in each row."""

    @property
    def blocks(self) -> bool:
        """Whether dependants must not run."""
        return not self.passed and self.severity == "error"


def require(results: Iterable[CheckResult], subject: str) -> None:
    """Raise if any result blocks.

    Args:
        results: outcomes of the checks of one asset.
        subject: what was checked, for the message, e.g. `raw_panel of geo Geo0`.

    Raises:
        GateError: naming each blocking check and its message.
    """
    blocking = [result for result in results if result.blocks]
    if blocking:
        reasons = "\n".join(f"- {result.name}: {result.message}" for result in blocking)
        raise GateError(f"{subject} failed {len(blocking)} blocking check(s):\n{reasons}")


def with_severities(results: Iterable[CheckResult], config: Config) -> list[CheckResult]:
    """Results about data under the configured severities.

    Args:
        results: outcomes with their default severities.
        config: `validation.severities`.

    Returns:
        The results in their order; those that are `off` are left out.  A protected check
        (`data_checks.PROTECTED_CHECKS`) that blocks stays as it is.
    """
    return _judged(results, config.validation.severities, PROTECTED_CHECKS)


def with_trust_severities(results: Iterable[CheckResult], config: Config) -> list[CheckResult]:
    """Results about a fit under `evaluation.severities`, as `with_severities` does it for data.

    Protected are `trust_checks.PROTECTED_TRUST_CHECKS`.
    """
    return _judged(results, config.evaluation.severities, PROTECTED_TRUST_CHECKS)


def _judged(
    results: Iterable[CheckResult], wanted: Mapping[str, Wanted], protected: frozenset[str]
) -> list[CheckResult]:
    judged = (_under(result, wanted.get(result.name), result.name in protected) for result in results)
    return [result for result in judged if result is not None]


def _under(result: CheckResult, wanted: Wanted | None, is_protected: bool) -> CheckResult | None:
    if wanted is None or (is_protected and result.severity == "error"):
        return result
    return None if wanted == "off" else replace(result, severity=wanted)
