"""Tables and outcomes of checks as JSON values, and back."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from mmm_core.quality.check import CheckResult


def finite_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows that JSON can hold: what is not finite is None."""
    return [_plain(row) for row in table.to_dict("records")]


def table_record(table: pd.DataFrame) -> dict[str, Any]:
    """A table of texts and numbers; infinite values are kept as text."""
    numbers = [str(name) for name in table.columns if pd.api.types.is_float_dtype(table[name])]
    infinite = [
        [row, str(name), float(value) > 0]
        for name in numbers
        for row, value in enumerate(table[name])
        if math.isinf(value)
    ]
    rows = [list(row.values()) for row in finite_rows(table)]
    return {
        "columns": [str(name) for name in table.columns],
        "numbers": numbers,
        "rows": rows,
        "infinite": infinite,
    }


def table_from_record(record: Mapping[str, Any]) -> pd.DataFrame:
    """Inverse of `table_record`.

    Raises:
        KeyError, TypeError, ValueError: the record is not one.
    """
    table = pd.DataFrame(record["rows"], columns=record["columns"]).astype(dict.fromkeys(record["numbers"], float))
    for row, name, positive in record["infinite"]:
        table.loc[row, name] = math.inf if positive else -math.inf
    return table


def check_record(result: CheckResult) -> dict[str, Any]:
    """The outcome of a check; what is not finite is None."""
    return {**_plain(asdict(result)), "table": [_plain(row) for row in result.table]}


def check_from_record(record: Mapping[str, Any]) -> CheckResult:
    """Inverse of `check_record`.

    Raises:
        KeyError, TypeError: the record is not one.
    """
    return CheckResult(**{**record, "table": tuple(dict(row) for row in record["table"])})


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _value(value) for key, value in row.items()}


def _value(value: Any) -> Any:
    """A Python value; NumPy's own numbers are none for JSON."""
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain
