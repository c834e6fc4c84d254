import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.features import HolidaysConfig
from mmm_core.data.public_holidays import holiday_columns, holidays_per_week
from mmm_core.errors import ConfigError


def weeks(start: str, n_weeks: int) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n_weeks, freq="7D")


def test_there_are_no_columns_without_a_country() -> None:
    assert holiday_columns(HolidaysConfig(names=("Christmas",))) == ()
    assert holidays_per_week(weeks("2023-01-02", 3), "a", HolidaysConfig()) == {}


def test_holidays_count_in_their_own_week() -> None:
    """United States 2023: Thanksgiving on 23 November, Christmas on 25 December, New Year on 1 January."""
    settings = HolidaysConfig(country="US", names=("thanksgiving", "Christmas"))
    counts = holidays_per_week(weeks("2023-11-20", 6), "a", settings)
    assert list(counts) == ["holiday__public", "holiday__thanksgiving", "holiday__Christmas"]
    assert counts["holiday__thanksgiving"].tolist() == [1, 0, 0, 0, 0, 0]
    assert counts["holiday__Christmas"].tolist() == [0, 0, 0, 0, 0, 1]
    assert counts["holiday__public"].tolist() == [0] * 6
    assert holidays_per_week(weeks("2024-01-01", 1), "a", settings)["holiday__public"].tolist() == [1]


def test_two_holidays_of_one_week_add_up() -> None:
    """Germany: 25 and 26 December 2023."""
    counts = holidays_per_week(weeks("2023-12-25", 1), "a", HolidaysConfig(country="DE"))
    assert counts["holiday__public"].tolist() == [2]


def test_each_geo_has_the_holidays_of_its_territory_or_region() -> None:
    """Corpus Christi, 8 June 2023, is a holiday in Bavaria and not in Berlin."""
    settings = HolidaysConfig(territories={"Munich": "DE-BY", "Berlin": "de-be"})
    june = weeks("2023-06-05", 1)
    assert holidays_per_week(june, "Munich", settings)["holiday__public"].tolist() == [1]
    assert holidays_per_week(june, "Berlin", settings)["holiday__public"].tolist() == [0]
    assert holidays_per_week(june, "Vienna", settings)["holiday__public"].tolist() == [0]


def test_names_are_english_where_the_calendar_knows_them() -> None:
    settings = HolidaysConfig(country="DE", names=("German Unity",))
    counts = holidays_per_week(weeks("2023-10-02", 1), "a", settings)
    assert counts["holiday__German Unity"].tolist() == [1]


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        (
            {"country": "Atlantis"},
            r"features\.holidays\.country is 'Atlantis', but there is no country 'ATLANTIS'",
        ),
        (
            {"territories": {"a": "DE-XX"}},
            r"territories\.a is 'DE-XX', but DE has no region 'XX'; allowed: BB",
        ),
    ],
)
def test_unknown_territories_are_refused_with_their_key(given_settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        holidays_per_week(weeks("2023-01-02", 2), "a", HolidaysConfig.model_validate(given_settings))


@settings(max_examples=25, deadline=None)
@given(offset=st.integers(0, 2000), n_weeks=st.integers(1, 60), more=st.integers(0, 20))
def test_every_day_of_the_calendar_counts_once_and_longer_panels_agree(
    offset: int, n_weeks: int, more: int
) -> None:
    """Oracle: Veterans Day and Christmas, whose dates never move."""
    chosen = HolidaysConfig(country="US", names=("Veterans", "Christmas"))
    start = datetime.date(2019, 1, 1) + datetime.timedelta(days=offset)
    counts = holidays_per_week(weeks(start.isoformat(), n_weeks), "a", chosen)
    days = [start + datetime.timedelta(days=day) for day in range(7 * n_weeks)]
    assert counts["holiday__Christmas"].sum() == sum((day.month, day.day) == (12, 25) for day in days)
    by_week = [sum((d.month, d.day) == (11, 11) for d in days[7 * w : 7 * w + 7]) for w in range(n_weeks)]
    assert [value == 1 for value in counts["holiday__Veterans"]] == [count == 1 for count in by_week]
    longer = holidays_per_week(weeks(start.isoformat(), n_weeks + more), "a", chosen)
    for column, values in counts.items():
        np.testing.assert_array_equal(longer[column][:n_weeks], values)


def test_weeks_around_a_holiday_have_columns_of_their_own() -> None:
    settings = HolidaysConfig(country="US", names=("Christmas",), lead_weeks=2, lag_weeks=1)
    counts = holidays_per_week(weeks("2023-12-11", 5), "a", settings)
    assert (
        tuple(counts)
        == holiday_columns(settings)
        == (
            "holiday__public",
            "holiday__Christmas",
            "holiday__public_lead_1",
            "holiday__Christmas_lead_1",
            "holiday__public_lead_2",
            "holiday__Christmas_lead_2",
            "holiday__public_lag_1",
            "holiday__Christmas_lag_1",
        )
    )
    assert counts["holiday__Christmas"].tolist() == [0, 0, 1, 0, 0]
    assert counts["holiday__Christmas_lead_1"].tolist() == [0, 1, 0, 0, 0]
    assert counts["holiday__Christmas_lead_2"].tolist() == [1, 0, 0, 0, 0]
    assert counts["holiday__Christmas_lag_1"].tolist() == [0, 0, 0, 1, 0]


@settings(max_examples=15, deadline=None)
@given(offset=st.integers(0, 1000), n_weeks=st.integers(1, 40))
def test_lead_and_lag_reach_beyond_the_ends_of_the_panel(offset: int, n_weeks: int) -> None:
    """Oracle: the holidays of a longer panel."""
    chosen = HolidaysConfig(country="DE", lead_weeks=3, lag_weeks=2)
    start = pd.Timestamp("2020-01-06") + pd.Timedelta(days=offset)
    counts = holidays_per_week(weeks(str(start), n_weeks), "a", chosen)
    longer = holidays_per_week(weeks(str(start - pd.Timedelta(weeks=2)), n_weeks + 5), "a", chosen)
    public = longer["holiday__public"]
    for k in (1, 2, 3):
        np.testing.assert_array_equal(counts[f"holiday__public_lead_{k}"], public[2 + k : 2 + k + n_weeks])
    for k in (1, 2):
        np.testing.assert_array_equal(counts[f"holiday__public_lag_{k}"], public[2 - k : 2 - k + n_weeks])
