"""The exported tables of what has changed since the last accepted fit."""

from collections.abc import Mapping

import pandas as pd

from mmm_core.refresh.budgets import BUDGET_COLUMNS
from mmm_core.refresh.changes import WhatChanged
from mmm_core.refresh.reasons import REASON_COLUMNS
from mmm_core.refresh.returns import RETURN_COLUMNS
from mmm_core.refresh.revisions import CELL_COLUMNS, REVISION_COLUMNS, SCOPE_COLUMNS

CHANGE_FILES: Mapping[str, str] = {
    "roi_changes": "what_changed_returns.csv",
    "budget_changes": "what_changed_budgets.csv",
    "data_revisions": "what_changed_data.csv",
    "revised_cells": "what_changed_values.csv",
    "scope": "what_changed_scope.csv",
    "reasons": "what_changed_reasons.csv",
}
"""Table of `WhatChanged` -> file, each where it has rows."""
CHANGE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "what_changed_returns.csv": (*RETURN_COLUMNS, "reason"),
    "what_changed_budgets.csv": (*BUDGET_COLUMNS, "reason"),
    "what_changed_data.csv": tuple(REVISION_COLUMNS),
    "what_changed_values.csv": tuple(CELL_COLUMNS),
    "what_changed_scope.csv": tuple(SCOPE_COLUMNS),
    "what_changed_reasons.csv": tuple(REASON_COLUMNS),
}
CHANGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "what_changed_returns.csv": ("channel",),
    "what_changed_budgets.csv": ("scenario", "channel"),
    "what_changed_data.csv": ("what", "name"),
    "what_changed_values.csv": ("what", "name", "geo", "date"),
    "what_changed_scope.csv": ("what", "name"),
    "what_changed_reasons.csv": ("cause", "detail"),
}


def change_files(changes: WhatChanged | None) -> dict[str, pd.DataFrame]:
    """file -> table of what there is to say; nothing for a first fit."""
    tables = {} if changes is None else {name: changes.table(name) for name in CHANGE_FILES}
    return {CHANGE_FILES[name]: table for name, table in tables.items() if table is not None}
