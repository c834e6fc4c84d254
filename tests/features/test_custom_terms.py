import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.custom_terms import custom_terms
from mmm_core.features.source_columns import source_columns

WEEKS = pd.date_range("2023-01-02", periods=6, freq="7D")
PANEL = pd.DataFrame(
    {
        "kpi": 1.0,
        "control__temperature": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "extra__paid search": [0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        "treatment__promo": 7.0,
        "extra__promo": 8.0,
        "spend__tv": 3.0,
    }
)


def terms(**formulas: str) -> dict[str, list[float]]:
    attribution = {"conversions": {"tv": "tv_conversions"}}
    config = Config.model_validate(
        {"data": {"kpi_col": "orders"}, "features": {"custom_terms": formulas, "attribution": attribution}}
    )
    found = custom_terms(WEEKS, "a", source_columns(PANEL) | {"orders": np.ones(6)}, config)
    return {name: values.tolist() for name, values in found.items()}


def test_source_columns_go_by_their_own_names() -> None:
    found = source_columns(PANEL)
    assert set(found) == {"temperature", "paid search", "promo"}
    assert found["promo"].tolist() == [8.0] * 6


def test_terms_are_formulas_over_the_weeks_of_the_geo() -> None:
    found = terms(late="lag(temperature, 2)", heat="max(temperature - 4, 0) ** 2", both="`paid search` * month()")
    assert found == {
        "term__late": [1.0, 1.0, 1.0, 2.0, 3.0, 4.0],
        "term__heat": [0.0, 0.0, 0.0, 0.0, 1.0, 4.0],
        "term__both": [0.0, 1.0, 0.0, 1.0, 0.0, 2.0],
    }


def test_value_that_is_no_number_is_refused_by_key_and_week() -> None:
    with pytest.raises(
        DataError, match=r"custom_terms\.x \(log.*no finite value in geo a, 2023-01-02, 2023-01-16"
    ):
        terms(x="log(`paid search`)")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("lag(temprature, 1)", r"custom_terms\.x names the column 'temprature'.*nearest: temperature"),
        ("lag(orders, 1)", r"custom_terms\.x names orders, which is an outcome of media"),
        ("log(tv_conversions)", r"custom_terms\.x names tv_conversions, which is an outcome of media"),
        ("temperature +", r"custom_terms\.x"),
    ],
)
def test_wrong_formulas_are_refused_with_their_key(formula: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        terms(x=formula)
