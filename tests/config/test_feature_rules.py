"""Every rule about several keys of `features`, by the key that it names."""

from typing import Any

import pytest

from mmm_core.config.feature_rules import FEATURE_RULES, event_period
from mmm_core.config.keys import dotted
from mmm_core.config.schema import Config

DATA = {"kpi_col": "orders", "channel_map": {"tv": "tv_cost"}, "controls": ["weather"]}


def problems(data: dict[str, Any] = DATA, **features: Any) -> dict[str, str]:
    config = Config.model_validate({"data": data, "features": features})
    return {dotted(problem.path): problem.message for rule in FEATURE_RULES for problem in rule(config)}


def test_a_full_section_has_no_problems() -> None:
    assert (
        problems(
            seasonality={"calendar_effects": ["month_end", "year_end"]},
            holidays={"country": "US", "names": ["Christmas", "Thanksgiving"], "lead_weeks": 1},
            events={"sale": {"dates": ["2023-11-24", "2023-12-01/2023-12-03"]}},
            custom_terms={"late": "lag(price, 1)"},
            baseline={"trend": "linear", "price_cols": ["price"], "macro_cols": ["gdp"]},
            creative_fatigue={"enabled": True, "age_cols": {"tv": "age"}},
            attribution={"enabled": True, "conversions": {"tv": "claimed"}},
        )
        == {}
    )


@pytest.mark.parametrize(
    ("features", "key", "message"),
    [
        ({"events": {"sale": {}}}, "features.events.sale.dates", "is empty"),
        ({"events": {"sale": {"dates": ["24.11.2023"]}}}, "features.events.sale.dates[0]", "a day YYYY-MM-DD"),
        ({"events": {"a__b": {"dates": ["2023-11-24"]}}}, "features.events.a__b", "without `__`"),
        ({"events": {"holidays": {"dates": ["2023-11-24"]}}}, "features.events.holidays", "every model"),
        ({"events": {"tv": {"dates": ["2023-11-24"]}}}, "features.events.tv", "is also data.channel_map.tv"),
        ({"custom_terms": {"weather": "x"}}, "features.custom_terms.weather", "is also data.controls"),
        (
            {"custom_terms": {"trend": "x"}, "baseline": {"trend": "linear"}},
            "features.custom_terms.trend",
            "is also features.baseline.trend",
        ),
        (
            {"events": {"x": {"dates": ["2023-11-24"]}}, "custom_terms": {"x": "y"}},
            "features.custom_terms.x",
            "is also features.events.x",
        ),
        ({"baseline": {"price_cols": ["orders"]}}, "features.baseline.price_cols[0]", "cannot explain itself"),
        (
            {"baseline": {"price_cols": ["p"], "macro_cols": ["q", "p"]}},
            "features.baseline.macro_cols[1]",
            "already features.baseline.price_cols[0]",
        ),
        ({"holidays": {"country": "US", "names": ["Public"]}}, "features.holidays.names[0]", "all others"),
        ({"holidays": {"country": "US", "names": ["a", "A"]}}, "features.holidays.names[1]", "listed twice"),
        ({"holidays": {"lag_weeks": 1}}, "features.holidays.lag_weeks", "no effect without holidays"),
        ({"creative_fatigue": {"enabled": True}}, "features.creative_fatigue.age_cols", "is empty"),
        (
            {"creative_fatigue": {"age_cols": {"TV": "age"}}},
            "features.creative_fatigue.age_cols.TV",
            "Did you mean tv?",
        ),
        ({"attribution": {"enabled": True}}, "features.attribution.conversions", "is empty"),
        (
            {"seasonality": {"calendar_effects": ["month_end", "month_end"]}},
            "features.seasonality.calendar_effects[1]",
            "listed twice",
        ),
    ],
)
def test_each_problem_is_found_at_its_key(features: dict[str, Any], key: str, message: str) -> None:
    found = problems(**features)
    assert list(found) == [key]
    assert message in found[key]


@pytest.mark.parametrize("written", ["", "2023", "20231124", "2023-W01-1", "2023-11-31", "2023-01-02/2023-01-01"])
def test_what_is_no_period(written: str) -> None:
    assert event_period(written) is None
