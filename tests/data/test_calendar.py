import datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.data import calendar


@pytest.mark.parametrize(
    ("step", "grain"), [(1, "daily"), (7, "weekly"), (14, "irregular"), (30, "irregular"), (2, "irregular")]
)
def test_grain_is_the_commonest_distance(step: int, grain: str) -> None:
    dates = pd.date_range("2023-01-01", periods=40, freq=f"{step}D")
    assert calendar.grain_of(dates) == grain
    assert calendar.grain_of(dates.delete([3, 9]).append(dates[:2])) == grain


def test_single_date_counts_as_weekly() -> None:
    assert calendar.grain_of(pd.DatetimeIndex(["2023-01-01"])) == "weekly"


def test_dates_off_the_usual_weekday_are_named() -> None:
    dates = pd.date_range("2023-01-02", periods=10, freq="7D").append(pd.DatetimeIndex(["2023-01-04"]))
    assert calendar.off_weekday(dates).tolist() == [pd.Timestamp("2023-01-04")]


@given(st.dates(datetime.date(1990, 1, 1), datetime.date(2060, 1, 1)), st.sampled_from(calendar.WEEKDAYS))
def test_week_start_is_the_last_such_weekday_before_or_on_the_date(day: datetime.date, weekday: str) -> None:
    start = day
    while start.strftime("%A").lower() != weekday:
        start -= datetime.timedelta(days=1)
    assert calendar.week_starts(pd.DatetimeIndex([day]), weekday)[0] == pd.Timestamp(start)


@given(st.integers(1, 40), st.integers(0, 6), st.sampled_from(calendar.WEEKDAYS))
def test_whole_weeks_are_those_with_all_seven_days(n_days: int, offset: int, weekday: str) -> None:
    days = pd.date_range(pd.Timestamp("2023-01-02") + pd.Timedelta(days=offset), periods=n_days, freq="1D")
    expected = [
        day for day in days if day.strftime("%A").lower() == weekday and day + pd.Timedelta(days=6) <= days[-1]
    ]
    assert calendar.whole_weeks(days, weekday).tolist() == expected


def test_weekly_data_with_many_gaps_is_still_weekly() -> None:
    dates = pd.date_range("2023-01-02", periods=8, freq="7D").delete([1, 3, 5])
    assert calendar.grain_of(dates) == "weekly"
    assert calendar.grain_of(dates.append(pd.DatetimeIndex(["2023-03-01"]))) == "irregular"


def test_expected_dates_lie_between_first_and_last() -> None:
    weeks = pd.date_range("2023-01-04", periods=5, freq="7D")
    assert calendar.expected_dates(weeks.delete([1, 2]), "weekly", "monday").equals(weeks)
    days = pd.date_range("2023-01-01", "2023-01-17").delete([1, 5])
    expected = calendar.expected_dates(days, "daily", "monday")
    assert expected.equals(pd.date_range("2023-01-02", "2023-01-15"))
    assert len(calendar.expected_dates(days[:5], "daily", "monday")) == 0


def test_long_lists_of_dates_are_cut() -> None:
    dates = pd.date_range("2023-01-02", periods=7, freq="7D")
    assert calendar.iso(dates[:2]) == "2023-01-02, 2023-01-09 (2 in all)"
    assert calendar.iso(dates).endswith("2023-01-30, … (7 in all)")
