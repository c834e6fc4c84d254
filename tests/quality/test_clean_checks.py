from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.cleaning.clean import clean_panel
from mmm_core.config.schema import Config
from mmm_core.data.contracts import calendar_terms, clean_panel_schema, features_schema
from mmm_core.features.build import build_features
from mmm_core.quality.check import CheckResult
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS, check_clean_panel
from mmm_core.quality.feature_checks import FEATURE_CHECKS, check_features
from mmm_core.quality.violations import violations
from tests.panels import MAPPING, WIDE_MAPPING, WIDE_SECTION, config, panel, source_rows, wide_rows

FLAG = {"enhanced_cleaning": {"outliers": {"policy": "flag"}}}


def cleaned(n_weeks: int = 60) -> pd.DataFrame:
    return clean_panel(panel(source_rows(n_weeks)), MAPPING, config()).panel


def check(frame: pd.DataFrame, **sections: Any) -> dict[str, CheckResult]:
    results = check_clean_panel(frame, config(**sections))
    assert [result.name for result in results] == list(CLEAN_PANEL_CHECKS)
    return {result.name: result for result in results}


def seasonal(order: int) -> Config:
    return config(features={"seasonality": {"annual_fourier_order": order}})


def test_cleaned_panel_passes() -> None:
    assert all(result.passed for result in check(cleaned()).values())


def test_contract_of_the_stages_accepts_their_output() -> None:
    frame = cleaned()
    assert violations(clean_panel_schema(MAPPING), frame) is None
    features = build_features(frame, seasonal(2))
    assert violations(features_schema(MAPPING, calendar_terms(features.columns)), features) is None
    broken = violations(clean_panel_schema(MAPPING), frame.drop(columns="kpi"))
    assert broken is not None
    assert broken.cases["column"].tolist() == ["kpi"]


@pytest.mark.parametrize(
    ("column", "value"), [("kpi", np.nan), ("spend__tv", -1.0), ("control__weather", np.inf), ("population", 0.0)]
)
def test_value_that_cleaning_should_have_removed_blocks(column: str, value: float) -> None:
    frame = cleaned()
    frame.loc[4, column] = value
    result = check(frame, enhanced_cleaning={"missing_data": {"strategy": "simple"}})["schema"]
    assert result.blocks
    assert column in result.message
    assert "2023-01-30" in result.message


def test_masked_kpi_may_be_missing_but_not_infinite() -> None:
    frame = cleaned()
    frame.loc[4, "kpi"] = np.nan
    assert all(result.passed for result in check(frame).values())
    assert violations(clean_panel_schema(MAPPING, masked=True), frame) is None
    assert violations(clean_panel_schema(MAPPING), frame) is not None
    frame.loc[4, "kpi"] = np.inf
    assert check(frame)["schema"].blocks
    frame = cleaned()
    frame.loc[4, "spend__tv"] = np.nan
    assert check(frame)["schema"].blocks


def test_cost_of_reach_is_judged_per_contact() -> None:
    raw = panel(wide_rows(60), mapping=WIDE_MAPPING)
    frame = clean_panel(raw, WIDE_MAPPING, config(data=WIDE_SECTION)).panel
    assert check(frame)["cost_per_media_unit"].passed
    week = int(np.flatnonzero(frame["reach__video"] > 0)[3])
    frame.loc[week, "frequency__video"] *= 50
    assert [row["channel"] for row in check(frame)["cost_per_media_unit"].table] == ["video"]


def test_number_stored_as_text_blocks() -> None:
    result = check(cleaned().astype({"spend__tv": str}))["schema"]
    assert result.blocks
    assert "float64" in result.message


def test_weeks_out_of_order_or_missing_block() -> None:
    assert check(cleaned().drop(index=[5]))["consecutive_weeks"].blocks
    assert check(cleaned().iloc[::-1])["consecutive_weeks"].blocks


def test_constant_kpi_warns() -> None:
    result = check(cleaned().assign(kpi=7.0))["kpi_variation"]
    assert not result.passed
    assert not result.blocks
    assert not check(cleaned().assign(kpi=0.0))["kpi_variation"].passed


def test_week_with_a_strange_price_warns() -> None:
    frame = cleaned()
    week = int(np.flatnonzero(frame["spend__tv"] > 0)[3])
    frame.loc[week, "spend__tv"] *= 30
    result = check(frame)["cost_per_media_unit"]
    assert not result.passed
    assert result.table[0]["week"] == f"{frame['date'][week]:%Y-%m-%d}"


def test_outliers_are_reported_only_where_asked() -> None:
    frame = cleaned()
    frame.loc[8, "kpi"] = 50 * frame["kpi"].max()
    assert check(frame)["outliers"].passed
    result = check(frame, **FLAG)["outliers"]
    assert not result.passed
    assert {"column": "kpi", "week": "2023-02-27", "value": frame["kpi"][8]} in result.table


def test_features_pass_their_checks() -> None:
    results = check_features(build_features(cleaned(), seasonal(2)), seasonal(2))
    assert [result.name for result in results] == list(FEATURE_CHECKS)
    assert all(result.passed for result in results)


def test_features_of_another_configuration_block() -> None:
    results = check_features(build_features(cleaned(), seasonal(1)), seasonal(2))
    assert [result.name for result in results if result.blocks] == ["seasonality_terms"]


def test_holidays_of_another_configuration_block() -> None:
    settings = config(features={"holidays": {"country": "US", "names": ["Christmas"]}})
    frame = build_features(cleaned(), settings)
    assert all(result.passed for result in check_features(frame, settings))
    results = check_features(frame, config(features={"holidays": {"country": "US"}}))
    assert [result.name for result in results if result.blocks] == ["holiday_columns"]
    frame.loc[3, "holiday__public"] = 8.0
    assert [result.name for result in check_features(frame, settings) if result.blocks] == ["schema"]


def test_constant_control_warns() -> None:
    results = check_features(cleaned().assign(control__weather=1.0), seasonal(0))
    assert [result.name for result in results if not result.passed] == ["constant_columns"]
    constant = next(result for result in results if result.name == "constant_columns")
    assert "weather never changes" in constant.message
