"""The data dictionary: every table and column with type, unit, meaning, key and allowed values."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from pandas.api import types

from mmm_core.reporting.dashboard.answers import ANSWER_TABLES
from mmm_core.reporting.dashboard.changes import CHANGE_TABLES
from mmm_core.reporting.dashboard.description import Column, ColumnType, Table, unit_words
from mmm_core.reporting.dashboard.next_tests import NEXT_TEST_TABLES
from mmm_core.reporting.dashboard.results import RESULT_TABLES
from mmm_core.reporting.dashboard.star import STAR_TABLES
from mmm_core.reporting.inputs import ReportInputs

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (*RESULT_TABLES, *ANSWER_TABLES, *NEXT_TEST_TABLES, *CHANGE_TABLES, *STAR_TABLES)
}
"""name -> description of every table that a dashboard can have."""
_UNDESCRIBED = "Not described; see the table's source"


def described(table: Table, frame: pd.DataFrame) -> Table:
    """The description of exactly the columns that the frame has, in their order.

    A column that nobody described keeps its type and says so.
    """
    columns = (table.column(str(name)) or _guessed(str(name), frame[name]) for name in frame.columns)
    return replace(table, columns=tuple(columns))


def dictionary_frame(tables: Mapping[str, Table], inputs: ReportInputs) -> pd.DataFrame:
    """One row per column: table, column, position, type, unit, description, key, nullable, minimum, maximum,
    allowed (values separated by `|`), references (`table.column`)."""
    rows = [
        {"table": table.name, "column": column.name, "position": position, **_record(table, column, inputs)}
        for table in tables.values()
        for position, column in enumerate(table.columns, start=1)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(allowed=["|".join(values) for values in frame["allowed"]])


def dictionary_json(tables: Mapping[str, Table], rows: Mapping[str, int], inputs: ReportInputs) -> str:
    """The same as JSON, by table.

    Args:
        tables: name -> description.
        rows: name -> how many rows there are.
        inputs: of the report, for the names of units.
    """
    record = {
        "project": inputs.project,
        "kpi": inputs.kpi_name,
        "currency": inputs.currency,
        "outcome_unit": inputs.outcome_unit,
        "generated_at": inputs.generated_at,
        "data_version": inputs.data_version,
        "tables": [
            {
                "table": table.name,
                "kind": table.kind,
                "description": table.description,
                "files": [f"{table.name}.csv", f"{table.name}.parquet"],
                "rows": rows[name],
                "key": list(table.key),
                "columns": [{"column": c.name, **_record(table, c, inputs)} for c in table.columns],
            }
            for name, table in tables.items()
        ],
    }
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _record(table: Table, column: Column, inputs: ReportInputs) -> dict[str, object]:
    return {
        "type": column.type,
        "unit": unit_words(column.unit, inputs.kpi_name, inputs.currency, inputs.outcome_unit),
        "description": column.description,
        "key": column.name in table.key,
        "nullable": column.nullable,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "allowed": list(column.allowed),
        "references": column.references,
    }


def _guessed(name: str, values: pd.Series) -> Column:
    kinds: tuple[tuple[bool, ColumnType], ...] = (
        (types.is_bool_dtype(values), "boolean"),
        (types.is_integer_dtype(values), "integer"),
        (types.is_float_dtype(values), "number"),
        (types.is_datetime64_any_dtype(values), "date"),
    )
    kind: ColumnType = next((kind for found, kind in kinds if found), "text")
    return Column(name, kind, _UNDESCRIBED, nullable=True)
