"""The one place where outcomes of `mmm_core` become Dagster's asset checks and failures."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
import numpy as np

from mmm_core.errors import MMMError
from mmm_core.quality.check import CheckResult

CheckNames = Mapping[str, str]
"""check name -> what it looks at, or its usual severity; fixed, because Dagster lists checks before any run."""
Pictures = Mapping[str, Callable[[], bytes] | str]
"""check name -> what draws its picture (PNG), or words that say where it stands."""
_SEVERITIES = {"error": "Stops what depends on it.", "warn": "Informs."}


def check_specs(
    asset: str, checks: CheckNames, partitions: dg.PartitionsDefinition[str] | None = None
) -> list[dg.AssetCheckSpec]:
    """Specs of an asset's checks.

    All of them may block, because configuration can make some of them stricter: whether a failed check
    does block is the severity of its result.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # checks by partition are a preview in Dagster 1.13
        return [
            dg.AssetCheckSpec(
                name,
                asset=asset,
                description=_SEVERITIES.get(about, about),
                blocking=True,
                partitions_def=partitions,
            )
            for name, about in checks.items()
        ]


def check_results(
    asset: str, checks: CheckNames, results: Sequence[CheckResult], pictures: Pictures | None = None
) -> Iterator[dg.AssetCheckResult]:
    """One Dagster result per declared check; a check without an outcome did not apply and passes.

    A failed check has its picture.  What several of them share is drawn once, beside the first, and passed
    checks have none (the asset has it), so that the event log stays small.

    Raises:
        KeyError: an outcome that is not declared, which would vanish from the UI otherwise.
    """
    outcomes = {result.name: result for result in results}
    undeclared = outcomes.keys() - checks.keys()
    if undeclared:
        raise KeyError(f"{asset} has no check named {sorted(undeclared)}; declare it beside the asset.")
    shown = _Shown(pictures or {})
    for name in checks:
        outcome = outcomes.get(name)
        more = {} if outcome is None or outcome.passed else shown.beside(name)
        yield _check_result(name, outcome, more)


class _Shown:
    """Pictures of a group of checks, each shown once."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._where: dict[Callable[[], bytes], str] = {}

    def beside(self, name: str) -> dict[str, Any]:
        """Metadata of a failed check; empty where it has no picture."""
        from mmm_core.reporting.figures import png_markdown

        draw = self._pictures.get(name)
        if draw is None:
            return {}
        if isinstance(draw, str):
            return {"picture": draw}
        if draw in self._where:
            return {"picture": f"beside the check {self._where[draw]}"}
        self._where[draw] = name
        return {"picture": dg.MetadataValue.md(png_markdown(draw()))}


def _check_result(name: str, result: CheckResult | None, more: Mapping[str, Any]) -> dg.AssetCheckResult:
    if result is None:
        return dg.AssetCheckResult(passed=True, check_name=name, description="Does not apply here.")
    severity = dg.AssetCheckSeverity.ERROR if result.severity == "error" else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        passed=bool(result.passed),
        check_name=name,
        severity=severity,
        description=result.message,
        metadata={**_check_metadata(result), **more},
    )


def _check_metadata(result: CheckResult) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if result.value is not None:
        metadata["value"] = _readable(result.value)
    if result.threshold is not None:
        metadata["threshold"] = _readable(result.threshold)
    if result.table:
        metadata["cases"] = cases_table(result.table)
    return metadata


def cases_table(rows: Sequence[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows as a table of the UI; anything but numbers and booleans is shown as text."""
    records = [dg.TableRecord({str(key): _cell(value) for key, value in row.items()}) for row in rows]
    columns = list(dict.fromkeys(str(key) for row in rows for key in row))
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    return dg.MetadataValue.table(records, schema)


def _cell(value: Any) -> str | int | float | bool:
    """Only Python's own types can be stored; NumPy's numbers look like them."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return _readable(plain) if math.isfinite(plain) else str(plain)
    return plain if isinstance(plain, str | int | float | bool) else str(plain)


def _readable(number: float) -> float:
    """As many digits as a person looks at."""
    return float(f"{number:.6g}")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the core raises on purpose into a failure with a clear message and without retries.

    Raises:
        dagster.Failure: with the core's error as its cause.
    """
    try:
        yield
    except MMMError as error:
        raise dg.Failure(str(error), metadata={"kind": type(error).__name__}, allow_retries=False) from error
