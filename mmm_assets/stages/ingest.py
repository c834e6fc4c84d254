"""Stage ingest: one immutable version of the source, and each geo's rows of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.asset_prefix import keyed
from mmm_assets.attributes import CLEANED, MAPPING, ROWS_JUDGED, SOURCE_JUDGED, attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.damage import is_whole
from mmm_assets.metadata import bytes_version, frame_metadata, frame_version
from mmm_assets.partitions import geo_partitions, refuse_unusable_names, register_geos
from mmm_assets.progress import logged
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there, publish
from mmm_assets.snapshots import stored_source
from mmm_assets.validation import FINGERPRINT, SETTINGS, report_metadata
from mmm_core.data.fingerprints import geo_fingerprints
from mmm_core.data.mapping import raw_panel, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError
from mmm_core.intake.report import build_geo_report
from mmm_core.progress import Progress, silent
from mmm_core.quality.check import CheckResult
from mmm_core.quality.source_checks import SOURCE_CHECKS, check_source

SNAPSHOT = MAPPING | {"ingest"}
"""Keys that decide what the snapshot holds."""


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    reads = SNAPSHOT | SOURCE_JUDGED
    snapshot = dg.asset(
        io_manager_key="json", **attributes(project, "ingest", reads=reads, kinds={"python", "parquet"})
    )
    rows = dg.AssetOut(
        io_manager_key="parquet",
        description="One geo's rows under the panel's names, values as in the source, with their line numbers.",
        **attributes(project, "ingest", reads=MAPPING | ROWS_JUDGED, kinds={"pandas", "parquet"}),
    )
    report = dg.AssetOut(
        io_manager_key="json",
        description="What every check says about one geo's rows, before and after cleaning, and its score.",
        **attributes(project, "validate", reads=CLEANED, kinds={"python"}),
    )
    panel = dg.multi_asset(
        name="raw_panel",
        outs={"raw_panel": rows, "validation_report": report},
        partitions_def=geo_partitions(project.config.project.name),
    )
    checks = dg.multi_asset_check(
        name="source_snapshot_checks", specs=check_specs("source_snapshot", SOURCE_CHECKS)
    )
    return dg.Definitions(
        assets=[snapshot(source_snapshot), panel(keyed(raw_panel_of_geo, project.config.deployment.asset_prefix))],
        asset_checks=[checks(source_checks)],
    )


def source_snapshot(
    context: dg.AssetExecutionContext,
    project: dg.ResourceParam[Project],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[dict[str, Any]]:
    """The source as it is now: kept as one immutable Parquet file named by its content; registers its geos.

    Reading the same content again changes nothing, and leaves everything downstream up to date.
    """
    with refusals():
        record, frame = take_snapshot(project, logged(context.log, progress))
        change = register_geos(context.instance, project.config.project.name, tuple(record["geos"]))
    for reason in record["passed_over"]:
        context.log.warning(reason)
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(record["content_hash"]),
        metadata={
            "origin": record["origin"],
            "content_hash": record["content_hash"],
            "snapshot": dg.MetadataValue.path(record["snapshot"]),
            "geos": len(record["geos"]),
            "geos_added": list(change.added),
            "geos_removed": list(change.removed),
            "notes": record["notes"],
            "passed_over": record["passed_over"],
            **frame_metadata(frame),
        },
    )


def take_snapshot(project: Project, progress: Progress = silent) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read the source and its further tables, store them as one table, and say what it is.

    Returns:
        The asset's value: origin, content_hash, snapshot (path), rows, columns, geos (name -> fingerprint of
        its rows, in natural order), notes, passed_over, truth_roi (of simulated data); and the table.

    Raises:
        InputError: the source cannot be read, or a mapped column or a geo's name is missing.
    """
    source = prepared_source(project.config, project.downloads, progress)
    mapping = resolve_mapping(project.config, list(source.frame.columns), source.origin)
    geos = geo_fingerprints(source, mapping)
    refuse_unusable_names(tuple(geos), source.origin)
    path = project.snapshots / f"{_content_name(source, geos)}.parquet"
    if not (is_there(path) and is_whole(path)):
        publish(path, lambda local: source.frame.to_parquet(local, index=False))
    record = {
        "origin": source.origin,
        "content_hash": source.content_hash,
        "snapshot": str(path),
        "rows": len(source.frame),
        "columns": [str(column) for column in source.frame.columns],
        "geos": geos,
        "notes": list(source.notes),
        "passed_over": list(source.passed_over),
        "truth_roi": None if source.truth is None else dict(source.truth.roi),
    }
    return record, source.frame


def _content_name(source: SourceTable, geos: Mapping[str, str]) -> str:
    """Names what is stored: the same bytes are another table where other columns are keys (`007` or 7)."""
    content = json.dumps([source.content_hash, [str(column) for column in source.frame.columns], dict(geos)])
    return hashlib.sha256(content.encode()).hexdigest()


def source_checks(
    source_snapshot: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """What can only be seen in all geos together: roll-ups, currencies, feeds that stop."""
    with refusals():
        results = judge_source(source_snapshot, project)
    yield from check_results("source_snapshot", SOURCE_CHECKS, results)


def judge_source(record: dict[str, Any], project: Project) -> list[CheckResult]:
    """Outcome of every check of `SOURCE_CHECKS`."""
    source = stored_source(record, project)
    mapping = resolve_mapping(project.config, list(source.frame.columns), source.origin)
    return check_source(source, mapping, project.config)


def raw_panel_of_geo(
    context: dg.AssetExecutionContext, source_snapshot: dict[str, Any], project: dg.ResourceParam[Project]
) -> tuple[dg.MaterializeResult[pd.DataFrame], dg.MaterializeResult[dict[str, Any]]]:
    """One geo's rows, and what the checks say about them."""
    geo = context.partition_key
    with refusals():
        if geo not in source_snapshot["geos"]:
            raise DataError(
                f"{source_snapshot['origin']} has no geo {geo!r} any more; materialize source_snapshot, "
                "which removes the partition."
            )
        source = stored_source(source_snapshot, project)
        mapping = resolve_mapping(project.config, list(source.frame.columns), source.origin)
        panel = raw_panel(source, mapping, geo)
        report = build_geo_report(panel, mapping, project.config, source.origin)
    provenance = Provenance(source.origin, source_snapshot["geos"][geo], tuple(source_snapshot["columns"]))
    provenance.put_on(panel)
    rules = project.code_version(*CLEANED)
    record = {**report.to_json(), FINGERPRINT: provenance.fingerprint, SETTINGS: rules}
    return (
        dg.MaterializeResult(
            asset_key="raw_panel", value=panel, data_version=frame_version(panel), metadata=frame_metadata(panel)
        ),
        dg.MaterializeResult(
            asset_key="validation_report",
            value=record,
            data_version=dg.DataVersion(bytes_version(json.dumps(record, default=str).encode())),
            metadata=report_metadata(report),
        ),
    )
