"""Computed terms on their way into the model: roles, names, order, and what is left out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.aligned import align
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.model_data import ModelData
from tests.panels import MAPPING as WITH_EVERYTHING

MAPPING = replace(WITH_EVERYTHING, revenue_per_kpi=None, population=None)
FEATURES: dict[str, Any] = {
    "seasonality": {"annual_fourier_order": 1, "monthly_fourier_order": 1, "calendar_effects": ["month_end"]},
    "holidays": {"country": "US", "lead_weeks": 1},
    "events": {"sale": {"dates": ["2023-02-06/2023-02-15"], "geos": ["a"], "intensity": 20}},
    "custom_terms": {"rain": "lag(rainfall, 1)"},
    "baseline": {"trend": "quadratic", "price_cols": ["price"], "macro_cols": ["gdp"]},
}


def clean(geo: str, n_weeks: int = 60, start: str = "2023-01-02", seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng([seed, ord(geo[0])])
    media = {"spend__tv": rng.gamma(2, 1, n_weeks), "media__tv": rng.gamma(2, 100, n_weeks)}
    return pd.DataFrame(
        {
            "geo": geo,
            "date": pd.date_range(start, periods=n_weeks, freq="7D"),
            "kpi": rng.gamma(20, 10, n_weeks),
            **media,
            "spend__search": rng.gamma(2, 1, n_weeks),
            "control__weather": rng.normal(size=n_weeks),
            "extra__price": rng.gamma(20, 1, n_weeks),
            "extra__gdp": rng.normal(size=n_weeks),
            "extra__rainfall": rng.normal(size=n_weeks),
            "event__promo: summer": (np.arange(n_weeks) % 26 == 3) * 0.5,
            "age__search": np.arange(n_weeks) * 7.0,
            "attributed__tv": rng.gamma(2, 1, n_weeks),
        }
    )


def config(**features: Any) -> Config:
    return Config.model_validate({"features": FEATURES | features})


def assembled(
    *panels: pd.DataFrame, mapping: ColumnMapping = MAPPING, windows: dict[str, Any] | None = None, **features: Any
) -> ModelData:
    settings = config(**features).model_copy(update={"data": Config.model_validate({"data": windows or {}}).data})
    frames = {panel["geo"].iloc[0]: build_features(panel, settings) for panel in panels}
    return assemble_model_data(frames, mapping, settings, "v1")


def test_every_term_has_its_name_role_and_place() -> None:
    data = assembled(clean("a"), clean("b"))
    assert dict(zip(data.controls, data.control_roles, strict=True)) == {
        "weather": "control",
        "rain": "control",
        "trend": "control",
        "trend_squared": "control",
        "price": "control",
        "gdp": "control",
        "promo: summer": "non_media_treatment",
        "sale": "non_media_treatment",
        "holiday__public": "holiday",
        "holiday__public_lead_1": "holiday",
        "season__sin_1": "seasonality",
        "season__cos_1": "seasonality",
        "season__month_sin_1": "seasonality",
        "season__month_cos_1": "seasonality",
        "calendar__month_end": "seasonality",
    }
    assert list(data.controls).index("rain") == 1
    assert data.control_per_capita == (False,) * 15


def test_numbers_are_those_of_each_geos_features() -> None:
    panels = {geo: clean(geo) for geo in ("a", "b")}
    data = assembled(*panels.values())
    for g, panel in enumerate(panels.values()):
        frame = build_features(panel, config())
        for column, name in (("term__rain", "rain"), ("baseline__price", "price"), ("event__sale", "sale")):
            np.testing.assert_array_equal(data.control_values[g, :, data.controls.index(name)], frame[column])
    sale = data.control_values[:, :, data.controls.index("sale")]
    assert sale[0].max() == pytest.approx(20)
    assert not sale[1].any()


def test_trend_is_the_same_in_geos_that_begin_at_different_times() -> None:
    data = assembled(clean("a"), clean("b", 40, start="2023-05-22"))
    trend = data.control_values[:, :, data.controls.index("trend")]
    np.testing.assert_array_equal(trend[0, 20:], trend[1, 20:])
    assert trend[0, 0] == 0
    np.testing.assert_allclose(trend[0, -1], 59 * 7 / 365.25)


def test_terms_of_a_refresh_with_more_weeks_keep_their_old_values() -> None:
    old, new = (assembled(clean("a").iloc[:n]) for n in (52, 60))
    for name in ("trend", "trend_squared", "sale", "rain", "calendar__month_end", "holiday__public_lead_1"):
        before, after = (data.control_values[0, :52, data.controls.index(name)] for data in (old, new))
        np.testing.assert_array_equal(before, after)


def test_what_never_happens_in_the_window_is_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    panel = clean("a", 80).assign(extra__gdp=3.0)
    data = assembled(panel, windows={"windows": {"estimation_months": 12}})
    assert not {"sale", "gdp"} & set(data.controls)
    assert "left out of the model: gdp, sale" in caplog.text
    assert np.ptp(data.control_values[0], axis=0).min() > 0


def test_event_that_is_always_on_is_said_to_count_from_its_least(caplog: pytest.LogCaptureFixture) -> None:
    panel = clean("a")
    panel["event__promo: summer"] += 1
    assembled(panel)
    assert "count from their smallest value, not from 0: promo: summer (from 1)" in caplog.text


def test_lagged_terms_reach_into_the_weeks_before_the_window() -> None:
    panel = clean("a")
    panel.loc[:9, "kpi"] = np.nan
    data = assembled(panel)
    rain = data.control_values[0, :, data.controls.index("rain")]
    np.testing.assert_array_equal(rain, panel["extra__rainfall"][9:-1])
    assert data.lead_media.shape[1] == 8


def test_geo_without_a_row_has_the_mean_of_every_term() -> None:
    data = assembled(clean("a"), clean("b", 40, start="2023-05-22"))
    rain = data.control_values[:, :, data.controls.index("rain")]
    np.testing.assert_allclose(rain[1, :20], rain[data.present].mean())


def test_discounted_spend_becomes_media_and_stays_spend(caplog: pytest.LogCaptureFixture) -> None:
    panel = clean("a")
    fatigue = {"enabled": True, "age_cols": {"search": "first_seen"}, "half_life_weeks": 4}
    with caplog.at_level("INFO"):
        data = assembled(panel, creative_fatigue=fatigue)
        frame = build_features(panel, config(creative_fatigue=fatigue))
    np.testing.assert_array_equal(data.spend[0, :, 1], panel["spend__search"])
    np.testing.assert_allclose(data.media[0, :, 1], panel["spend__search"] * 0.5 ** (np.arange(60) / 4))
    np.testing.assert_array_equal(data.media[0, :, 0], panel["media__tv"])
    assert "Media of search in geo a were discounted" in frame.attrs["notes"][0]
    assert frame.attrs["notes"][0] in caplog.text


def test_age_of_creatives_may_be_a_control() -> None:
    fatigue = {"enabled": True, "age_cols": {"search": "first_seen"}, "channels_as": "control"}
    data = assembled(clean("a"), creative_fatigue=fatigue)
    age = data.control_values[0, :, data.controls.index("creative_age_search")]
    np.testing.assert_array_equal(age, np.arange(60) * 7.0)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            {"custom_terms": {"weather": "rainfall"}},
            r"custom_terms\.weather: the name weather is taken by data\.con",
        ),
        ({"custom_terms": {"tv": "rainfall"}}, r"custom_terms\.tv: the name tv is taken by data\.channel_map\.tv"),
        ({"custom_terms": {"seasonality": "price"}}, r"seasonality is the name of a component of every model"),
        (
            {"baseline": {"macro_cols": ["r*"]}, "custom_terms": {"rainfall": "price"}},
            "the name rainfall is taken",
        ),
        (
            {"events": {"promo: summer": {"dates": ["2023-02-06"]}}},
            "promo: summer is also a column of features.ev",
        ),
        ({"events": {"x": {"dates": ["2023-02-06"], "geos": ["z"]}}}, r"events\.x\.geos names z, but there is no"),
    ],
)
def test_names_that_mean_two_things_are_refused_with_their_key(features: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assembled(clean("a"), **features)


def test_week_that_occurs_twice_is_refused() -> None:
    frame = clean("a")
    with pytest.raises(DataError, match="geo a have a week twice"):
        align(["a"], [pd.concat([frame, frame.iloc[:1]])])
