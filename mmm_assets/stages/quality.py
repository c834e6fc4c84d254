"""Stage report: what every check of the data behind the fit found."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import MAPPING, SOURCE_JUDGED, attributes
from mmm_assets.checks import cases_table, refusals
from mmm_assets.io_managers import every_geo
from mmm_assets.metadata import bytes_version
from mmm_assets.resources.project import Project
from mmm_assets.stages.ingest import judge_source
from mmm_assets.validation import current_reports
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult
from mmm_core.quality.feature_checks import check_features
from mmm_core.quality.score import quality_score


def definitions(project: Project) -> dg.Definitions:
    """The asset `data_quality`."""
    reads = MAPPING | SOURCE_JUDGED | {"validation", "features", "enhanced_cleaning", "model.knots"}
    quality = dg.asset(
        ins={name: every_geo(name) for name in ("validation_report", "features")},
        io_manager_key="json",
        **attributes(project, "report", reads=reads, kinds={"pandas"}),
    )
    return dg.Definitions(assets=[quality(data_quality)])


def data_quality(
    validation_report: dict[str, dict[str, Any]],
    features: dict[str, pd.DataFrame],
    source_snapshot: dict[str, Any],
    model_data: ModelData,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[list[dict[str, Any]]]:
    """Outcome of every check of the data behind the fit, with a score for each geo's rows."""
    config = project.config
    with refusals():
        reports, _ = current_reports(validation_report, source_snapshot["geos"])
        found = [("source_snapshot", result) for result in judge_source(source_snapshot, project)]
        found += [
            (f"{stage}[{report.geo}]", _informs(result) if report.geo in model_data.excluded_geos else result)
            for report in reports
            for stage, results in report.results.items()
            for result in results
        ]
        for geo in model_data.geos:
            found += [(f"features[{geo}]", result) for result in check_features(features[geo], config)]
        found += [("model_data", result) for result in check_model_data(model_data, config)]
    records = [{"asset": asset, **asdict(result)} for asset, result in found]
    return dg.MaterializeResult(
        value=records,
        data_version=dg.DataVersion(bytes_version(json.dumps(records, default=str).encode())),
        metadata=_quality_metadata(found, config.validation.quality_thresholds.weights),
    )


def _informs(result: CheckResult) -> CheckResult:
    """What is wrong with a geo that is left out does not block the others."""
    return replace(result, severity="warn")


def _quality_metadata(found: list[tuple[str, CheckResult]], weights: Mapping[str, float]) -> dict[str, Any]:
    score = quality_score((result for _, result in found), weights)
    failed = [
        {"asset": asset, "check": result.name, "severity": result.severity, "message": result.message}
        for asset, result in found
        if not result.passed
    ]
    return {
        "score": score.score,
        "checks": len(found),
        "failed": len(failed),
        **({"failed_checks": cases_table(failed[:100])} if failed else {}),
    }
