"""Checks of one geo's rows as they came from the source."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.contracts import raw_panel_schema
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.numbers import parsed_dates
from mmm_core.data.panel import DATE, FREQUENCY, GEO, KPI, REACH, SOURCE_ROW, SPEND, level_columns
from mmm_core.quality.check import CheckResult, Severity
from mmm_core.quality.violations import MAX_TABLE_ROWS, violations

RAW_PANEL_CHECKS: Mapping[str, str] = {
    "schema": "Dates, numbers and their ranges; no missing geo, date or KPI",
    "duplicate_keys": "No date occurs twice",
    "regular_spacing": "Daily data, or weekly data on one weekday",
    "coverage": "Enough weeks (validation.coverage_frequency.min_weeks_required)",
    "preferred_history": "Weeks for a stable fit (validation.coverage_frequency.preferred_weeks)",
    "missing_weeks": "Gaps inside the geo's own range (validation.coverage_frequency.max_missing_weeks_pct)",
    "missing_values": "Empty cells of numeric columns",
    "empty_columns": "KPI, controls, treatments, population and revenue per KPI hold at least one number",
    "spend_without_media": "No spend without media units",
    "media_without_spend": "No media units without spend",
    "reach_without_frequency": "No people reached without a frequency",
}
"""Check name -> what it looks at, in the order of the results."""
_WARNINGS = frozenset(
    {
        "preferred_history",
        "missing_values",
        "spend_without_media",
        "media_without_spend",
        "reach_without_frequency",
    }
)


def check_raw_panel(panel: pd.DataFrame, mapping: ColumnMapping, config: Config, origin: str) -> list[CheckResult]:
    """All checks of `RAW_PANEL_CHECKS`, in that order.

    Args:
        panel: one geo's raw panel (`mapping.raw_panel`), at least one row.
        mapping: gives source names for the messages.
        config: limits are in `validation.coverage_frequency`.
        origin: name of the source, for the messages.
    """
    raw = _Raw(panel.reset_index(drop=True), mapping, config, origin)
    exposed = [
        (channel, f"{SPEND}{channel}", media)
        for channel, media in zip(mapping.channels, mapping.media_columns, strict=False)
        if not media.startswith(SPEND)
    ]
    reached = [
        (channel, f"{REACH}{channel}", f"{FREQUENCY}{channel}")
        for channel, columns in zip(mapping.channels, mapping.channel_columns, strict=True)
        if columns.reach is not None
    ]
    return [
        _schema(raw),
        _duplicate_keys(raw),
        _regular_spacing(raw),
        _coverage(raw),
        _preferred_history(raw),
        _missing_weeks(raw),
        _missing_values(raw),
        _empty_columns(raw),
        _unpaired(raw, "spend_without_media", exposed, "check the media feed"),
        _unpaired(
            raw,
            "media_without_spend",
            [(channel, media, spend) for channel, spend, media in exposed],
            "it counts as free; check the spend feed",
        ),
        _unpaired(
            raw, "reach_without_frequency", reached, "nobody counts as reached then; correct reach or frequency"
        ),
    ]


class _Raw:
    """One geo's rows and what several checks need to know about them."""

    def __init__(self, panel: pd.DataFrame, mapping: ColumnMapping, config: Config, origin: str) -> None:
        self.panel, self.mapping, self.config = panel, mapping, config
        self.where = f"{origin}, geo {panel[GEO].iloc[0]}"
        self.dates = parsed_dates(panel[DATE])
        """NaT where a date is not readable (the schema check names those)."""
        self.known_dates = pd.DatetimeIndex(self.dates.dropna())
        self.grain = calendar.grain_of(self.known_dates)
        self.masked = config.enhanced_cleaning.missing_data.strategy == "mask"
        self.numbers = panel[list(mapping.numeric_columns)].apply(pd.to_numeric, errors="coerce")
        """Values, NaN where missing or no number."""

    def name(self, panel_column: str) -> str:
        return repr(self.mapping.source_column(panel_column))

    def rows(self, mask: pd.Series) -> str:
        numbers = self.panel.loc[mask, SOURCE_ROW].tolist()
        return f"row {', '.join(map(str, numbers[:5]))}{', …' if len(numbers) > 5 else ''} ({len(numbers)} in all)"

    def whole_weeks(self) -> int:
        """Weeks with a KPI: distinct dates, or complete weeks' worth of distinct days."""
        known = pd.DatetimeIndex(self.dates[self.dates.notna() & self._has_kpi()])
        if not len(known):
            return 0
        if self.grain != "daily":
            return known.nunique()
        return len(self.expected_dates().intersection(known)) // 7

    def _has_kpi(self) -> pd.Series:
        """Rows that will not be masked; an empty KPI breaks the schema where nothing is."""
        return self.panel[KPI].notna() if self.masked else pd.Series(True, index=self.panel.index)

    def expected_dates(self) -> pd.DatetimeIndex:
        return calendar.expected_dates(self.known_dates, self.grain, self.config.data.week_start)


def _result(
    name: str,
    problem: str | None,
    fine: str,
    value: float | None = None,
    threshold: float | None = None,
    table: tuple[Mapping[str, object], ...] = (),
    severity: Severity | None = None,
) -> CheckResult:
    return CheckResult(
        name=name,
        passed=problem is None,
        severity=severity or ("warn" if name in _WARNINGS else "error"),
        message=fine if problem is None else problem,
        value=value,
        threshold=threshold,
        table=table,
    )


def _schema(raw: _Raw) -> CheckResult:
    found = violations(raw_panel_schema(raw.mapping, raw.masked), raw.panel)
    if found is None:
        return _result("schema", None, "Every value has its type and range.", value=0)
    rows = raw.panel[SOURCE_ROW]
    names = {column: raw.mapping.source_column(column) for column in (GEO, DATE, *raw.mapping.numeric_columns)}
    problem = f"{raw.where}: {found.describe(rows, 'row', names)}. Correct these values in the source."
    return _result("schema", problem, "", value=len(found.cases), table=found.table(rows, "row", names))


def _duplicate_keys(raw: _Raw) -> CheckResult:
    repeated = raw.dates.duplicated(keep=False) & raw.dates.notna()
    if not repeated.any():
        return _result("duplicate_keys", None, "Every date occurs once.", value=0)
    first = raw.dates[repeated].iloc[0]
    problem = (
        f"{raw.where}: more than one row for the same {raw.name(DATE)}, first {first:%Y-%m-%d}: "
        f"{raw.rows(repeated)}. Keep one row per geo and date, or add the column that tells them apart to "
        "data.keys."
    )
    table = tuple(
        {"row": int(row), "date": date.strftime("%Y-%m-%d")}
        for row, date in zip(raw.panel.loc[repeated, SOURCE_ROW], raw.dates[repeated], strict=True)
    )
    return _result("duplicate_keys", problem, "", value=int(repeated.sum()), table=table[:MAX_TABLE_ROWS])


def _regular_spacing(raw: _Raw) -> CheckResult:
    name = "regular_spacing"
    if raw.grain == "irregular":
        days = calendar.usual_distance_days(raw.known_dates)
        problem = (
            f"{raw.where}: dates in {raw.name(DATE)} are mostly {days} days apart; daily or weekly data is needed."
        )
        return _result(name, problem, "", value=days, threshold=7)
    off = raw.known_dates[:0]
    if raw.grain == "weekly" and len(raw.known_dates):
        off = calendar.off_weekday(raw.known_dates)
    if not len(off):
        return _result(name, None, f"The data is {raw.grain}.", value=0)
    mask = raw.dates.isin(off)
    problem = (
        f"{raw.where}: the data is weekly, but {calendar.iso(off)} fall on another weekday than the other dates "
        f"({raw.rows(mask)}). Move them to the weekday of the others."
    )
    table = tuple(
        {"row": int(row), "date": date.strftime("%Y-%m-%d")}
        for row, date in zip(raw.panel.loc[mask, SOURCE_ROW], raw.dates[mask], strict=True)
    )
    return _result(name, problem, "", value=len(off), table=table[:MAX_TABLE_ROWS])


def _coverage(raw: _Raw) -> CheckResult:
    weeks, least = raw.whole_weeks(), raw.config.validation.coverage_frequency.min_weeks_required
    problem = (
        f"{raw.where} has {weeks} weeks; at least {least} are needed "
        "(validation.coverage_frequency.min_weeks_required). Add history or leave the geo out of the source."
    )
    return _result("coverage", problem if weeks < least else None, f"{weeks} weeks.", weeks, least)


def _preferred_history(raw: _Raw) -> CheckResult:
    weeks, preferred = raw.whole_weeks(), raw.config.validation.coverage_frequency.preferred_weeks
    problem = (
        f"{raw.where} has {weeks} weeks, fewer than the preferred {preferred} "
        "(validation.coverage_frequency.preferred_weeks); annual seasonality and media are hard to tell apart."
    )
    return _result(
        "preferred_history", problem if weeks < preferred else None, f"{weeks} weeks.", weeks, preferred
    )


def _missing_weeks(raw: _Raw) -> CheckResult:
    """Share of the geo's own range, first to last date, without a row."""
    name = "missing_weeks"
    refuse = raw.config.enhanced_cleaning.missing_data.strategy == "refuse"
    limit = 0.0 if refuse else raw.config.validation.coverage_frequency.max_missing_weeks_pct
    if raw.grain == "irregular" or not len(raw.known_dates) or not len(raw.expected_dates()):
        return _result(name, None, "Not judged: the dates are not whole weeks.", threshold=limit)
    expected = raw.expected_dates()
    absent = expected.difference(raw.known_dates)
    share = 100.0 * len(absent) / len(expected)
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
    table = tuple({"date": date.strftime("%Y-%m-%d")} for date in absent[:MAX_TABLE_ROWS])
    fine = f"{len(absent)} of {len(expected)} {unit} missing."
    return _result(name, problem if share > limit else None, fine, share, limit, table)


def _missing_values(raw: _Raw) -> CheckResult:
    strategy = raw.config.enhanced_cleaning.missing_data.strategy
    missing = raw.panel[list(raw.numbers.columns)].isna().sum()
    missing = missing if raw.masked else missing.drop(KPI)
    missing = missing[missing > 0]
    severity: Severity = "error" if strategy == "refuse" else "warn"
    if missing.empty:
        return _result("missing_values", None, "No value is missing.", value=0, severity=severity)
    listed = ", ".join(f"{raw.name(str(column))} {count}" for column, count in missing.items())
    remedies = {
        "refuse": "enhanced_cleaning.missing_data.strategy is refuse; fill them in the source or change it",
        "simple": "missing spend and media are taken as 0, and the rest is interpolated; check that this is meant",
        "mask": "weeks without KPI are left out of the fit, missing spend and media are taken as 0 and the rest "
        "is interpolated; check that this is meant",
    }
    table = tuple(
        {"column": raw.mapping.source_column(str(column)), "missing": int(count)}
        for column, count in missing.items()
    )
    problem = f"{raw.where}: missing values by column: {listed}; {remedies[strategy]}."
    return _result(
        "missing_values", problem, "", float(missing.sum()), 0.0, table[:MAX_TABLE_ROWS], severity=severity
    )


def _empty_columns(raw: _Raw) -> CheckResult:
    """Columns that cleaning could not interpolate, because they hold no number at all."""
    needed = (KPI, *level_columns(raw.numbers.columns))
    empty = [column for column in needed if raw.numbers[column].isna().all()]
    problem = (
        f"{raw.where}: column {', '.join(raw.name(column) for column in empty)} holds no number; fill it, or "
        "remove it from the data section of the configuration."
    )
    return _result("empty_columns", problem if empty else None, "Every column holds numbers.", value=len(empty))


def _unpaired(raw: _Raw, name: str, pairs: Sequence[tuple[str, str, str]], remedy: str) -> CheckResult:
    """Rows where the first column of a pair is above 0 and the second is 0 or missing.

    Args:
        raw: the rows.
        name: of the check; says in words what is found.
        pairs: channel and its two columns.
        remedy: what to do.
    """
    found: list[Mapping[str, object]] = []
    channels = []
    for channel, present, absent in pairs:
        alone = (raw.numbers[present] > 0) & (raw.numbers[absent].fillna(0) == 0)
        if alone.any():
            channels.append(f"{channel} in {raw.rows(alone)}")
            values = raw.numbers.loc[alone, present]
            rows = zip(raw.panel.loc[alone, SOURCE_ROW], values, strict=True)
            found += [{"channel": channel, "row": int(row), "value": float(value)} for row, value in rows]
    what = name.replace("_", " ")
    problem = f"{raw.where}: {what} for channel {'; '.join(channels[:3])}; {remedy}."
    return _result(
        name, problem if found else None, f"No {what}.", float(len(found)), 0.0, tuple(found[:MAX_TABLE_ROWS])
    )
