"""Files of a dashboard folder: every table as CSV and as Parquet, and the dictionary."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmm_core.errors import StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.reporting.dashboard.description import Column, Table
from mmm_core.reporting.dashboard.dictionary import TABLES, described, dictionary_frame, dictionary_json
from mmm_core.reporting.dashboard.frames import star_frames
from mmm_core.reporting.exports import csv_text, export_table, further_files
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.storage import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa


def write_dashboard(
    folder: Path, inputs: ReportInputs, response_curves: pd.DataFrame, data: ModelData
) -> tuple[Path, ...]:
    """Write every table as CSV and Parquet with `data_dictionary.csv` and `.json`, all of them or none.

    The exported tables are as in `exports/`; beside them stand dimensions (`calendar`, `geo`, `channel`,
    `component`, `scenario`, `run`) that their columns refer to, and long forms.  In Parquet, dates are dates,
    and each column carries its description and unit.  A table without rows is not written, and an older file
    of its name is removed.

    Args:
        folder: where to; it is created.
        inputs: of the report.
        response_curves: `response_curves.csv`.
        data: what was fitted.

    Returns:
        The paths written, the dictionary last.

    Raises:
        StorageError: a table lacks a column or has a key twice.
    """
    frames = dashboard_frames(inputs, response_curves, data)
    tables = {name: described(TABLES[name], frame) for name, frame in frames.items()}
    typed = {name: typed_frame(table, frames[name]) for name, table in tables.items()}
    writers: dict[str, Callable[[Path], object]] = {}
    for name, frame in typed.items():
        writers[f"{name}.csv"] = _text_writer(csv_text(frame))
        writers[f"{name}.parquet"] = _parquet_writer(tables[name], frame, inputs)
    rows = {name: len(frame) for name, frame in typed.items()}
    writers["data_dictionary.csv"] = _text_writer(csv_text(dictionary_frame(tables, inputs)))
    writers["data_dictionary.json"] = _text_writer(dictionary_json(tables, rows, inputs))
    with ExitStack() as stack:
        for name, write in writers.items():
            write(stack.enter_context(atomic_path(folder / name)))
    for name in TABLES.keys() - frames.keys():
        for suffix in ("csv", "parquet"):
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    return tuple(folder / name for name in writers)


def dashboard_frames(
    inputs: ReportInputs, response_curves: pd.DataFrame, data: ModelData
) -> dict[str, pd.DataFrame]:
    """Name -> table of what has rows, in the order of `TABLES`.

    Raises:
        StorageError: a table lacks a column or has a key twice.
    """
    exported = {
        "contributions.csv": inputs.contributions,
        "channel_summary.csv": inputs.channel_summary,
        "fit.csv": inputs.fit,
        "response_curves.csv": response_curves,
        "budget_plan.csv": inputs.budget_plan,
        **further_files(inputs.decisions, inputs.scenarios, inputs.changes),
    }
    facts = {name.removesuffix(".csv"): export_table(name, table) for name, table in exported.items()}
    facts["response_curves_pooled"] = inputs.pooled_curves
    frames = facts | star_frames(inputs, data, facts)
    return {name: frames[name] for name in TABLES if name in frames and len(frames[name])}


def typed_frame(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the types of its description, whatever they were (JSON knows few).

    Raises:
        StorageError: a value is not of the column's type, or the key is there twice.
    """
    typed = pd.DataFrame({column.name: _typed(table, column, frame[column.name]) for column in table.columns})
    if table.key and (doubled := typed.duplicated(list(table.key))).any():
        row = typed.loc[doubled, list(table.key)].iloc[0]
        raise StorageError(
            f"Table {table.name} must have one row per {', '.join(table.key)}, but has more of "
            f"{', '.join(map(str, row))}; materialize the asset that makes it again."
        )
    return typed


def _typed(table: Table, column: Column, values: pd.Series) -> pd.Series:
    try:
        return _as_type(column, values)
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"Table {table.name}, column {column.name}: not all values are of the type {column.type} ({error}); "
            "materialize the asset that makes it again."
        ) from error


def _as_type(column: Column, values: pd.Series) -> pd.Series:
    """The values in the column's type.

    Raises:
        ValueError: a value is not of that type.
        TypeError: a value has no such form.
    """
    if column.type == "text":
        words = values.map(str, na_action="ignore").astype("object")
        return words.mask(words == "")  # CSV knows no difference
    if column.type == "date":
        return pd.Series(pd.to_datetime(values).astype("datetime64[ns]").dt.normalize())
    if column.type == "number":
        numbers = pd.to_numeric(values).astype("float64")
        return pd.Series(numbers.mask(np.isinf(numbers)))
    if column.type == "boolean" and not values.isin([True, False]).all():
        raise ValueError("neither true nor false")
    return pd.Series(values.astype("int64" if column.type == "integer" else "bool"))


def _text_writer(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text.encode())


def _parquet_writer(table: Table, frame: pd.DataFrame, inputs: ReportInputs) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        from pyarrow import parquet

        parquet.write_table(arrow_table(table, frame, inputs), path)

    return write


def arrow_table(table: Table, frame: pd.DataFrame, inputs: ReportInputs) -> "pa.Table":
    """The frame with exact types; descriptions and units are metadata of the columns."""
    import pyarrow as pa

    kinds = {
        "text": pa.string(),
        "date": pa.date32(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
    }
    about = dictionary_frame({table.name: table}, inputs)
    notes = about[["description", "unit"]].to_dict("records")
    fields = [
        pa.field(column.name, kinds[column.type], metadata={str(key): str(value) for key, value in note.items()})
        for column, note in zip(table.columns, notes, strict=True)
    ]
    arrays = [
        pa.array(
            frame[column.name].to_numpy("datetime64[D]") if column.type == "date" else frame[column.name],
            type=kinds[column.type],
            from_pandas=True,
        )
        for column in table.columns
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={"description": table.description}))
