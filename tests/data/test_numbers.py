import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.data.numbers import as_text, dates_or_text, numbers_or_text, parsed_dates


def test_column_of_numbers_with_gaps_becomes_numbers() -> None:
    result = numbers_or_text(pd.Series(["1", " 2.5 ", None, "NA", "", "n/a", "-3e2", "NaN", "null"]))
    np.testing.assert_array_equal(result, [1, 2.5, *[np.nan] * 4, -300, np.nan, np.nan])


@pytest.mark.parametrize("word", ["abc", "1,5", "12 %", "$3", "1 2", "--1", "2023-01-01"])
def test_one_word_keeps_the_whole_column_as_text(word: str) -> None:
    result = numbers_or_text(pd.Series(["1", word, None]))
    assert result.tolist() == ["1", word, None]


def test_infinity_is_a_number_for_the_schema_to_refuse() -> None:
    assert np.isposinf(numbers_or_text(pd.Series(["1", "inf"]))[1])


def test_true_and_false_count_as_one_and_zero() -> None:
    assert numbers_or_text(pd.Series([True, False])).tolist() == [1, 0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_written_numbers_come_back(values: list[float]) -> None:
    result = numbers_or_text(pd.Series([repr(value) for value in values], dtype=object))
    np.testing.assert_array_equal(result.to_numpy(dtype=float), values)


def test_text_of_numbers_has_no_decimal_point_where_it_is_whole() -> None:
    assert as_text(pd.Series([1.0, np.nan, 20.0])).tolist() == ["1", None, "20"]
    assert as_text(pd.Series([1.5, 2.0])).tolist() == ["1.5", "2.0"]
    assert as_text(pd.Series([7, 8])).tolist() == ["7", "8"]


@pytest.mark.parametrize(
    "written",
    ["2023-01-31", " 2023-01-31 ", "2023-01-31T23:59:59+14:00", "2023-01-31 00:00:00", "20230131"],
)
def test_date_is_the_written_calendar_day(written: str) -> None:
    dates = dates_or_text(pd.Series([written]))
    assert dates.dtype == "datetime64[ns]"
    assert dates[0] == pd.Timestamp("2023-01-31")


@pytest.mark.parametrize("written", ["01/02/2023", "2023-02-30", "soon", "44957", "0001-01-01"])
def test_what_is_no_unambiguous_date_stays_text(written: str) -> None:
    dates = dates_or_text(pd.Series(["2023-01-31", written]))
    assert dates.tolist() == ["2023-01-31", written]
    assert parsed_dates(dates).isna().tolist() == [False, True]


def test_timestamps_lose_time_and_zone() -> None:
    stamps = pd.Series(pd.to_datetime(["2023-01-31 22:00"]).tz_localize("America/New_York"))
    assert dates_or_text(stamps)[0] == pd.Timestamp("2023-01-31")


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
def test_typed_dates_are_days_and_those_of_impossible_years_are_none(zone: str | None) -> None:
    typed = pd.Series(
        np.array(["2024-02-29T23:30", "9999-12-31T00:00", "NaT", "1699-12-31", "2200-12-31"], dtype="M8[s]")
    ).dt.tz_localize(zone)
    days = parsed_dates(typed)
    assert days.dtype == "datetime64[ns]"
    assert days.astype(str).tolist() == ["2024-02-29", "NaT", "NaT", "NaT", "2200-12-31"]
