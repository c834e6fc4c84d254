"""Checks of one geo's rows as they came from the source."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.contracts import raw_panel_schema
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.panel import DATE, GEO, SOURCE_ROW
from mmm_core.quality.check import CheckResult, with_severities
from mmm_core.quality.raw_coverage import (
    check_coverage,
    check_empty_columns,
    check_missing_values,
    check_missing_weeks,
    check_preferred_history,
)
from mmm_core.quality.raw_rows import RawRows, result
from mmm_core.quality.raw_values import check_currency, check_pairs
from mmm_core.quality.schema_proof import is_sound_raw
from mmm_core.quality.violations import violations

RAW_PANEL_CHECKS: Mapping[str, str] = {
    "schema": "Dates, numbers and their ranges; no missing geo, date or KPI",
    "duplicate_keys": "No date occurs twice, unless enhanced_cleaning.duplicates combines the rows",
    "regular_spacing": "Daily data, or weekly data on one weekday",
    "coverage": "Enough weeks (validation.coverage_frequency.min_weeks_required)",
    "preferred_history": "Weeks for a stable fit (validation.coverage_frequency.preferred_weeks)",
    "missing_weeks": "Gaps inside the geo's own range (validation.coverage_frequency.max_missing_weeks_pct)",
    "missing_values": "Empty cells of numeric columns",
    "empty_columns": "KPI, controls, treatments, population and revenue per KPI hold at least one number",
    "currency": "Money is in one currency, or enhanced_cleaning.currency says how it becomes one",
    "spend_without_media": "No spend without media units",
    "media_without_spend": "No media units without spend",
    "reach_without_frequency": "No people reached without a frequency",
}
"""Check name -> what it looks at, in the order of the results."""


@np.errstate(over="ignore", invalid="ignore")  # absurd amounts are judged too
def check_raw_panel(panel: pd.DataFrame, mapping: ColumnMapping, config: Config, origin: str) -> list[CheckResult]:
    """All checks of `RAW_PANEL_CHECKS` that are not off, in that order.

    Args:
        panel: one geo's raw panel (`mapping.raw_panel`), at least one row.
        mapping: gives source names for the messages.
        config: `validation` (limits, severities) and `enhanced_cleaning` (what will be mended).
        origin: name of the source, for the messages.
    """
    raw = RawRows(panel.reset_index(drop=True), mapping, config, origin)
    found = [
        _schema(raw),
        _duplicate_keys(raw),
        _regular_spacing(raw),
        check_coverage(raw),
        check_preferred_history(raw),
        check_missing_weeks(raw),
        check_missing_values(raw),
        check_empty_columns(raw),
        check_currency(raw),
        *check_pairs(raw),
    ]
    return with_severities(found, config)


def _schema(raw: RawRows) -> CheckResult:
    fine = "Every value has its type and range."
    if is_sound_raw(raw.panel, list(raw.columns), raw.masked):
        return result("schema", None, fine, value=0)
    found = violations(raw_panel_schema(raw.mapping, raw.masked), raw.panel)
    if found is None:
        return result("schema", None, fine, value=0)
    rows = raw.panel[SOURCE_ROW]
    names = {column: raw.mapping.source_column(column) for column in (GEO, DATE, *raw.columns)}
    problem = f"{raw.where}: {found.describe(rows, 'row', names)}. Correct these values in the source."
    return result("schema", problem, "", value=len(found.cases), table=found.table(rows, "row", names))


def _duplicate_keys(raw: RawRows) -> CheckResult:
    """Rows of the same date, those apart that cleaning will drop or combine."""
    policy = raw.config.enhanced_cleaning.duplicates.policy
    repeated = raw.dates.duplicated(keep=False) & raw.dates.notna()
    if not repeated.any():
        return result("duplicate_keys", None, "Every date occurs once.", value=0)
    count = int(repeated.sum())
    if policy == "aggregate":
        fine = f"{count} rows share their date with others; enhanced_cleaning.duplicates combines them."
        return result("duplicate_keys", None, fine, value=count)
    if policy == "drop_identical":
        contents = raw.panel.drop(columns=SOURCE_ROW).assign(**{DATE: raw.dates})
        repeated = raw.dates.where(~contents.duplicated()).duplicated(keep=False) & raw.dates.notna()
        repeated &= ~contents.duplicated()
        if not repeated.any():
            fine = "Rows of the same date are exact copies, which enhanced_cleaning.duplicates drops."
            return result("duplicate_keys", None, fine, value=count)
    return _repeated(raw, repeated)


def _repeated(raw: RawRows, repeated: pd.Series) -> CheckResult:
    first = raw.dates[repeated].iloc[0]
    problem = (
        f"{raw.where}: more than one row for the same {raw.name(DATE)}, first {first:%Y-%m-%d}: "
        f"{raw.rows(repeated)}. Keep one row per geo and date, add the column that tells them apart to "
        "data.keys, or let enhanced_cleaning.duplicates.policy combine them."
    )
    return result("duplicate_keys", problem, "", value=int(repeated.sum()), table=_row_dates(raw, repeated))


def _regular_spacing(raw: RawRows) -> CheckResult:
    name = "regular_spacing"
    if raw.grain == "irregular":
        days = calendar.usual_distance_days(raw.known_dates)
        problem = (
            f"{raw.where}: dates in {raw.name(DATE)} are mostly {days} days apart; daily or weekly data is "
            f"needed. {_remedy_for_distance(raw, days)}"
        )
        return result(name, problem, "", value=days, threshold=7)
    off = raw.known_dates[:0]
    if raw.grain == "weekly" and len(raw.known_dates):
        off = calendar.off_weekday(raw.known_dates)
    if not len(off):
        return result(name, None, f"The data is {raw.grain}.", value=0)
    mask = raw.dates.isin(off)
    problem = (
        f"{raw.where}: the data is weekly, but {calendar.iso(off)} fall on another weekday than the other dates "
        f"({raw.rows(mask)}). Move them to the weekday of the others, or set enhanced_cleaning.week_alignment to "
        "align."
    )
    return result(name, problem, "", value=len(off), table=_row_dates(raw, mask))


def _remedy_for_distance(raw: RawRows, days: int) -> str:
    """Weeks that are not there can be named; totals of a longer time cannot be taken apart."""
    dates = raw.known_dates.unique()
    on_weeks = not len(calendar.off_weekday(dates)) and days % 7 == 0
    if not on_weeks:
        return "Take the days or weeks from where these totals come from; totals cannot be taken apart."
    weeks = int((dates.max() - dates.min()).days / 7) + 1
    return (
        f"Only {len(dates)} of {weeks} weeks have a row: if the others are missing, add a row for each (spend 0 "
        "where there was none, "
        "the KPI empty where it is not known); if a row is the total of several weeks, take the "
        "weeks from where it comes from."
    )


def _row_dates(raw: RawRows, mask: pd.Series) -> tuple[Mapping[str, object], ...]:
    rows = zip(raw.panel.loc[mask, SOURCE_ROW], raw.written[mask], strict=True)
    return tuple({"row": int(row), "date": date.strftime("%Y-%m-%d")} for row, date in rows)
