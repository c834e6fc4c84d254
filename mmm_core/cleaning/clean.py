"""From one geo's raw rows to a complete weekly panel, with a log of every changed cell."""

from dataclasses import dataclass

import pandas as pd

from mmm_core.cleaning.aggregation import drop_partial_weeks, to_weeks
from mmm_core.cleaning.change_log import join_logs
from mmm_core.cleaning.gaps import fill_gaps
from mmm_core.cleaning.outliers import winsorize
from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.numbers import dates_or_text, numbers_or_text
from mmm_core.data.panel import DATE, GEO, KPI, SOURCE_ROW
from mmm_core.errors import DataError


@dataclass(frozen=True)
class CleanedPanel:
    """A clean panel and how it came about."""

    panel: pd.DataFrame
    """geo, date (first day of the week), then the mapping's numeric columns as float64; one row per week,
    consecutive, sorted.  Under the strategy `mask`, the KPI is NaN where it is not known."""
    changes: pd.DataFrame
    """geo, date, column, before (NaN: missing), after (NaN: masked), rule; one row per changed or masked
    cell, with the date of the day for daily data.  Aggregation to weeks is no change."""
    dropped_rows: pd.DataFrame
    """Raw rows that are not in the panel, with a `reason`."""
    notes: tuple[str, ...] = ()
    """What else a reader should know, in sentences."""


def clean_panel(raw: pd.DataFrame, mapping: ColumnMapping, config: Config) -> CleanedPanel:
    """Clean one geo: partial weeks, gaps, aggregation to weeks, outliers, in this order.

    Daily data is aggregated to weeks that start on `data.week_start`; its partial first and last week are
    dropped.  Weekly data keeps its own weekday.

    Args:
        raw: a raw panel that passed its blocking checks.
        mapping: gives source names for the messages.
        config: `enhanced_cleaning` and `data.week_start`.

    Raises:
        DataError: the panel did not pass its checks, holds no whole week or no week with a KPI, or has gaps
            under the `refuse` strategy.
    """
    strategy = config.enhanced_cleaning.missing_data.strategy
    rows = _typed(raw, mapping, masked=strategy == "mask")
    grain = _grain(rows)
    kept, dropped = rows, rows.iloc[:0].assign(reason="")
    if grain == "daily":
        kept, dropped = drop_partial_weeks(rows, config.data.week_start)
    numeric = list(mapping.numeric_columns)
    complete, fills = fill_gaps(
        kept[[GEO, DATE, *numeric]],
        calendar.expected_dates(pd.DatetimeIndex(rows[DATE]), grain, config.data.week_start),
        "day" if grain == "daily" else "week",
        strategy,
    )
    weekly = to_weeks(complete) if grain == "daily" else complete
    if weekly[KPI].isna().all():
        raise DataError(
            f"Geo {raw[GEO].iloc[0]} has no whole week with a known {mapping.source_column(KPI)!r}, so nothing "
            "can be learned from it; complete the KPI, or leave the geo out of the source."
        )
    panel, caps = winsorize(weekly, config.enhanced_cleaning.outliers)
    return CleanedPanel(
        panel=panel,
        changes=join_logs([fills, caps]),
        dropped_rows=dropped.reset_index(drop=True),
        notes=_notes(grain, len(complete), panel, config.data.week_start),
    )


def _typed(raw: pd.DataFrame, mapping: ColumnMapping, masked: bool) -> pd.DataFrame:
    """The raw panel sorted by date, numbers as float64.

    Raises:
        DataError: what the blocking checks would have refused.
    """
    geo = raw[GEO].iloc[0]
    typed = raw.assign(
        **{DATE: dates_or_text(raw[DATE])},
        **{column: numbers_or_text(raw[column]) for column in mapping.numeric_columns},
    )
    text = [column for column in mapping.numeric_columns if not pd.api.types.is_numeric_dtype(typed[column])]
    if not pd.api.types.is_datetime64_any_dtype(typed[DATE]):
        text.append(DATE)
    missing = typed.loc[typed[KPI].isna(), SOURCE_ROW].tolist()
    problems = [f"column {mapping.source_column(column)!r} holds text" for column in text]
    if missing and not masked:
        problems.append(f"{mapping.source_column(KPI)!r} is empty in row {missing[0]}")
    problems += ["a date occurs twice"] if typed[DATE].duplicated().any() else []
    if problems:
        raise DataError(
            f"Geo {geo} cannot be cleaned: {'; '.join(problems)}; the checks of raw_panel name the rows, "
            "correct them in the source."
        )
    numbers = {column: typed[column].astype("float64") for column in mapping.numeric_columns}
    return typed.assign(**numbers).sort_values(DATE).reset_index(drop=True)


def _grain(rows: pd.DataFrame) -> calendar.Grain:
    dates = pd.DatetimeIndex(rows[DATE])
    grain = calendar.grain_of(dates)
    off = calendar.off_weekday(dates) if grain == "weekly" else dates[:0]
    if grain == "irregular" or len(off):
        named = calendar.iso(off) if len(off) else f"usually {calendar.usual_distance_days(dates)} days apart"
        raise DataError(
            f"Geo {rows[GEO].iloc[0]} cannot be cleaned: its dates are neither daily nor weekly on one weekday "
            f"({named}); correct the source."
        )
    return grain


def _notes(grain: calendar.Grain, n_rows: int, panel: pd.DataFrame, week_start: str) -> tuple[str, ...]:
    if grain == "daily":
        return (f"{n_rows} days were aggregated to {len(panel)} weeks that start on {week_start}.",)
    weekday = calendar.WEEKDAYS[panel[DATE].iloc[0].weekday()]
    if weekday != week_start:
        return (f"The weekly data is dated by {weekday}, which is kept as the first day of the week.",)
    return ()
