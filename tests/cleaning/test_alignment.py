"""Weekly dates that are not the first day of the week."""

import pandas as pd
import pytest

from mmm_core.cleaning.clean import clean_panel
from mmm_core.errors import DataError
from tests.panels import MAPPING, config, panel, source_rows

ALIGN = {"week_alignment": "align"}


def test_weekly_dates_move_to_the_first_day_of_their_week() -> None:
    raw = panel(source_rows(10, start="2023-01-04"))
    cleaned = clean_panel(raw, MAPPING, config(enhanced_cleaning=ALIGN))
    assert cleaned.panel["date"].tolist() == list(pd.date_range("2023-01-02", periods=10, freq="7D"))
    assert cleaned.changes["rule"].unique().tolist() == ["moved to the first day of its week (monday)"]
    assert cleaned.changes["column"].unique().tolist() == ["(row)"]
    assert cleaned.changes["date"].tolist() == raw["date"].tolist()
    assert cleaned.changes["before"].tolist() == raw["source_row"].tolist() == cleaned.changes["after"].tolist()
    assert not cleaned.notes


def test_single_dates_off_the_weekday_move_too() -> None:
    raw = panel(source_rows(10))
    raw.loc[[3, 7], "date"] += pd.to_timedelta([2, 6], unit="D")
    cleaned = clean_panel(raw, MAPPING, config(enhanced_cleaning=ALIGN))
    assert cleaned.panel["date"].diff().dropna().eq(pd.Timedelta(days=7)).all()
    assert cleaned.changes["before"].tolist() == [5.0, 9.0]
    with pytest.raises(DataError, match=r"or set enhanced_cleaning\.week_alignment to align"):
        clean_panel(raw, MAPPING, config())


def test_two_dates_of_one_week_are_duplicates() -> None:
    raw = panel(source_rows(10))
    raw.loc[3, "date"] -= pd.Timedelta(days=2)
    with pytest.raises(DataError, match="a date occurs twice"):
        clean_panel(raw, MAPPING, config(enhanced_cleaning=ALIGN))


def test_daily_data_is_not_moved() -> None:
    raw = panel(source_rows(28, step_days=1))
    aligned = clean_panel(raw, MAPPING, config(enhanced_cleaning=ALIGN))
    assert aligned.changes.empty
    pd.testing.assert_frame_equal(aligned.panel, clean_panel(raw, MAPPING, config()).panel)


def test_dates_that_are_far_from_weekly_are_refused() -> None:
    with pytest.raises(DataError, match="usually 3 days apart"):
        clean_panel(panel(source_rows(20, step_days=3)), MAPPING, config(enhanced_cleaning=ALIGN))
