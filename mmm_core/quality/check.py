"""One check: one property, one severity, one sentence of remedy, one number or table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mmm_core.errors import GateError

Severity = Literal["error", "warn"]
"""`error` blocks whatever depends on the checked data; `warn` informs."""


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
