"""Weekly dates to the first day of their week."""

from dataclasses import replace

import numpy as np
import pandas as pd

from mmm_core.cleaning.change_log import Changes, row_changes
from mmm_core.cleaning.rows import Rows
from mmm_core.data import calendar
from mmm_core.errors import DataError


def align_weeks(rows: Rows, week_start: str) -> tuple[Rows, list[Changes]]:
    """Move each date of weekly data to the first day of its week; daily data stays as it is.

    Two rows of one week then have the same date, like duplicates.

    Args:
        rows: sorted by date.
        week_start: `monday` ... `sunday`.

    Returns:
        The rows, still sorted, and one line for each moved row, with its date in the source.
    """
    dates = pd.DatetimeIndex(rows.dates)
    if not calendar.has_weeks(dates):
        return rows, []
    aligned = calendar.week_starts(dates, week_start).to_numpy()
    moved = np.flatnonzero(aligned != rows.dates)
    lines = rows.source_rows[moved]
    rule = f"moved to the first day of its week ({week_start})"
    return replace(rows, dates=aligned), [row_changes(rows.dates[moved], lines, lines, rule)]


def grain_of(rows: Rows, alignable: bool) -> calendar.Grain:
    """Daily or weekly.

    Args:
        rows: at least one.
        alignable: whether `week_alignment` could help, which the message then says.

    Raises:
        DataError: neither daily nor weekly on one weekday.
    """
    dates = pd.DatetimeIndex(rows.dates)
    grain = calendar.grain_of(dates)
    off = calendar.off_weekday(dates) if grain == "weekly" else dates[:0]
    if grain == "irregular" or len(off):
        named = calendar.iso(off) if len(off) else f"usually {calendar.usual_distance_days(dates)} days apart"
        remedy = ", or set enhanced_cleaning.week_alignment to align" if alignable else ""
        raise DataError(
            f"Geo {rows.geo} cannot be cleaned: its dates are neither daily nor weekly on one weekday ({named}); "
            f"correct the source{remedy}."
        )
    return grain
