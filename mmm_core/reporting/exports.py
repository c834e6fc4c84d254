"""The exported tables: stable names and columns that other tools read."""

import json
import math
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.errors import StorageError
from mmm_core.storage import atomic_path

EXPORT_COLUMNS: dict[str, tuple[str, ...]] = {
    "contributions.csv": ("geo", "date", "component", "mean", "q05", "q50", "q95"),
    "channel_summary.csv": (
        "channel",
        "spend",
        "contribution_mean",
        "contribution_q05",
        "contribution_q95",
        "share",
        "roi_mean",
        "roi_q05",
        "roi_q50",
        "roi_q95",
        "mroi_mean",
        "mroi_q05",
        "mroi_q95",
    ),
    "fit.csv": ("geo", "date", "actual", "predicted_mean", "q05", "q95"),
    "response_curves.csv": ("geo", "channel", "spend", "outcome_mean", "q05", "q95"),
    "budget_plan.csv": (
        "scenario",
        "geo",
        "channel",
        "current_spend",
        "optimal_spend",
        "current_outcome",
        "optimal_outcome",
    ),
}
"""file -> columns in order.  A column may be added behind these, never renamed or moved."""

EXPORT_KEYS: dict[str, tuple[str, ...]] = {
    "contributions.csv": ("geo", "date", "component"),
    "channel_summary.csv": ("channel",),
    "fit.csv": ("geo", "date"),
    "budget_plan.csv": ("scenario", "geo", "channel"),
}
"""file -> columns that identify a row.  `response_curves.csv` has none: a channel without spend in a geo
has the same spend, zero, at every point of its curve."""

DIAGNOSTICS_KEYS: tuple[str, ...] = (
    "backend",
    "seconds",
    "compile_seconds",
    "chains",
    "draws",
    "max_rhat",
    "min_ess_bulk",
    "min_ess_tail",
    "median_ess_bulk",
    "divergences",
    "min_ebfmi",
    "r2",
    "mape",
    "coverage_90",
    "durbin_watson",
)
"""Keys of `diagnostics.json` in order; further keys follow in alphabetical order."""


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...], subject: str) -> None:
    """Refuse a table that lacks columns.

    Raises:
        StorageError: naming the table, the missing columns and those that it has.
    """
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise StorageError(
            f"{subject} lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns)) or 'no columns'}. "
            "Materialize the asset that makes it again."
        )


def write_exports(
    folder: Path,
    contributions: pd.DataFrame,
    channel_summary: pd.DataFrame,
    fit: pd.DataFrame,
    response_curves: pd.DataFrame,
    budget_plan: pd.DataFrame,
    diagnostics: Mapping[str, Any],
) -> tuple[Path, ...]:
    """Write the five CSV files and `diagnostics.json` to `folder`, all of them or none.

    Everything is written beside its target first and renamed when all is written, so that a failure leaves
    the old files as they were.  Numbers have full precision, files are UTF-8 with LF line ends.

    Returns:
        The paths written, in the order of `EXPORT_COLUMNS`, `diagnostics.json` last.

    Raises:
        StorageError: a table lacks a column of `EXPORT_COLUMNS`, has a key of `EXPORT_KEYS` twice, or
            `diagnostics` lacks a key of `DIAGNOSTICS_KEYS`.
    """
    given = (contributions, channel_summary, fit, response_curves, budget_plan)
    tables = dict(zip(EXPORT_COLUMNS, given, strict=True))
    texts = {name: _csv(name, table) for name, table in tables.items()}
    texts["diagnostics.json"] = diagnostics_json(diagnostics)
    with ExitStack() as stack:
        for name, text in texts.items():
            temporary = stack.enter_context(atomic_path(folder / name))
            temporary.write_bytes(text.encode())
    return tuple(folder / name for name in texts)


def diagnostics_json(diagnostics: Mapping[str, Any]) -> str:
    """`diagnostics` as JSON in fixed key order; what is not a finite number becomes null.

    Raises:
        StorageError: a key of `DIAGNOSTICS_KEYS` is missing.
    """
    missing = [key for key in DIAGNOSTICS_KEYS if key not in diagnostics]
    if missing:
        raise StorageError(f"diagnostics.json lacks {', '.join(missing)}; materialize evaluation again.")
    further = sorted(key for key in diagnostics if key not in DIAGNOSTICS_KEYS)
    record = {key: _plain(diagnostics[key]) for key in (*DIAGNOSTICS_KEYS, *further)}
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(name: str, table: pd.DataFrame) -> str:
    """The table as CSV text, contract columns first."""
    columns = EXPORT_COLUMNS[name]
    require_columns(table, columns, name)
    keys = list(EXPORT_KEYS.get(name, ()))
    if keys and (doubled := table.duplicated(keys)).any():
        first = ", ".join(f"{key}={table.loc[doubled, key].iloc[0]}" for key in keys)
        raise StorageError(
            f"{name} must have one row per {', '.join(keys)}, but has {int(doubled.sum())} more (first: {first}). "
            "Materialize the asset that makes it again."
        )
    further = [column for column in table.columns if column not in columns]
    ordered = table[[*columns, *further]]
    return ordered.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")


def _plain(value: Any) -> Any:
    """The value as JSON knows it: numpy scalars as Python's, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
