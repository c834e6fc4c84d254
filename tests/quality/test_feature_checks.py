from typing import Any

import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.build import build_features
from mmm_core.quality.check import CheckResult
from mmm_core.quality.feature_checks import FEATURE_CHECKS, check_features

CLEAN = pd.DataFrame(
    {
        "geo": "a",
        "date": pd.date_range("2023-01-02", periods=40, freq="7D"),
        "kpi": [float(n % 7) for n in range(40)],
        "extra__price": [2.0 + n % 3 for n in range(40)],
    }
)
EVERYTHING: dict[str, Any] = {
    "seasonality": {
        "annual_fourier_order": 1,
        "monthly_fourier_order": 1,
        "calendar_effects": ["month_end"],
    },
    "holidays": {"country": "US", "lag_weeks": 1},
    "events": {"sale": {"dates": ["2023-02-06/2023-02-15"]}},
    "custom_terms": {"late": "lag(price, 1) - 5"},
    "baseline": {"trend": "quadratic", "price_cols": ["pri*"]},
}


NOTHING = {"seasonality": {"annual_fourier_order": 0}}


def config(features: dict[str, Any]) -> Config:
    return Config.model_validate({"features": features})


def check(panel: pd.DataFrame, features: dict[str, Any]) -> dict[str, CheckResult]:
    results = check_features(panel, config(features))
    assert [result.name for result in results] == list(FEATURE_CHECKS)
    return {result.name: result for result in results}


def test_what_was_built_passes_the_checks_of_the_same_configuration() -> None:
    results = check(build_features(CLEAN, config(EVERYTHING)), EVERYTHING)
    assert [result.message for result in results.values() if not result.passed] == []
    assert results["seasonality_terms"].value == 4


@pytest.mark.parametrize(
    ("key", "name", "check_name"),
    [
        ("seasonality", "season__month_sin_1, season__month_cos_1", "seasonality_terms"),
        ("holidays", "holiday__public_lag_1", "holiday_columns"),
        ("events", "event__sale", "configured_terms"),
        ("custom_terms", "term__late", "configured_terms"),
        ("baseline", "baseline__trend, baseline__trend_squared", "configured_terms"),
    ],
)
def test_terms_that_are_missing_block_by_name(key: str, name: str, check_name: str) -> None:
    without = build_features(CLEAN, config(EVERYTHING | {key: NOTHING.get(key, {})}))
    result = check(without, EVERYTHING)[check_name]
    assert result.blocks
    if check_name == "configured_terms":
        assert f"lacks the terms {name} of features" in result.message


def test_terms_of_another_configuration_block() -> None:
    result = check(build_features(CLEAN, config(EVERYTHING)), EVERYTHING | {"custom_terms": {}})[
        "configured_terms"
    ]
    assert result.blocks
    assert "has term__late beyond them" in result.message


def test_events_of_the_source_are_no_surplus() -> None:
    panel = CLEAN.assign(**{"event__promo: summer": [0.5, 0.5] + [0.0] * 38})
    assert check(panel, {"event_cols": ["promo"]})["configured_terms"].passed


def test_terms_may_be_negative_and_events_may_not() -> None:
    panel = build_features(CLEAN, config(EVERYTHING))
    assert check(panel.assign(term__late=-1.0), EVERYTHING)["schema"].passed
    result = check(panel.assign(event__sale=-1.0), EVERYTHING)["schema"]
    assert result.blocks
    assert "event__sale" in result.message


def test_constant_terms_and_events_of_one_week_are_named_as_configured() -> None:
    panel = CLEAN.assign(term__flat=1.0, event__once=[1.0] + [0.0] * 39)
    results = check(
        panel, {"events": {"once": {"dates": ["2023-01-02"]}}, "custom_terms": {"flat": "1 + 0 * price"}}
    )
    assert not results["constant_columns"].passed
    assert "flat never changes" in results["constant_columns"].message
    assert "once is on in a single week" in results["rare_events"].message
    assert not results["rare_events"].blocks
