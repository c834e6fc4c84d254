"""From one geo's raw rows to a complete weekly panel, with a log of every change."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.cleaning.aggregation import to_weeks
from mmm_core.cleaning.alignment import align_weeks, grain_of
from mmm_core.cleaning.change_log import Changes, IntArray, changes_of_dropped_rows, log_frame
from mmm_core.cleaning.currency import one_currency, scaled_to_geo
from mmm_core.cleaning.duplicates import COPY, one_row_per_date
from mmm_core.cleaning.gaps import MASKING, fill_gaps
from mmm_core.cleaning.national import own_share
from mmm_core.cleaning.outliers import treat_outliers
from mmm_core.cleaning.periods import Periods, on_every_date
from mmm_core.cleaning.roles import Roles, roles_of
from mmm_core.cleaning.rows import Rows, frame_of, typed_rows
from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.panel import DATE, GEO, KPI
from mmm_core.errors import DataError


@dataclass(frozen=True)
class CleanedPanel:
    """A clean panel and how it came about."""

    panel: pd.DataFrame
    """geo, date (first day of the week), then the mapping's numeric columns as float64; one row per week,
    consecutive, sorted.  Under the strategies `mask` and `campaign_aware`, the KPI is NaN where it is not
    known."""
    changes: pd.DataFrame
    """geo, date, column, before, after, rule; every difference between the raw panel and this one, rows that
    were left out, combined or moved included (`change_log` says how to read it).  Aggregation to weeks is no
    change."""
    dropped_rows: pd.DataFrame
    """Raw rows that are not in the panel, with a `reason`; their cells are in `changes` as well."""
    notes: tuple[str, ...] = ()
    """What else a reader should know, in sentences."""


def clean_panel(raw: pd.DataFrame, mapping: ColumnMapping, config: Config) -> CleanedPanel:
    """Clean one geo.

    In this order: weekly dates to the first day of the week; money to one currency; rows of one date to one;
    shares of national amounts; money in units of the geo's revenue, if asked for; partial first and last week
    of daily data; missing dates, missing values and outages; aggregation of daily data to weeks that start on
    `data.week_start`; outliers.  (Money is converted before rows are combined, as their currencies may differ.)

    Args:
        raw: a raw panel that passed its blocking checks.
        mapping: what the columns are, and source names for the messages.
        config: `enhanced_cleaning`, `data.week_start`, `project.currency`, and the events of `features`.

    Raises:
        DataError: the panel did not pass its checks, holds no whole week or no week with a KPI, or has
            something that a policy refuses.
        ConfigError: a setting names a column or date that is none.
    """
    settings = config.enhanced_cleaning
    source = typed_rows(raw, mapping, masked=settings.missing_data.strategy in MASKING)
    roles = roles_of(source.columns, mapping)
    rows, changes, copies, notes = _one_row_per_period(source, roles, mapping, config)
    grain = grain_of(rows, alignable=settings.week_alignment == "keep")
    periods = on_every_date(rows, grain, config.data.week_start)
    outside, lost = _partial_weeks(rows, periods, grain, config.data.week_start)
    filled, fills = fill_gaps(periods, roles, mapping, settings.missing_data)
    weekly, masked = to_weeks(filled, roles) if grain == "daily" else (filled, [])
    if np.isnan(weekly.values[:, roles.kpi]).all():
        raise DataError(
            f"Geo {source.geo} has no whole week with a known {mapping.source_column(KPI)!r}, so nothing "
            "can be learned from it; complete the KPI, or leave the geo out of the source."
        )
    final, caps, flags = treat_outliers(weekly, config)
    return CleanedPanel(
        panel=_frame(final),
        changes=log_frame(source.geo, [*changes, *lost, *fills, *masked, *caps]),
        dropped_rows=_dropped(source, {**copies, **outside}),
        notes=(*notes, *_calendar_notes(grain, filled, final, config.data.week_start), *flags),
    )


def _one_row_per_period(
    source: Rows, roles: Roles, mapping: ColumnMapping, config: Config
) -> tuple[Rows, list[Changes], dict[int, str], tuple[str, ...]]:
    """The steps that look at rows; also the source lines of copies that were dropped, with the reason."""
    settings = config.enhanced_cleaning
    rows, moves = (
        align_weeks(source, config.data.week_start) if settings.week_alignment == "align" else (source, [])
    )
    rows, conversions = one_currency(rows, roles, mapping, settings.currency, config.project.currency)
    rows, combinations, copies = one_row_per_date(rows, roles, mapping, settings.duplicates)
    rows, shares, share_notes = own_share(rows, mapping)
    rows, scalings, scale_notes = scaled_to_geo(rows, roles, mapping, settings.currency)
    return (
        rows,
        [*moves, *conversions, *combinations, *shares, *scalings],
        dict.fromkeys(copies.tolist(), COPY),
        (*share_notes, *scale_notes),
    )


def _partial_weeks(
    rows: Rows, periods: Periods, grain: calendar.Grain, week_start: str
) -> tuple[dict[int, str], list[Changes]]:
    """Source lines of the days of the first and last week that the data covers only in part, and their log.

    Raises:
        DataError: there is no whole week.
    """
    if grain != "daily":
        return {}, []
    if not len(periods.dates):
        raise DataError(
            f"Geo {rows.geo} has {len(rows.dates)} days and no whole week that starts on {week_start}; "
            "give more days."
        )
    dropped: dict[int, str] = {}
    changes: list[Changes] = []
    first, last = rows.dates < periods.dates[0], rows.dates > periods.dates[-1]
    for outside, reason in ((first, "partial first week"), (last, "partial last week")):
        gone = rows.take(np.flatnonzero(outside))
        changes += changes_of_dropped_rows(gone.dates, gone.source_rows, gone.columns, gone.values, reason)
        dropped |= dict.fromkeys(gone.source_rows.tolist(), reason)
    return dropped, changes


def _dropped(source: Rows, reasons: dict[int, str]) -> pd.DataFrame:
    lines: IntArray = source.source_rows
    gone = np.flatnonzero(np.isin(lines, list(reasons)))
    return frame_of(source, gone).assign(reason=[reasons[line] for line in lines[gone].tolist()])


def _frame(weekly: Periods) -> pd.DataFrame:
    frame = pd.DataFrame(weekly.values, columns=list(weekly.columns))
    frame.insert(0, GEO, weekly.geo)
    frame.insert(1, DATE, weekly.dates)
    return frame


def _calendar_notes(grain: calendar.Grain, filled: Periods, panel: Periods, week_start: str) -> tuple[str, ...]:
    if grain == "daily":
        days = len(filled.dates)
        return (f"{days} days were aggregated to {len(panel.dates)} weeks that start on {week_start}.",)
    weekday = calendar.WEEKDAYS[pd.Timestamp(panel.dates[0]).weekday()]
    if weekday != week_start:
        return (f"The weekly data is dated by {weekday}, which is kept as the first day of the week.",)
    return ()
