"""Stage ingest: one immutable version of the source, and each geo's rows of it."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import attributes
from mmm_assets.checks import refusals
from mmm_assets.metadata import frame_metadata, frame_version
from mmm_assets.partitions import geo_partitions, refuse_unusable_names, register_geos
from mmm_assets.provenance import Provenance, geo_fingerprints
from mmm_assets.resources.project import Project
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.data.sources.source import read_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError, StorageError
from mmm_core.storage import atomic_path


def definitions(project: Project) -> dg.Definitions:
    """Assets of this stage."""
    return dg.Definitions(
        assets=[
            dg.asset(
                io_manager_key="json",
                **attributes(project, "ingest", reads={"ingest", "data"}, kinds={"python", "parquet"}),
            )(source_snapshot),
            dg.asset(
                name="raw_panel",
                partitions_def=geo_partitions(project.config.project.name),
                io_manager_key="parquet",
                **attributes(project, "ingest", reads={"data", "validation"}, kinds={"pandas", "parquet"}),
            )(raw_panel_of_geo),
        ]
    )


def source_snapshot(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """The source as it is now: kept as one immutable Parquet file named by its content; registers its geos.

    Reading the same content again changes nothing, and leaves everything downstream up to date.
    """
    with refusals():
        record, frame = take_snapshot(project)
        change = register_geos(context.instance, project.config.project.name, tuple(record["geos"]))
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
            **frame_metadata(frame),
        },
    )


def take_snapshot(project: Project) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read the source, store it, and say what it is.

    Returns:
        The asset's value: origin, content_hash, snapshot (path), rows, columns, geos (name -> fingerprint of
        its rows, in natural order), truth_roi (of simulated data); and the source table.

    Raises:
        InputError: the source cannot be read, or a mapped column or a geo's name is missing.
    """
    source = read_source(project.config)
    mapping = resolve_mapping(project.config, list(source.frame.columns), source.origin)
    geos = geo_names(source, mapping)
    refuse_unusable_names(geos, source.origin)
    fingerprints = geo_fingerprints(source.frame, mapping.keys)
    path = project.snapshots / f"{source.content_hash}.parquet"
    if not path.exists():
        with atomic_path(path) as temporary:
            source.frame.to_parquet(temporary, index=False)
    record = {
        "origin": source.origin,
        "content_hash": source.content_hash,
        "snapshot": str(path),
        "rows": len(source.frame),
        "columns": [str(column) for column in source.frame.columns],
        "geos": {geo: fingerprints[geo] for geo in geos},
        "truth_roi": None if source.truth is None else dict(source.truth.roi),
    }
    return record, source.frame


def raw_panel_of_geo(
    context: dg.AssetExecutionContext, source_snapshot: dict[str, Any], project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """One geo's rows under the panel's names, values as they are in the source, with their line numbers."""
    geo = context.partition_key
    with refusals():
        if geo not in source_snapshot["geos"]:
            raise DataError(
                f"{source_snapshot['origin']} has no geo {geo!r} any more; materialize source_snapshot, "
                "which removes the partition."
            )
        source = _stored_source(source_snapshot)
        mapping = resolve_mapping(project.config, list(source.frame.columns), source.origin)
        panel = raw_panel(source, mapping, geo)
    provenance = Provenance(source.origin, source_snapshot["geos"][geo], tuple(source_snapshot["columns"]))
    provenance.put_on(panel)
    return dg.MaterializeResult(value=panel, data_version=frame_version(panel), metadata=frame_metadata(panel))


def _stored_source(record: dict[str, Any]) -> SourceTable:
    path = Path(record["snapshot"])
    if not path.exists():
        raise StorageError(f"The snapshot {path} is gone; materialize source_snapshot again.")
    return SourceTable(_snapshot_frame(path), record["origin"], record["content_hash"])


@lru_cache(maxsize=1)
def _snapshot_frame(path: Path) -> pd.DataFrame:
    """The file never changes, and one process often reads it for many geos."""
    return pd.read_parquet(path)
