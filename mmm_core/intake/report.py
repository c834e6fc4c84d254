"""What was found about one geo's data: every check of its rows and of its clean panel, with the score."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.panel import GEO
from mmm_core.errors import DataError, StorageError
from mmm_core.quality.check import CheckResult
from mmm_core.quality.clean_checks import check_clean_panel
from mmm_core.quality.raw_checks import check_raw_panel
from mmm_core.quality.score import check_validation_score, quality_score

RAW, CLEAN = "raw_panel", "clean_panel"
Stages = Mapping[str, tuple[CheckResult, ...]]
Begins = Callable[[str], None]
"""`begins(stage)`: told which stage is next; whoever measures or shows progress wants to know."""


@dataclass(frozen=True)
class GeoReport:
    """The validation of one geo."""

    geo: str
    origin: str
    """Name of the source."""
    score: float
    """Quality score of all results, between 0 and 1."""
    lost: Mapping[str, float]
    """check -> points of the score that it cost, largest first; the points sum to 1 - score."""
    results: Stages
    """`raw_panel`, and `clean_panel` unless the rows block: outcomes of their checks.  Numbers in them are finite
    (None where there is none), so that the report survives JSON unchanged."""

    @property
    def every_result(self) -> tuple[CheckResult, ...]:
        """The outcomes of all stages."""
        return tuple(result for results in self.results.values() for result in results)

    @property
    def blocks(self) -> bool:
        """Whether the geo cannot be modelled as it is."""
        return any(result.blocks for result in self.every_result)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values: text, finite numbers, lists and maps."""
        return {
            "geo": self.geo,
            "origin": self.origin,
            "score": self.score,
            "lost": dict(self.lost),
            "results": {stage: [_as_json(result) for result in found] for stage, found in self.results.items()},
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "GeoReport":
        """Inverse of `to_json`.

        Raises:
            StorageError: the record is none of a validation report.
        """
        try:
            return cls(
                geo=str(record["geo"]),
                origin=str(record["origin"]),
                score=float(record["score"]),
                lost={str(name): float(points) for name, points in record["lost"].items()},
                results={
                    str(stage): tuple(_from_json(result) for result in found)
                    for stage, found in record["results"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"A stored validation report cannot be read ({error}); materialize it again."
            ) from error


def build_geo_report(raw_panel: pd.DataFrame, mapping: ColumnMapping, config: Config, origin: str) -> GeoReport:
    """Judge one geo's rows and, unless they block, what cleaning makes of them.

    Args:
        raw_panel: of one geo, at least one row.
        mapping: which columns there are.
        config: limits, severities and weights are in `validation`.
        origin: name of the source.

    Raises:
        ConfigError: a setting of the cleaning is wrong.
    """
    raw, _, clean = judge(raw_panel, mapping, config, origin)
    stages = {RAW: raw} | ({CLEAN: clean} if clean else {})
    return report_of(str(raw_panel[GEO].iloc[0]), origin, stages, config)


def report_of(geo: str, origin: str, stages: Mapping[str, Sequence[CheckResult]], config: Config) -> GeoReport:
    """The report on outcomes that are known; `validation_score` counts for nothing, as it is made of them."""
    results = {stage: tuple(_finite(result) for result in found) for stage, found in stages.items()}
    counted = [result for found in results.values() for result in found if result.name != "validation_score"]
    quality = quality_score(counted, config.validation.quality_thresholds.weights)
    return GeoReport(geo, origin, quality.score, dict(quality.lost), results)


def judge(
    raw_panel: pd.DataFrame,
    mapping: ColumnMapping,
    config: Config,
    origin: str,
    begins: Begins = lambda stage: None,
) -> tuple[list[CheckResult], CleanedPanel | None, list[CheckResult]]:
    """Outcomes of the rows (score included), the clean panel, and its outcomes; None, nothing if the rows block.

    What cleaning refuses is the failed check `cleaning`.  `begins` is told of `RAW` and `CLEAN`.

    Raises:
        ConfigError: a setting of the cleaning is wrong.
    """
    begins(RAW)
    raw = check_raw_panel(raw_panel, mapping, config, origin)
    raw.append(check_validation_score(raw, config))
    if any(result.blocks for result in raw):
        return raw, None, []
    begins(CLEAN)
    try:
        cleaned = clean_panel(raw_panel, mapping, config)
    except DataError as error:
        return raw, None, [CheckResult("cleaning", False, "error", str(error))]
    return raw, cleaned, check_clean_panel(cleaned.panel, config)


def _finite(result: CheckResult) -> CheckResult:
    """The result with plain finite numbers, so that equal reports are equal as JSON."""
    table = tuple({str(key): _plain(value) for key, value in row.items()} for row in result.table)
    return replace(result, value=_number(result.value), threshold=_number(result.threshold), table=table)


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def _number(value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _as_json(result: CheckResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "passed": bool(result.passed),
        "severity": result.severity,
        "message": result.message,
        "value": result.value,
        "threshold": result.threshold,
        "table": [dict(row) for row in result.table],
    }


def _from_json(record: Mapping[str, Any]) -> CheckResult:
    return CheckResult(**{**record, "table": tuple(dict(row) for row in record["table"])})


def worst_first(reports: Iterable[GeoReport]) -> list[GeoReport]:
    """Those that block first, then by score, then in the given order."""
    return sorted(reports, key=lambda report: (not report.blocks, report.score))
