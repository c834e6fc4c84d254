"""Checks of one geo's weekly panel after cleaning."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmm_core.config.cleaning import MissingDataConfig
from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.contracts import weekly_schema
from mmm_core.data.panel import DATE, GEO, KPI, SOURCE_ROW
from mmm_core.quality.check import CheckResult, with_severities
from mmm_core.quality.schema_proof import is_sound_weekly
from mmm_core.quality.value_sanity import (
    check_channel_variation,
    check_cost_per_media_unit,
    check_cost_range,
    check_geo_roi,
    check_kpi_variation,
    check_outliers,
)
from mmm_core.quality.violations import violations
from mmm_core.quality.weekly_values import WeeklyValues

CLEAN_PANEL_CHECKS: Mapping[str, str] = {
    "schema": "Every value is there (a masked KPI apart), finite and in its range",
    "consecutive_weeks": "Weeks are sorted and 7 days apart",
    "kpi_variation": "The KPI varies over weeks",
    "channel_variation": "No active channel stays at one level",
    "cost_per_media_unit": "Cost per media unit stays near its median (metric_tolerance.max_ratio)",
    "cost_range": "CPM and CPC are in their ranges (metric_tolerance.cpm, cpc)",
    "geo_roi": "Outcome / spend of a channel is plausible (validation.value_sanity.roi_range)",
    "outliers": "Few values far outside the quartiles (validation.value_sanity.outliers)",
}
"""Check name -> what it looks at, in the order of the results."""


@np.errstate(over="ignore", invalid="ignore")  # absurd amounts are judged too
def check_clean_panel(panel: pd.DataFrame, config: Config) -> list[CheckResult]:
    """All checks of `CLEAN_PANEL_CHECKS` that are not off, in that order.

    Args:
        panel: one geo's clean panel, at least one row.
        config: `validation` (limits, severities); `enhanced_cleaning.outliers` says whether each outlier is
            reported.
    """
    panel = panel.reset_index(drop=True)
    weekly, sanity = WeeklyValues(panel), config.validation.value_sanity
    currency, outliers = config.enhanced_cleaning.currency, config.enhanced_cleaning.outliers
    found = [
        check_weekly_schema(panel, config),
        _consecutive_weeks(panel),
        check_kpi_variation(weekly),
        check_channel_variation(weekly),
        check_cost_per_media_unit(weekly, sanity.metric_tolerance.max_ratio),
        check_cost_range(weekly, sanity.metric_tolerance, in_money=currency.policy != "scale_per_geo"),
        check_geo_roi(weekly, *sanity.roi_range),
        check_outliers(weekly, sanity.outliers, flag=outliers.policy == "flag"),
    ]
    return with_severities(found, config)


def check_weekly_schema(panel: pd.DataFrame, config: Config) -> CheckResult:
    """Every column but geo and date is complete, finite and in its range; no date repeats.

    Where cleaning may mask the KPI, it may be missing in some weeks.
    """
    fine = CheckResult("schema", True, "error", "Every value is there, finite and in its range.", value=0)
    numeric = [column for column in panel.columns if column not in (GEO, DATE, SOURCE_ROW)]
    masked = _masks(config.enhanced_cleaning.missing_data)
    if KPI in panel and is_sound_weekly(panel, numeric, masked):
        return fine
    found = violations(weekly_schema([KPI, *(column for column in numeric if column != KPI)], masked), panel)
    if found is None:
        return fine
    weeks = pd.to_datetime(panel[DATE]).dt.strftime("%Y-%m-%d")
    broken = found.describe(weeks, "week", {})
    message = f"Geo {panel[GEO].iloc[0]}: {broken}. Correct the source, or the cleaning settings."
    table = found.table(weeks, "week", {})
    return CheckResult("schema", False, "error", message, value=len(found.cases), table=table)


def _masks(settings: MissingDataConfig) -> bool:
    """Whether cleaning may leave weeks without KPI."""
    outages = bool(settings.outages) or settings.outage_detection
    return settings.strategy in ("mask", "campaign_aware") or (outages and settings.outage_action == "mask")


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
    table = tuple({"week": f"{date:%Y-%m-%d}"} for date in wrong[:10])
    return CheckResult("consecutive_weeks", not len(wrong), "error", message, len(wrong), 0, table)
