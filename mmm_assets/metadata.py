"""What the UI shows beside an asset: columns, row counts, previews, plots, data versions."""

import hashlib
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.checks import cases_table
from mmm_assets.provenance import Provenance
from mmm_core.features.model_data import ModelData
from mmm_core.reporting.figures import png_markdown

_PREVIEW_ROWS = 6


def frame_metadata(frame: pd.DataFrame, rows: int = _PREVIEW_ROWS) -> dict[str, Any]:
    """Row count, column schema and the first rows of a table."""
    head = frame.head(rows).astype(object).where(frame.head(rows).notna(), "")
    metadata: dict[str, Any] = {
        "dagster/row_count": len(frame),
        "dagster/column_schema": column_schema(frame),
    }
    if len(head):
        metadata["preview"] = cases_table([_text_keys(row) for row in head.to_dict("records")])
    return metadata


def column_schema(frame: pd.DataFrame) -> dg.TableSchema:
    """Names, types and ranges of a table's columns."""
    return dg.TableSchema([_column(str(name), frame[name]) for name in frame.columns])


def _column(name: str, values: "pd.Series[Any]") -> dg.TableColumn:
    constraints = dg.TableColumnConstraints(nullable=bool(values.isna().any()))
    description = None
    if pd.api.types.is_numeric_dtype(values) and len(values):
        description = f"{values.min():,.6g} to {values.max():,.6g}"
    elif pd.api.types.is_datetime64_any_dtype(values) and len(values):
        description = f"{values.min():%Y-%m-%d} to {values.max():%Y-%m-%d}"
    return dg.TableColumn(name, str(values.dtype), description=description, constraints=constraints)


def _text_keys(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _short(value) for key, value in row.items()}


def _short(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d")
    return round(value, 4) if isinstance(value, float) else value


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A plot that the UI shows without any server."""
    return dg.MetadataValue.md(png_markdown(png))


def frame_version(frame: pd.DataFrame) -> dg.DataVersion:
    """Data version of a table: a hash of its columns, types, values and, by geo, its source rows."""
    digest = hashlib.sha256(repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()]).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    if Provenance.is_on(frame):
        digest.update(Provenance.of(frame).fingerprint.encode())
    return dg.DataVersion(digest.hexdigest()[:32])


def model_data_version(data: ModelData) -> str:
    """Hash of the cube's content; not its `data_version`, which also changes with rows that are not used."""
    dataset = data.to_dataset()
    labels = (data.geos, data.channels, data.channel_kinds, data.controls, data.control_roles)
    scalars = (data.control_per_capita, data.kpi_type, data.currency)
    return bytes_version(
        repr((labels, scalars)).encode(),
        data.dates.astype("datetime64[D]").tobytes(),
        *(name.encode() + dataset[name].values.tobytes() for name in sorted(map(str, dataset.data_vars))),
    )


def bytes_version(*parts: bytes) -> str:
    """Hash of anything that can be given as bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]
