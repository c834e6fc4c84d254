"""Checks of one geo's features."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.annual_terms import most_annual_pairs
from mmm_core.data.panel import (
    BASELINE,
    CALENDAR,
    CONTROL,
    DATE,
    EVENT,
    GEO,
    HOLIDAY,
    SEASON,
    TERM,
    TREATMENT,
    with_prefix,
)
from mmm_core.data.patterns import is_pattern
from mmm_core.data.public_holidays import holiday_columns
from mmm_core.quality.check import CheckResult, with_severities
from mmm_core.quality.clean_checks import check_weekly_schema

FEATURE_CHECKS: Mapping[str, str] = {
    "schema": "Every value is there (a masked KPI apart), finite and in its range",
    "seasonality_terms": "As many seasonality terms as features.seasonality asks for",
    "holiday_columns": "The holiday columns that features.holidays asks for",
    "configured_terms": "The calendar effects, events, custom and baseline terms that features asks for",
    "constant_columns": "Controls vary over weeks",
    "rare_events": "Events are on in more than one week",
}
"""Check name -> what it looks at, in the order of the results."""
_VARYING = (CONTROL, TREATMENT, TERM, BASELINE, SEASON)


def check_features(panel: pd.DataFrame, config: Config) -> list[CheckResult]:
    """All checks of `FEATURE_CHECKS`, in that order.

    Args:
        panel: one geo's features, at least one row.
        config: `features` says which terms there should be, `validation.severities` how bad a failure is.
    """
    panel = panel.reset_index(drop=True)
    found = [
        check_weekly_schema(panel, config),
        _seasonality_terms(panel, config),
        _holiday_columns(panel, config),
        _configured_terms(panel, config),
        _constant_columns(panel),
        _rare_events(panel),
    ]
    return with_severities(found, config)


def _seasonality_terms(panel: pd.DataFrame, config: Config) -> CheckResult:
    found = len(with_prefix(panel.columns, SEASON))
    seasonality = config.features.seasonality
    expected = 2 * (most_annual_pairs(config) + seasonality.monthly_fourier_order)
    message = f"{found} seasonality terms."
    if found != expected:
        message = (
            f"Geo {panel[GEO].iloc[0]} has {found} seasonality columns, but features.seasonality "
            f"(annual_fourier_order, monthly_fourier_order) asks for {expected}; materialize features again."
        )
    return CheckResult("seasonality_terms", found == expected, "error", message, found, expected)


def _holiday_columns(panel: pd.DataFrame, config: Config) -> CheckResult:
    found, expected = with_prefix(panel.columns, HOLIDAY), holiday_columns(config.features.holidays)
    message = f"{len(found)} holiday columns."
    if found != expected:
        message = (
            f"Geo {panel[GEO].iloc[0]} has the holiday columns {_listed(found)}, but "
            f"features.holidays asks for {_listed(expected)}; materialize features again."
        )
    return CheckResult("holiday_columns", found == expected, "error", message, len(found), len(expected))


def _configured_terms(panel: pd.DataFrame, config: Config) -> CheckResult:
    """Every term that the configuration names is there, and no term of another configuration."""
    expected = tuple(_expected_terms(config))
    open_ended = _has_patterns(config)
    found = with_prefix(panel.columns, CALENDAR, EVENT, TERM, BASELINE)
    missing = [column for column in expected if column not in found]
    known_prefixes = (CALENDAR, TERM) if open_ended else (CALENDAR, TERM, BASELINE)
    surplus = [column for column in with_prefix(found, *known_prefixes) if column not in expected]
    message = f"{len(found)} calendar effects, events, custom and baseline terms."
    if missing or surplus:
        message = (
            f"Geo {panel[GEO].iloc[0]} lacks the terms {_listed(missing)} of features, and has {_listed(surplus)} "
            "beyond them; materialize features again."
        )
    n_wrong = len(missing) + len(surplus)
    return CheckResult("configured_terms", n_wrong == 0, "error", message, n_wrong, 0)


def _expected_terms(config: Config) -> Iterator[str]:
    """Panel columns that the configuration names one by one."""
    features, baseline = config.features, config.features.baseline
    yield from (f"{CALENDAR}{effect}" for effect in features.seasonality.calendar_effects)
    yield from (f"{EVENT}{name}" for name in features.events)
    yield from (f"{TERM}{name}" for name in features.custom_terms)
    if features.creative_fatigue.enabled and features.creative_fatigue.channels_as == "control":
        yield from (f"{TERM}creative_age_{channel}" for channel in features.creative_fatigue.age_cols)
    if baseline.trend != "none":
        yield f"{BASELINE}trend"
    if baseline.trend == "quadratic":
        yield f"{BASELINE}trend_squared"
    yield from (f"{BASELINE}{column}" for column in _baseline_items(config) if not is_pattern(column))


def _baseline_items(config: Config) -> tuple[str, ...]:
    baseline = config.features.baseline
    return (*baseline.price_cols, *baseline.distribution_cols, *baseline.macro_cols)


def _has_patterns(config: Config) -> bool:
    return any(is_pattern(item) for item in _baseline_items(config))


def _constant_columns(panel: pd.DataFrame) -> CheckResult:
    columns = with_prefix(panel.columns, *_VARYING)
    constant = [column for column in columns if panel[column].nunique() <= 1]
    message = "Every control varies over weeks."
    if constant:
        names = ", ".join(_plain(column) for column in constant)
        message = (
            f"Geo {panel[GEO].iloc[0]}: {names} never changes between {panel[DATE].min():%Y-%m-%d} and "
            f"{panel[DATE].max():%Y-%m-%d}, so it can explain only differences between geos; check the column."
        )
    return CheckResult("constant_columns", not constant, "warn", message, len(constant), 0)


def _rare_events(panel: pd.DataFrame) -> CheckResult:
    """An event of one week takes up whatever else happened in it, unless other geos have it too."""
    weeks = {column: int((panel[column] > 0).sum()) for column in with_prefix(panel.columns, EVENT)}
    once = [_plain(column) for column, n_weeks in weeks.items() if n_weeks == 1]
    message = "Events are on in several weeks."
    if once:
        message = (
            f"Geo {panel[GEO].iloc[0]}: {_listed(once)} is on in a single week, whose noise its effect takes up; "
            "combine it with similar events, or read its effect with care."
        )
    return CheckResult("rare_events", not once, "warn", message, len(once), 0)


def _plain(column: str) -> str:
    """Name of the column in the configuration."""
    for prefix in (CONTROL, TREATMENT, TERM, BASELINE, EVENT):
        column = column.removeprefix(prefix)
    return column


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(columns) or "none"
