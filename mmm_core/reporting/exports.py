"""The exported tables: stable names and columns that other tools read."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.errors import StorageError
from mmm_core.experiment_planning.columns import PROPOSAL_COLUMNS, SPLIT_COLUMNS
from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.refresh.changes import WhatChanged
from mmm_core.reporting.change_tables import CHANGE_COLUMNS, CHANGE_KEYS, change_files
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.storage import atomic_path

_CAUSED_PERIOD = (
    *("caused_mean", "caused_q05", "caused_q95", "outcome_mean", "outcome_q05", "outcome_q95"),
    *("roi_mean", "roi_q05", "roi_q50", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q95"),
    *("cpik_mean", "cpik_q05", "cpik_q50", "cpik_q95"),
    *("effectiveness_mean", "effectiveness_q05", "effectiveness_q95"),
)
_FURTHER: dict[str, tuple[str, ...]] = {
    "scenario_summary.csv": ("scenario", *(field.name for field in fields(ScenarioSummary)[1:])),
    "shadow_prices.csv": ("scenario", "limit", "low", "high", "spend", "binding", "shadow_price"),
    "scenario_comparison.csv": (
        *("scenario", "other", "difference_mean", "difference_q05", "difference_q95", "probability_better"),
    ),
    "frontier.csv": (*("change", "budget", "outcome_mean", "outcome_q05", "outcome_q95", "roi", "shadow_price"),),
    "flighting.csv": ("scenario", "geo", "channel", "date", "current_spend", "optimal_spend"),
    "forecast.csv": (
        *("scenario", "geo", "date", "kpi_mean", "q05", "q50", "q95"),
        *("expected_mean", "baseline_mean", "media_mean", "spend"),
    ),
    "attribution_periods.csv": (
        *("kind", "period", "start", "end", "geo", "channel", "spend", "media_units"),
        *("contribution_mean", "contribution_q05", "contribution_q50", "contribution_q95"),
        *_CAUSED_PERIOD,
    ),
    "counterfactuals.csv": (
        *("name", "channels", "geos", "start", "end", "change", "spend_change"),
        *("kpi_change_mean", "kpi_change_q05", "kpi_change_q95"),
        *("outcome_change_mean", "outcome_change_q05", "outcome_change_q95", "kpi_share"),
    ),
    "adstock.csv": ("channel", "lag", "weight_mean", "weight_q05", "weight_q95", "remaining_mean"),
    "saturation.csv": (
        *("channel", "spend_per_week", "saturation_mean", "saturation_q05", "saturation_q95"),
        *("half_spend", "saturation_spend"),
    ),
    "frequency.csv": ("channel", "frequency", "roi_mean", "roi_q05", "roi_q95", "optimal"),
    "experiment_plan.csv": PROPOSAL_COLUMNS,
    "experiment_geos.csv": SPLIT_COLUMNS,
    **CHANGE_COLUMNS,
}
"""Files that are written where there is something to say."""

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
    **_FURTHER,
}
"""file -> columns in order, the first five files in every export.  A column may be added behind these, never
renamed or moved."""

EXPORT_KEYS: dict[str, tuple[str, ...]] = {
    "contributions.csv": ("geo", "date", "component"),
    "channel_summary.csv": ("channel",),
    "fit.csv": ("geo", "date"),
    "budget_plan.csv": ("scenario", "geo", "channel"),
    "scenario_summary.csv": ("scenario",),
    "shadow_prices.csv": ("scenario", "limit"),
    "scenario_comparison.csv": ("scenario", "other"),
    "frontier.csv": ("change",),
    "flighting.csv": ("scenario", "geo", "channel", "date"),
    "forecast.csv": ("scenario", "geo", "date"),
    "attribution_periods.csv": ("kind", "period", "geo", "channel"),
    "counterfactuals.csv": ("name",),
    "adstock.csv": ("channel", "lag"),
    "saturation.csv": ("channel",),
    "frequency.csv": ("channel", "frequency"),
    "experiment_plan.csv": ("channel",),
    "experiment_geos.csv": ("channel", "geo"),
    **CHANGE_KEYS,
}
"""file -> columns that identify a row.  `response_curves.csv` has none: a channel without spend in a geo
has the same spend, zero, at every point of its curve."""

DECISION_FILES: dict[str, str] = {
    "shadow_prices": "shadow_prices.csv",
    "comparison": "scenario_comparison.csv",
    "frontier": "frontier.csv",
    "flighting": "flighting.csv",
    "forecast": "forecast.csv",
    "periods": "attribution_periods.csv",
    "counterfactuals": "counterfactuals.csv",
    "adstock": "adstock.csv",
    "saturation": "saturation.csv",
    "frequency": "frequency.csv",
    "proposals": "experiment_plan.csv",
    "test_geos": "experiment_geos.csv",
}
"""Field of `DecisionTables` -> file."""

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
    decisions: DecisionTables | None = None,
    scenarios: Sequence[ScenarioSummary] = (),
    model_version: str | None = None,
    changes: WhatChanged | None = None,
) -> tuple[Path, ...]:
    """Write the CSV files and `diagnostics.json` to `folder`, all of them or none.

    Everything is written beside its target first and renamed when all is written, so that a failure leaves
    the old files as they were.  Of the tables about decisions and changes those without rows are not written, and
    an older file of that name is removed, so that no old numbers stand beside new ones.  Numbers have full
    precision, files are UTF-8 with LF line ends.

    Returns:
        The paths written, in the order of `EXPORT_COLUMNS`, `diagnostics.json` last.

    Raises:
        StorageError: a table lacks a column of `EXPORT_COLUMNS`, has a key of `EXPORT_KEYS` twice, or
            `diagnostics` lacks a key of `DIAGNOSTICS_KEYS`.
    """
    given = (contributions, channel_summary, fit, response_curves, budget_plan)
    further = further_files(decisions or DecisionTables(), scenarios, changes)
    tables = dict(zip(EXPORT_COLUMNS, given, strict=False)) | further
    texts = {name: csv_text(export_table(name, table)) for name, table in tables.items()}
    texts["diagnostics.json"] = diagnostics_json(diagnostics, model_version)
    with ExitStack() as stack:
        for name, text in texts.items():
            temporary = stack.enter_context(atomic_path(folder / name))
            temporary.write_bytes(text.encode())
    for name in _FURTHER.keys() - further.keys():
        (folder / name).unlink(missing_ok=True)
    return tuple(folder / name for name in texts)


def further_files(
    decisions: DecisionTables, scenarios: Sequence[ScenarioSummary] = (), changes: WhatChanged | None = None
) -> dict[str, pd.DataFrame]:
    """file -> table of what has rows beside the five tables of every export, in the order of `EXPORT_COLUMNS`."""
    tables = {DECISION_FILES[name]: table for name, table in decisions.present().items()} | change_files(changes)
    if scenarios:
        tables["scenario_summary.csv"] = scenario_table(scenarios)
    return {name: tables[name] for name in _FURTHER if name in tables}


def scenario_table(scenarios: Sequence[ScenarioSummary]) -> pd.DataFrame:
    """One row per scenario: the fields of `ScenarioSummary`, its name as `scenario`."""
    names = ["scenario", *(field.name for field in fields(ScenarioSummary)[1:])]
    rows = [dict(zip(names, asdict(scenario).values(), strict=True)) for scenario in scenarios]
    return pd.DataFrame(rows, columns=names)


def export_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is exported: columns of the contract first, further ones in their order behind.

    Infinite numbers (a limit that does not limit) are missing, as few programs read them.

    Raises:
        StorageError: it lacks a column of `EXPORT_COLUMNS` or has a key of `EXPORT_KEYS` twice.
    """
    columns = EXPORT_COLUMNS[name]
    require_columns(table, columns, name)
    keys = list(EXPORT_KEYS.get(name, ()))
    if keys and (doubled := table.duplicated(keys)).any():
        first = ", ".join(f"{key}={table.loc[doubled, key].iloc[0]}" for key in keys)
        raise StorageError(
            f"{name} must have one row per {', '.join(keys)}, but has {int(doubled.sum())} more (first: {first}). "
            "Materialize the asset that makes it again."
        )
    ordered = table[[*columns, *(column for column in table.columns if column not in columns)]]
    numbers = ordered.select_dtypes("float")
    return ordered.assign(**numbers.mask(np.isinf(numbers))).reset_index(drop=True)


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV text: full precision, ISO dates, LF, no index; what is missing is empty."""
    return table.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")


def diagnostics_json(diagnostics: Mapping[str, Any], model_version: str | None = None) -> str:
    """`diagnostics` as JSON in fixed key order; what is not a finite number becomes null.

    `model_version` is the last key.

    Raises:
        StorageError: a key of `DIAGNOSTICS_KEYS` is missing.
    """
    missing = [key for key in DIAGNOSTICS_KEYS if key not in diagnostics]
    if missing:
        raise StorageError(f"diagnostics.json lacks {', '.join(missing)}; materialize evaluation again.")
    further = sorted(key for key in diagnostics if key not in DIAGNOSTICS_KEYS)
    record = {key: _plain(diagnostics[key]) for key in (*DIAGNOSTICS_KEYS, *further)}
    record["model_version"] = model_version
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


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
