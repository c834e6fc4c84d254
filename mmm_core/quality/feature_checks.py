"""Checks of one geo's features."""

from collections.abc import Mapping

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.panel import CONTROL, DATE, GEO, HOLIDAY, SEASON, TREATMENT, with_prefix
from mmm_core.data.public_holidays import holiday_columns
from mmm_core.quality.check import CheckResult
from mmm_core.quality.clean_checks import check_weekly_schema

FEATURE_CHECKS: Mapping[str, str] = {
    "schema": "Every value is there (a masked KPI apart), finite and in its range",
    "seasonality_terms": "As many seasonality terms as features.seasonality asks for",
    "holiday_columns": "The holiday columns that features.holidays asks for",
    "constant_columns": "Controls vary over weeks",
}
"""Check name -> what it looks at, in the order of the results."""


def check_features(panel: pd.DataFrame, config: Config) -> list[CheckResult]:
    """All checks of `FEATURE_CHECKS`, in that order.

    Args:
        panel: one geo's features, at least one row.
        config: `features.seasonality` and `features.holidays` say which terms there should be.
    """
    panel = panel.reset_index(drop=True)
    return [
        check_weekly_schema(panel, config),
        _seasonality_terms(panel, config),
        _holiday_columns(panel, config),
        _constant_columns(panel),
    ]


def _seasonality_terms(panel: pd.DataFrame, config: Config) -> CheckResult:
    found = len(with_prefix(panel.columns, SEASON))
    expected = 2 * config.features.seasonality.annual_fourier_order
    message = f"{found} seasonality terms."
    if found != expected:
        message = (
            f"Geo {panel[GEO].iloc[0]} has {found} seasonality columns, but "
            f"features.seasonality.annual_fourier_order asks for {expected}; materialize features again."
        )
    return CheckResult("seasonality_terms", found == expected, "error", message, found, expected)


def _holiday_columns(panel: pd.DataFrame, config: Config) -> CheckResult:
    found, expected = with_prefix(panel.columns, HOLIDAY), holiday_columns(config.features.holidays)
    message = f"{len(found)} holiday columns."
    if found != expected:
        message = (
            f"Geo {panel[GEO].iloc[0]} has the holiday columns {', '.join(found) or 'none'}, but "
            f"features.holidays asks for {', '.join(expected) or 'none'}; materialize features again."
        )
    return CheckResult("holiday_columns", found == expected, "error", message, len(found), len(expected))


def _constant_columns(panel: pd.DataFrame) -> CheckResult:
    columns = with_prefix(panel.columns, CONTROL, TREATMENT, SEASON)
    constant = [column for column in columns if panel[column].nunique() <= 1]
    message = "Every control varies over weeks."
    if constant:
        names = ", ".join(column.removeprefix(CONTROL).removeprefix(TREATMENT) for column in constant)
        message = (
            f"Geo {panel[GEO].iloc[0]}: {names} never changes between {panel[DATE].min():%Y-%m-%d} and "
            f"{panel[DATE].max():%Y-%m-%d}, so it can explain only differences between geos; check the column."
        )
    return CheckResult("constant_columns", not constant, "warn", message, len(constant), 0)
