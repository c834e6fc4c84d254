"""Checks of raw rows: how much history there is, and what is missing in it."""

import numpy as np

from mmm_core.data import calendar
from mmm_core.data.panel import KPI, level_columns
from mmm_core.quality.check import CheckResult, Severity
from mmm_core.quality.raw_rows import RawRows, result

_MAX_LISTED = 5
_MASKED = "weeks without KPI are left out of the fit"
_REMEDIES = {
    "refuse": "enhanced_cleaning.missing_data.strategy is refuse; fill them in the source or change it",
    "simple": "missing spend and media are taken as 0, and the rest is interpolated; check that this is meant",
    "mask": f"{_MASKED}, missing spend and media are taken as 0 and the rest is interpolated; check that this is "
    "meant",
    "campaign_aware": f"{_MASKED}, missing spend and media are imputed between active days and taken as 0 in "
    "pauses; check that this is meant",
}
"""Strategy of missing data -> what becomes of missing values."""


def check_coverage(raw: RawRows) -> CheckResult:
    """Whether there are as many weeks as a fit needs."""
    weeks, least = raw.whole_weeks, raw.config.validation.coverage_frequency.min_weeks_required
    problem = (
        f"{raw.where} has {weeks} weeks; at least {least} are needed "
        "(validation.coverage_frequency.min_weeks_required). Add history or leave the geo out of the source."
    )
    return result("coverage", problem if weeks < least else None, f"{weeks} weeks.", weeks, least)


def check_preferred_history(raw: RawRows) -> CheckResult:
    """Whether there are as many weeks as are good for a fit."""
    weeks, preferred = raw.whole_weeks, raw.config.validation.coverage_frequency.preferred_weeks
    problem = (
        f"{raw.where} has {weeks} weeks, fewer than the preferred {preferred} "
        "(validation.coverage_frequency.preferred_weeks); annual seasonality and media are hard to tell apart. "
        "Add history if there is any."
    )
    failed = problem if weeks < preferred else None
    return result("preferred_history", failed, f"{weeks} weeks.", weeks, preferred)


def check_missing_weeks(raw: RawRows) -> CheckResult:
    """Share of the geo's own range, first to last date, without a row."""
    name = "missing_weeks"
    refuse = raw.config.enhanced_cleaning.missing_data.strategy == "refuse"
    limit = 0.0 if refuse else raw.config.validation.coverage_frequency.max_missing_weeks_pct
    if raw.grain == "irregular" or not len(raw.expected_dates):
        return result(name, None, "Not judged: the dates are not whole weeks.", threshold=limit)
    absent = raw.expected_dates.difference(raw.known_dates)
    share = 100.0 * len(absent) / len(raw.expected_dates)
    unit = "days" if raw.grain == "daily" else "weeks"
    rule = (
        "enhanced_cleaning.missing_data.strategy is refuse"
        if refuse
        else f"validation.coverage_frequency.max_missing_weeks_pct allows {limit:g} %"
    )
    problem = (
        f"{raw.where}: {share:.1f} % of the {unit} are missing, {calendar.iso(absent)}; {rule}. "
        "Add the rows to the source or relax that setting."
    )
    table = tuple({"date": date.strftime("%Y-%m-%d")} for date in absent)
    fine = f"{len(absent)} of {len(raw.expected_dates)} {unit} missing."
    return result(name, problem if share > limit else None, fine, share, limit, table)


def check_missing_values(raw: RawRows) -> CheckResult:
    """Empty cells, by column; an empty KPI only where it may be masked (the schema refuses it elsewhere)."""
    strategy = raw.config.enhanced_cleaning.missing_data.strategy
    counted = {column: count for column, count in raw.missing.items() if raw.masked or column != KPI}
    missing = {column: count for column, count in counted.items() if count}
    severity: Severity = "error" if strategy == "refuse" else "warn"
    if not missing:
        return result("missing_values", None, "No value is missing.", value=0, severity=severity)
    missing = dict(sorted(missing.items(), key=lambda item: -item[1]))
    listed = ", ".join(f"{raw.name(column)} {count}" for column, count in list(missing.items())[:_MAX_LISTED])
    listed += f" and {len(missing) - _MAX_LISTED} more columns" if len(missing) > _MAX_LISTED else ""
    table = tuple(
        {
            "column": raw.mapping.source_column(column),
            "missing": count,
            "share_pct": round(100.0 * count / len(raw.panel), 1),
        }
        for column, count in missing.items()
    )
    problem = f"{raw.where}: missing values by column: {listed}; {_REMEDIES[strategy]}."
    total = float(sum(missing.values()))
    return result("missing_values", problem, "", total, 0.0, table, severity=severity)


def check_empty_columns(raw: RawRows) -> CheckResult:
    """Columns that cleaning could not interpolate, because they hold no number at all."""
    needed = (KPI, *level_columns(raw.columns))
    empty = [column for column in raw.columns if column in needed and np.isnan(raw.of(column)).all()]
    problem = (
        f"{raw.where}: column {', '.join(raw.name(column) for column in empty)} holds no number; fill it, or "
        "remove it from the data section of the configuration."
    )
    table = tuple({"column": raw.mapping.source_column(column)} for column in empty)
    return result(
        "empty_columns", problem if empty else None, "Every column holds numbers.", len(empty), table=table
    )
