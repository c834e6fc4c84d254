"""The log of changed cells."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.data.panel import DATE, GEO

LOG_COLUMNS = ("geo", "date", "column", "before", "after", "rule")


def log_changes(
    before: pd.DataFrame, after: pd.DataFrame, changed: pd.DataFrame, rules: pd.DataFrame
) -> pd.DataFrame:
    """One row per changed cell, by date, then in the order of the columns.

    Args:
        before: values before, N rows; NaN where missing.
        after: panel after, N rows with geo and date.
        changed: (N, C) bool; its columns say which cells are looked at.
        rules: (N, C) text: which rule changed the cell.
    """
    columns = list(changed.columns)
    rows, positions = np.nonzero(changed.to_numpy())
    return pd.DataFrame(
        {
            "geo": after[GEO].to_numpy()[rows],
            "date": after[DATE].to_numpy()[rows],
            "column": np.array(columns, dtype=object)[positions],
            "before": before[columns].to_numpy(dtype=np.float64)[rows, positions],
            "after": after[columns].to_numpy(dtype=np.float64)[rows, positions],
            "rule": rules[columns].to_numpy(dtype=object)[rows, positions],
        },
        columns=list(LOG_COLUMNS),
    )


def join_logs(logs: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Logs one after the other, in the order in which the changes were made."""
    used = [log for log in logs if len(log)]
    return pd.concat(used, ignore_index=True) if used else logs[0]
