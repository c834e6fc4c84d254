"""Stage validate: checks of each geo's rows as they came from the source, and one page about all geos."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import CLEANED, SOURCE_JUDGED, attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.io_managers import every_geo
from mmm_assets.metadata import bytes_version
from mmm_assets.partitions import geo_partitions
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import written_to
from mmm_assets.stages.ingest import judge_source
from mmm_assets.validation import current_reports, summary_table
from mmm_core.config.schema import Config
from mmm_core.quality.check import CheckResult
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS, check_raw_panel
from mmm_core.quality.score import check_validation_score
from mmm_core.storage import write_text

RAW_CHECKS = {**RAW_PANEL_CHECKS, "validation_score": "error"}


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    specs = check_specs("raw_panel", RAW_CHECKS, geo_partitions(project.config.project.name))
    reads = CLEANED | SOURCE_JUDGED | {"project.name"}
    summary = dg.asset(
        ins={"validation_report": every_geo("validation_report")},
        io_manager_key="json",
        **attributes(project, "validate", reads=reads, kinds={"html"}),
    )
    return dg.Definitions(
        assets=[summary(validation_summary)],
        asset_checks=[dg.multi_asset_check(name="raw_panel_checks", specs=specs)(raw_panel_checks)],
    )


def raw_panel_checks(raw_panel: pd.DataFrame, project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Types, ranges, keys, coverage and the quality score of one geo's rows."""
    with refusals():
        results = judge_raw_panel(raw_panel, project.config)
    yield from check_results("raw_panel", RAW_CHECKS, results)


def judge_raw_panel(raw_panel: pd.DataFrame, config: Config) -> list[CheckResult]:
    """Outcome of every check of `RAW_CHECKS`."""
    provenance = Provenance.of(raw_panel)
    results = check_raw_panel(raw_panel, provenance.mapping(config), config, provenance.origin)
    return [*results, check_validation_score(results, config)]


def validation_summary(
    validation_report: dict[str, dict[str, Any]],
    source_snapshot: dict[str, Any],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[dict[str, Any]]:
    """The validation reports of all geos on one page, blocked ones included; what is wrong, and how to mend it."""
    from mmm_core.reporting.validation_page import render_validation

    with refusals():
        reports, missing = current_reports(validation_report, source_snapshot["geos"])
        source_results = judge_source(source_snapshot, project)
        page = render_validation(
            reports,
            source_results,
            project.config.project.name,
            datetime.now(UTC).isoformat(timespec="seconds"),
            notes=[*source_snapshot["notes"], *_without_report(missing)],
        )
        path = project.exports / "validation.html"
        with written_to(project.exports) as folder:
            write_text(folder / path.name, page)
    value = {
        "path": str(path),
        "geos": {report.geo: {"score": report.score, "blocked": report.blocks} for report in reports},
        "not_validated": missing,
        "source": {result.name: result.passed for result in source_results},
    }
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(bytes_version(json.dumps(value).encode())),
        metadata={
            "page": dg.MetadataValue.path(str(path)),
            "geos": len(reports),
            "blocked": [report.geo for report in reports if report.blocks],
            "not_validated": missing,
            "lowest_score": min((report.score for report in reports), default=1.0),
            "notes": source_snapshot["notes"],
            "by_geo": summary_table(reports),
        },
    )


def _without_report(geos: list[str]) -> list[str]:
    return [f"Not validated yet: {', '.join(geos[:20])} ({len(geos)} geo(s))."] if geos else []
