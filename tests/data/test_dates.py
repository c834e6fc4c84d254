"""Written dates against a slow reading of each text, and never a day that could be another."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.data.dates import read_dates
from mmm_core.data.numbers import dates_or_text, parsed_dates, written_dates

DAYS = st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 12, 31))
CERTAIN = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%A, %d %B %Y",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT23:59:59.123456+14:00",
    "%Y-%m-%d 00:30 UTC",
    "%d.%m.%Y 13:45",
    "%B %d, %Y, 11:15 PM",
]


@settings(max_examples=300, deadline=None)
@given(DAYS, st.sampled_from(CERTAIN), st.booleans())
def test_certain_dates_come_back(day: datetime.date, form: str, short: bool) -> None:
    text = day.strftime(form)
    if short and form not in ("%Y%m%d",):
        text = re.sub(r"\b0(\d)\b(?!:)(?<!:0\d)", r"\1", text) if ":" not in form else text
    assert parsed_dates(pd.Series([f" {text} "]))[0] == pd.Timestamp(day)


@settings(max_examples=300, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=6), st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"]))
def test_day_and_month_are_told_apart_by_the_whole_column_or_not_at_all(
    days: list[datetime.date], form: str
) -> None:
    texts = list(dict.fromkeys(day.strftime(form) for day in days))
    read = read_dates(texts)
    readings = {first: [_slow(text, first) for text in texts] for first in ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y")}
    possible = [dates for dates in readings.values() if all(date is not None for date in dates)]
    assert possible
    if len({tuple(dates) for dates in possible}) == 1:
        assert read.days.astype("datetime64[D]").tolist() == possible[0]
        assert not read.undecided.any()
    else:
        assert read.undecided.any()
        for found, one, other in zip(read.days.astype("datetime64[D]").tolist(), *possible, strict=True):
            assert found == (one if one == other else None)


def _slow(text: str, form: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text, form.format(text[2])).date()
    except ValueError:
        return None


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789-/. :TZJanFebr+"), max_size=12))
def test_any_other_text_is_no_date(text: str) -> None:
    read = read_dates([text])
    if not np.isnat(read.days[0]):
        numbers = [
            int(number) for number in re.findall(r"\d+", text.split("T")[0].split(" ")[0] if ":" in text else text)
        ]
        day = read.days[0].astype("datetime64[D]").item()
        parts = {day.year, day.month, day.day}
        written = set(numbers) | ({int(text[:4]), int(text[4:6]), int(text[6:8])} if text[:8].isdigit() else set())
        assert parts <= written | {1, 2}


def test_contradicting_dates_are_undecided() -> None:
    read = read_dates(["13/01/2023", "01/13/2023", "05/05/2023"])
    assert read.undecided.tolist() == [True, True, False]
    assert np.isnat(read.days).tolist() == [True, True, False]


def test_one_wrong_date_does_not_decide_for_the_others() -> None:
    read = read_dates(["31/01/2023", "05/02/2023", "31/02/2023"])
    assert read.days.astype("datetime64[D]").astype(str).tolist() == ["2023-01-31", "2023-02-05", "NaT"]
    assert not read.undecided.any()


def test_format_decides() -> None:
    texts = ["01/02/2023", "13/02/2023", "2023-02-01"]
    assert read_dates(texts, "%d/%m/%Y").days.astype("datetime64[D]").astype(str).tolist() == [
        "2023-02-01",
        "2023-02-13",
        "NaT",
    ]
    assert parsed_dates(pd.Series(["230205", None]), "%y%m%d").astype(str).tolist() == ["2023-02-05", "NaT"]


def test_format_with_zones_keeps_the_written_day() -> None:
    texts = ["2023-01-31 23:00 +0000", "2023-01-31 23:00 -0800"]
    assert parsed_dates(pd.Series(texts), "%Y-%m-%d %H:%M %z").tolist() == [pd.Timestamp("2023-01-31")] * 2


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-30",
        "2023-13-01",
        "soon",
        "44957",
        "0001-01-01",
        "9999-12-31",
        "2023-01-31 soon",
        "around 5 Jan 2023",
        "5 Jab 2023",
        "1/2/23",
        "1-2-3",
        "2023-01",
        "2023/01-05",
        "٢٠٢٣-٠١-٠٥",
        "2023-01-31" * 100_000,
        "",
        "31.01.2023.",
        "29.02.2023",
    ],
)
def test_what_is_no_date_stays_text(text: str) -> None:
    assert np.isnat(read_dates([text]).days[0])


def test_columns_with_gaps_and_repetitions_keep_their_order() -> None:
    values = pd.Series(["2023-01-02", None, "x", "2023-01-02", "5 Jan 2023"], index=[3, 1, 4, 1, 5])
    days = parsed_dates(values)
    assert days.index.tolist() == [3, 1, 4, 1, 5]
    assert days.isna().tolist() == [False, True, True, False, False]
    assert dates_or_text(values).tolist() == ["2023-01-02", None, "x", "2023-01-02", "5 Jan 2023"]
    assert written_dates(values).undecided.sum() == 0


def test_dates_in_numbers_and_stamps() -> None:
    assert parsed_dates(pd.Series([20230131.0, np.nan]))[0] == pd.Timestamp("2023-01-31")
    stamps = pd.Series(pd.to_datetime(["2023-01-31 22:00", None]).tz_localize("America/New_York"))
    assert parsed_dates(stamps).isna().tolist() == [False, True]
    mixed = pd.Series([datetime.date(2023, 1, 31), datetime.datetime(2023, 1, 31, 5), pd.Timestamp("2023-01-31")])
    assert (parsed_dates(mixed.astype(object)) == pd.Timestamp("2023-01-31")).all()
