"""Checks of one geo's weekly panel after cleaning."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.contracts import weekly_schema
from mmm_core.data.panel import DATE, FREQUENCY, GEO, KPI, MEDIA, REACH, SOURCE_ROW, SPEND, with_prefix
from mmm_core.quality.check import CheckResult
from mmm_core.quality.violations import MAX_TABLE_ROWS, violations

CLEAN_PANEL_CHECKS: Mapping[str, str] = {
    "schema": "Every value is there (a masked KPI apart), finite and in its range",
    "consecutive_weeks": "Weeks are sorted and 7 days apart",
    "kpi_variation": "The KPI varies over weeks",
    "cost_per_media_unit": "Cost per media unit stays within ten times its median",
    "outliers": "No values far outside the quartiles (only under enhanced_cleaning.outliers.policy flag)",
}
"""Check name -> what it looks at, in the order of the results."""
_MAX_COST_RATIO = 10.0
"""A week's cost per media unit may be this many times the channel's median, or its inverse."""
_MIN_RELATIVE_VARIANCE = 1e-4
_FENCE = 1.5


def check_clean_panel(panel: pd.DataFrame, config: Config) -> list[CheckResult]:
    """All checks of `CLEAN_PANEL_CHECKS`, in that order.

    Args:
        panel: one geo's clean panel, at least one row.
        config: `enhanced_cleaning.outliers` says whether outliers are flagged.
    """
    schema = check_weekly_schema(panel.reset_index(drop=True), config)
    panel = panel.reset_index(drop=True)
    names = [column for column in panel.columns if column not in (GEO, DATE)]
    numbers = panel[names].apply(pd.to_numeric, errors="coerce").replace([np.inf, -np.inf], np.nan)
    panel = panel.assign(**{name: numbers[name] for name in names})
    return [
        schema,
        _consecutive_weeks(panel),
        _kpi_variation(panel),
        _cost_per_media_unit(panel),
        _outliers(panel, flag=config.enhanced_cleaning.outliers.policy == "flag"),
    ]


def check_weekly_schema(panel: pd.DataFrame, config: Config) -> CheckResult:
    """Every column but geo and date is complete, finite and in its range; no date repeats.

    Under the strategy `mask` of missing data, the KPI may be missing in some weeks.
    """
    masked = config.enhanced_cleaning.missing_data.strategy == "mask"
    numeric = [column for column in panel.columns if column not in (GEO, DATE, SOURCE_ROW)]
    found = violations(weekly_schema([KPI, *(column for column in numeric if column != KPI)], masked), panel)
    if found is None:
        return CheckResult("schema", True, "error", "Every value is there, finite and in its range.", value=0)
    weeks = pd.to_datetime(panel[DATE]).dt.strftime("%Y-%m-%d")
    broken = found.describe(weeks, "week", {})
    message = f"Geo {panel[GEO].iloc[0]}: {broken}. Correct the source, or the cleaning settings."
    table = found.table(weeks, "week", {})
    return CheckResult("schema", False, "error", message, value=len(found.cases), table=table)


def _consecutive_weeks(panel: pd.DataFrame) -> CheckResult:
    dates = pd.DatetimeIndex(panel[DATE])
    expected = pd.date_range(dates.min(), periods=len(dates), freq="7D")
    wrong = dates[dates != expected]
    message = (
        f"Geo {panel[GEO].iloc[0]}: the weeks are not sorted and 7 days apart, first at {calendar.iso(wrong)}; "
        "materialize clean_panel again."
        if len(wrong)
        else f"{len(dates)} consecutive weeks."
    )
    return CheckResult("consecutive_weeks", not len(wrong), "error", message, value=len(wrong), threshold=0)


def _kpi_variation(panel: pd.DataFrame) -> CheckResult:
    mean = float(panel[KPI].mean())
    relative = float(panel[KPI].var(ddof=0)) / mean**2 if mean else 0.0
    passed = relative >= _MIN_RELATIVE_VARIANCE
    message = (
        "The KPI varies over weeks."
        if passed
        else f"Geo {panel[GEO].iloc[0]}: the KPI hardly varies over weeks (variance / mean² {relative:.2g}, "
        f"expected {_MIN_RELATIVE_VARIANCE:g} or more), so it says little about media; check the KPI column."
    )
    return CheckResult("kpi_variation", passed, "warn", message, relative, _MIN_RELATIVE_VARIANCE)


def _cost_per_media_unit(panel: pd.DataFrame) -> CheckResult:
    found: list[dict[str, object]] = []
    for channel, media in _exposure(panel).items():
        spend = panel[f"{SPEND}{channel}"]
        both = (spend > 0) & (media > 0)
        cost = spend[both] / media[both]
        ratio = cost / cost.median()
        odd = ratio[(ratio > _MAX_COST_RATIO) | (ratio < 1 / _MAX_COST_RATIO)]
        found += [
            {
                "channel": channel,
                "week": f"{panel[DATE][position]:%Y-%m-%d}",
                "cost": float(cost[position]),
                "median": float(cost.median()),
            }
            for position in odd.index
        ]
    message = "Cost per media unit is steady."
    if found:
        first = found[0]
        message = (
            f"Geo {panel[GEO].iloc[0]}: in {len(found)} channel-weeks the cost per media unit is more than "
            f"{_MAX_COST_RATIO:g} times its median or less than a tenth, first {first['channel']} in "
            f"{first['week']} ({first['cost']:.4g} against {first['median']:.4g}); check units of spend and media."
        )
    return CheckResult(
        "cost_per_media_unit", not found, "warn", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS])
    )


def _exposure(panel: pd.DataFrame) -> dict[str, pd.Series]:
    """Paid channel -> media units, or contacts (reach x frequency)."""
    exposure = {name.removeprefix(MEDIA): panel[name] for name in with_prefix(panel.columns, MEDIA)}
    for name in with_prefix(panel.columns, REACH):
        channel = name.removeprefix(REACH)
        exposure[channel] = panel[name] * panel[f"{FREQUENCY}{channel}"]
    return {channel: units for channel, units in exposure.items() if f"{SPEND}{channel}" in panel}


def _outliers(panel: pd.DataFrame, flag: bool) -> CheckResult:
    """Values far above or below the quartiles of the column's non-zero weeks (1.5 times their distance)."""
    if not flag:
        message = "Not looked for: enhanced_cleaning.outliers.policy is not flag."
        return CheckResult("outliers", True, "warn", message)
    found: list[dict[str, object]] = []
    for column in (KPI, *with_prefix(panel.columns, SPEND), *with_prefix(panel.columns, MEDIA, REACH)):
        values = panel[column][panel[column] != 0]
        low, high = values.quantile(0.25), values.quantile(0.75)
        reach = _FENCE * (high - low)
        odd = values[(values < low - reach) | (values > high + reach)]
        found += [
            {"column": column, "week": f"{panel[DATE][position]:%Y-%m-%d}", "value": float(odd[position])}
            for position in odd.index
        ]
    message = (
        f"Geo {panel[GEO].iloc[0]}: {len(found)} value(s) lie more than 1.5 interquartile ranges outside the "
        f"quartiles (first {found[0]['column']} in {found[0]['week']}); check them, or set "
        "enhanced_cleaning.outliers.policy to contextual_winsorization."
        if found
        else "No outliers."
    )
    return CheckResult("outliers", not found, "warn", message, len(found), 0, tuple(found[:MAX_TABLE_ROWS]))
