import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.baseline import baseline_series, trend_terms

WEEKS = pd.date_range("2023-01-02", periods=8, freq="7D")
PRICE = np.array([2.0, 4.0, 4.0, 8.0, 8.0, 4.0, 2.0, 4.0])


def series(values: np.ndarray = PRICE, **baseline: object) -> dict[str, np.ndarray]:
    config = Config.model_validate({"data": {"kpi_col": "orders"}, "features": {"baseline": baseline}})
    source = {"price": values, "stores": np.arange(8.0), "flat": np.full(8, 0.1), "orders": PRICE}
    return baseline_series(WEEKS, "a", source, config)


@given(st.integers(2, 300), st.integers(0, 60))
@settings(max_examples=25, deadline=None)
def test_trend_of_old_weeks_does_not_move_when_weeks_are_appended(n_weeks: int, more: int) -> None:
    dates = pd.date_range("2020-02-03", periods=n_weeks + more, freq="7D")
    old, new = (trend_terms(dates[:n].to_numpy(), "quadratic") for n in (n_weeks, n_weeks + more))
    for name, values in old.items():
        np.testing.assert_array_equal(new[name][:n_weeks], values)
    years = [(day - datetime.date(2020, 2, 3)).days / 365.25 for day in dates.date]
    np.testing.assert_allclose(new["baseline__trend"], years)
    np.testing.assert_allclose(new["baseline__trend_squared"], np.square(years))


def test_trend_is_as_long_as_configured() -> None:
    assert trend_terms(WEEKS.to_numpy(), "none") == {}
    assert list(trend_terms(WEEKS.to_numpy(), "linear")) == ["baseline__trend"]


def test_each_kind_of_series_is_measured_against_the_geos_mean() -> None:
    found = series(price_cols=("price",), distribution_cols=("st*",), macro_cols=("flat",))
    assert list(found) == ["baseline__price", "baseline__stores", "baseline__flat"]
    np.testing.assert_allclose(found["baseline__price"], np.log(PRICE / 4.5))
    np.testing.assert_allclose(found["baseline__stores"], np.arange(8.0) - 3.5)
    assert found["baseline__flat"].tolist() == [0.0] * 8
    macro = series(macro_cols=("price",))["baseline__price"]
    assert macro.mean() == pytest.approx(0)
    assert macro.std() == pytest.approx(1)


def test_refresh_moves_a_price_by_one_constant() -> None:
    """What a geo's intercept takes up."""
    difference = series(np.append(PRICE[:-1], 40.0), price_cols=("price",))["baseline__price"] - np.log(PRICE)
    assert np.ptp(difference[:-1]) == pytest.approx(0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.0, r"price_cols: column price of geo a is not above 0 in 2023-01-16"),
        (np.nan, "has no value in 2023-01-16"),
    ],
)
def test_impossible_prices_are_refused_by_week(value: float, message: str) -> None:
    values = PRICE.copy()
    values[2] = value
    with pytest.raises(DataError, match=message):
        series(values, price_cols=("price",))


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ({"price_cols": ["price"], "macro_cols": ["p*"]}, r"macro_cols names price, which is in another list"),
        ({"macro_cols": ["gdp"]}, r"macro_cols names gdp, which the clean panel does not have"),
        ({"macro_cols": ["ord*"]}, r"macro_cols names orders, which is an outcome"),
    ],
)
def test_wrong_columns_are_refused_with_their_key(baseline: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"features\.baseline\.{message}"):
        series(**baseline)
