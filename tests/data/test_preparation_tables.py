"""Further tables beside the main one, against a loop over days."""

import datetime
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.data.preparation.prepare import further_tables, prepare
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError

DAY = datetime.timedelta(days=1)


def table(rows: dict[str, Any] | pd.DataFrame, origin: str = "media.csv") -> SourceTable:
    frame = pd.DataFrame(rows)
    return SourceTable(frame.assign(source_row=range(2, len(frame) + 2)), origin, "hash of " + origin)


def config_of(tables: dict[str, Any], **sections: Any) -> Config:
    data = {"date_col": "day", "keys": ["geo"], "kpi_col": "kpi", "channel_map": {"tv": "tv"}}
    data |= sections.pop("data", {})
    entries = {name: {"path": f"{name}.csv"} | entry for name, entry in tables.items()}
    return Config.model_validate({"data": data, "ingest": {"tables": entries}} | sections)


def main_table(days: list[datetime.date], geos: tuple[str, ...] = ("A",)) -> SourceTable:
    rows = [{"geo": geo, "day": day.isoformat(), "kpi": 1.0} for geo in geos for day in days]
    return table(pd.DataFrame(rows), "sales.csv")


def beside(source: SourceTable, entry: dict[str, Any], rows: Any, **sections: Any) -> SourceTable:
    return prepare(source, {"ingest.tables.m": table(rows)}, config_of({"m": entry}, **sections))


def days_from(start: str, n: int, step: int = 1) -> list[datetime.date]:
    first = datetime.date.fromisoformat(start)
    return [first + step * number * DAY for number in range(n)]


def period_of(day: datetime.date, grain: str) -> tuple[datetime.date, datetime.date]:
    """First and last day of the period of a date, by walking day by day."""
    if grain == "week":
        return day, day + 6 * DAY

    def name(d: datetime.date) -> Any:
        return {"day": d, "month": (d.year, d.month), "quarter": (d.year, (d.month - 1) // 3), "year": d.year}[
            grain
        ]

    first = last = day
    while name(first - DAY) == name(day):
        first -= DAY
    while name(last + DAY) == name(day):
        last += DAY
    return first, last


def looped(source: pd.DataFrame, other: pd.DataFrame, grain: str, keyed: bool, weekly: bool) -> Any:
    """Amount and level of each row of the source, by loops over its days and over the table's rows."""
    periods = [(*period_of(row.on, grain), row) for row in other.itertuples()]
    amounts, levels = [], []
    for row in source.itertuples():
        amount: list[float] = []
        level: list[float] = []
        for offset in range(7 if weekly else 1):
            day = datetime.date.fromisoformat(row.day) + offset * DAY
            for first, last, entry in periods:
                if first <= day <= last and (not keyed or entry.place == row.geo):
                    if not np.isnan(entry.cost):
                        amount.append(entry.cost / ((last - first).days + 1))
                    if not np.isnan(entry.price):
                        level.append(entry.price)
        amounts.append(sum(amount) if amount else np.nan)
        levels.append(float(np.mean(level)) if level else np.nan)
    return amounts, levels


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_amounts_and_levels_are_what_a_loop_over_days_gives(data: st.DataObject) -> None:
    grain = data.draw(st.sampled_from(["day", "week", "month", "quarter", "year"]))
    weekly = data.draw(st.booleans())
    keyed = data.draw(st.booleans())
    step = 7 if weekly else 1
    start = data.draw(st.dates(datetime.date(2022, 11, 1), datetime.date(2024, 3, 1)))
    source = main_table(days_from(start.isoformat(), data.draw(st.integers(3, 12)), step), ("A", "B", "Ü"))
    firsts: dict[Any, dict[str, Any]] = {}
    for place in ("A", "Ü", "elsewhere") if keyed else ("",):
        for number in range(data.draw(st.integers(1, 8))):
            offset = 7 * number if grain == "week" else data.draw(st.integers(-40, 120))
            on = start - 21 * DAY + offset * DAY
            cost = data.draw(st.sampled_from([0.0, 7.0, 310.0, -5.5, np.nan]))
            firsts[place, period_of(on, grain)[0]] = {
                "place": place,
                "on": on,
                "cost": cost,
                "price": cost / 2 + 1,
            }
    other = pd.DataFrame(firsts.values())
    entry = {"date_col": "on", "grain": grain, "amounts": {"tv": "cost"}, "levels": {"price": "price"}}
    entry |= {"keys": {"place": "geo"}} if keyed else {}
    result = beside(source, entry, other.assign(on=[day.isoformat() for day in other["on"]])).frame
    amounts, levels = looped(source.frame, other, grain, keyed, weekly)
    np.testing.assert_allclose(result["tv"], amounts, rtol=1e-12)
    np.testing.assert_allclose(result["price"], levels, rtol=1e-12)


@pytest.mark.parametrize(("step", "first"), [(1, "2023-01-01"), (7, "2022-12-26")])
def test_total_of_whole_periods_is_kept(step: int, first: str) -> None:
    source = main_table(days_from(first, 372 if step == 1 else 54, step))
    months = {"month": [f"2023-{month:02d}" for month in range(1, 13)], "spend": np.arange(1.0, 13.0) * 1234.56}
    entry = {"date_col": "month", "grain": "month", "amounts": {"tv": "spend"}}
    result = beside(source, entry, months)
    np.testing.assert_allclose(np.nansum(result.frame["tv"]), months["spend"].sum(), rtol=1e-13)
    assert not any("left out" in note for note in result.notes)


def test_what_falls_outside_the_source_is_left_out_and_named() -> None:
    source = main_table(days_from("2023-01-11", 21))
    entry = {"year_col": "y", "month_col": "m", "grain": "month", "amounts": {"tv": "spend"}}
    result = beside(source, entry, {"y": [2023, 2023], "m": [1, 2], "spend": [310.0, 28.0]})
    np.testing.assert_allclose(result.frame["tv"], 10.0)
    assert (
        "tv: 210 of a total of 338 belongs to days of the source, 128 is left out; 0 of 21 rows have no value."
        in (result.notes)
    )


def test_week_that_straddles_two_months_gets_the_right_share_of_each() -> None:
    source = main_table(days_from("2023-01-23", 3, 7))
    entry = {"date_col": "on", "grain": "month", "amounts": {"tv": "spend"}, "levels": {"cpi": "index"}}
    rows = {"on": ["2023-01-15", "2023-02-15"], "spend": [31.0, 280.0], "index": [1.0, 8.0]}
    frame = beside(source, entry, rows).frame
    np.testing.assert_allclose(frame["tv"], [7.0, 2 + 5 * 10, 70.0])
    np.testing.assert_allclose(frame["cpi"], [1.0, (2 + 5 * 8) / 7, 8.0])


def test_weekly_dates_that_cleaning_aligns_are_aligned_before() -> None:
    source = main_table(days_from("2023-01-25", 2, 7))
    entry = {"date_col": "on", "grain": "day", "amounts": {"tv": "spend"}}
    rows = {"on": ["2023-01-23", "2023-02-05", "2023-02-06"], "spend": [1.0, 2.0, 4.0]}
    kept = beside(source, entry, rows).frame["tv"]
    np.testing.assert_array_equal(kept, [np.nan, 6.0])
    aligned = beside(source, entry, rows, enhanced_cleaning={"week_alignment": "align"}).frame["tv"]
    assert aligned.tolist() == [1.0, 2.0]


def test_values_without_dates_hold_on_all_days() -> None:
    source = main_table(days_from("2023-01-01", 3), ("A", "B", "C"))
    entry = {"keys": {"name": "geo"}, "levels": {"people": "n"}}
    result = beside(source, entry, {"name": [" A ", "B", "D"], "n": [10, 20, 40]})
    np.testing.assert_array_equal(result.frame["people"], [10] * 3 + [20] * 3 + [np.nan] * 3)
    assert "Values of name in the table that the source does not have: 'D'." in result.notes
    assert "Values of geo in the source that the table does not have: 'C'." in result.notes


def test_several_keys_and_geos_of_different_grain() -> None:
    daily = main_table(days_from("2023-01-02", 14)).frame.assign(brand="x")
    weekly = main_table(days_from("2023-01-02", 2, 7), ("B",)).frame.assign(brand="y")
    source = SourceTable(pd.concat([daily, weekly], ignore_index=True), "sales.csv", "h")
    entry = {
        "date_col": "on",
        "grain": "week",
        "keys": {"place": "geo", "brand": "brand"},
        "amounts": {"tv": "spend"},
    }
    rows = {
        "on": ["2023-01-02"] * 3,
        "place": ["A", "B", "B"],
        "brand": ["x", "y", "x"],
        "spend": [7.0, 14.0, 99.0],
    }
    result = beside(source, entry, rows).frame["tv"]
    np.testing.assert_array_equal(result, [1.0] * 7 + [np.nan] * 7 + [14.0, np.nan])


def test_rows_of_one_geo_and_date_hold_the_same_value_and_a_note_says_so() -> None:
    frame = main_table(days_from("2023-01-02", 3)).frame
    source = SourceTable(pd.concat([frame, frame], ignore_index=True), "sales.csv", "h")
    entry = {"date_col": "on", "amounts": {"tv": "spend"}}
    result = beside(source, entry, {"on": ["2023-01-02"], "spend": [5.0]})
    np.testing.assert_array_equal(result.frame["tv"], [5, np.nan, np.nan] * 2)
    assert any("hold the same value" in note for note in result.notes)


def test_names_of_events_and_creatives_may_come_from_a_table() -> None:
    source = main_table(days_from("2023-01-02", 9))
    entry = {"date_col": "on", "grain": "week", "levels": {"sale": "name", "spot": "id", "n": "n"}}
    rows = {"on": ["2023-01-03"], "name": ["Spring"], "id": ["a"], "n": [3.0]}
    features = {
        "event_cols": ["sa*"],
        "creative_fatigue": {"enabled": True, "age_cols": {"tv": "spot"}},
    }
    frame = beside(source, entry, rows, features=features).frame
    assert frame["sale"].tolist() == [None] + ["Spring"] * 7 + [None]
    assert frame["sale: Spring"].tolist() == [0.0] + [1.0] * 7 + [0.0]
    np.testing.assert_array_equal(frame["spot: age in days"], [np.nan, *range(8)])
    with pytest.raises(DataError, match=r"column 'name', which ingest\.tables\.m uses, holds text"):
        beside(source, entry, rows)
    with pytest.raises(DataError, match=r"ingest\.tables\.m\.levels\.sale: .* cannot be put beside weekly rows"):
        beside(main_table(days_from("2023-01-02", 9, 7)), entry, rows, features=features)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_level_holds_on_as_a_walk_back_from_each_day_says(data: st.DataObject) -> None:
    grain, step = data.draw(st.sampled_from(["day", "week", "month"])), data.draw(st.sampled_from([1, 7]))
    carry = data.draw(st.integers(1, 40))
    source = main_table(days_from("2023-01-02", 12, step), ("A", "B"))
    rates: dict[Any, dict[str, Any]] = {}
    for place in ("A", "elsewhere"):
        for number in range(data.draw(st.integers(1, 6))):
            offset = 7 * number if grain == "week" else data.draw(st.integers(-40, 90))
            on = datetime.date(2022, 12, 26) + offset * DAY
            rate = data.draw(st.sampled_from([1.0, 2.5, -4.0, np.nan]))
            rates[place, period_of(on, grain)] = {"place": place, "on": on.isoformat(), "rate": rate}
    entry = {"date_col": "on", "grain": grain, "keys": {"place": "geo"}, "levels": {"fx": "rate"}}
    result = beside(source, entry | {"carry_days": carry}, pd.DataFrame(rates.values())).frame

    def on_day(geo: str, day: datetime.date) -> float:
        for back in range(carry + 1):
            for (place, (first, last)), row in rates.items():
                if place == geo and first <= day - back * DAY <= last and not np.isnan(row["rate"]):
                    return float(row["rate"])
        return np.nan

    for geo, day, found in result[["geo", "day", "fx"]].itertuples(index=False):
        days = [datetime.date.fromisoformat(day) + offset * DAY for offset in range(step)]
        known = [level for level in (on_day(geo, one) for one in days) if not np.isnan(level)]
        np.testing.assert_allclose(found, np.mean(known) if known else np.nan, rtol=1e-12)


def test_levels_that_hold_on_are_counted_and_words_and_amounts_are_treated_as_they_should_be() -> None:
    source = main_table(days_from("2023-01-06", 5))
    entry = {
        "date_col": "on",
        "levels": {"fx": "rate", "sale": "name"},
        "amounts": {"tv": "spend"},
        "carry_days": 2,
    }
    rows = {"on": ["2023-01-06", "2023-01-07"], "rate": [0.8, np.nan], "name": ["Sale", None], "spend": [1.0, 2.0]}
    result = beside(source, entry, rows, features={"event_cols": ["sale"]})
    np.testing.assert_array_equal(result.frame["fx"], [0.8, 0.8, 0.8, np.nan, np.nan])
    np.testing.assert_array_equal(result.frame["sale: Sale"], [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(result.frame["tv"], [1.0, 2.0, np.nan, np.nan, np.nan])
    assert (
        "fx: 2 of 5 rows have no value. In 2 rows it is of up to 2 days before, in whole or in part."
        in result.notes
    )


def test_source_stays_as_it_was() -> None:
    source = main_table(days_from("2023-01-02", 3))
    before = source.frame.copy()
    result = beside(source, {"date_col": "on", "levels": {"p": "p"}}, {"on": ["2023-01-02"], "p": [5.0]})
    pd.testing.assert_frame_equal(source.frame, before)
    pd.testing.assert_frame_equal(result.frame[list(before.columns)], before)


MONTHS = {"on": ["2023-01", "2023-02"], "spend": [1.0, 2.0], "text": ["a", "b"], "y": [2023, 2023], "m": [1, 13]}


@pytest.mark.parametrize(
    ("entry", "rows", "error", "message"),
    [
        ({"date_col": "on", "amounts": {"tv": "spnd"}}, MONTHS, DataError, "no column 'spnd'.*nearest: spend"),
        (
            {"date_col": "o", "amounts": {"tv": "spend"}},
            MONTHS,
            DataError,
            "no column 'o', which ingest.tables.m.date",
        ),
        (
            {"date_col": "on", "grain": "month", "amounts": {"tv": "text"}},
            MONTHS,
            DataError,
            r"text \('a' in row 2",
        ),
        ({"date_col": "on", "amounts": {"tv": "spend"}}, MONTHS, DataError, r"no date in column 'on' in row 2, 3"),
        ({"amounts": {"tv": "spend"}}, MONTHS, ConfigError, "amounts but no date"),
        ({"date_col": "on", "grain": "month"}, MONTHS, ConfigError, "brings no column"),
        (
            {"date_col": "on", "grain": "month", "levels": {"kpi": "spend"}},
            MONTHS,
            ConfigError,
            "has a column 'kpi'",
        ),
        (
            {"year_col": "y", "month_col": "m", "grain": "month", "levels": {"p": "spend"}},
            MONTHS,
            DataError,
            "row 3",
        ),
        (
            {"year_col": "y", "grain": "month", "levels": {"p": "spend"}},
            MONTHS,
            ConfigError,
            "month_col is not set",
        ),
        ({"year_col": "y", "grain": "week", "levels": {"p": "spend"}}, MONTHS, ConfigError, "gives no week"),
        ({"date_col": "on", "grain": "year", "levels": {"p": "spend"}}, MONTHS, DataError, "same year: row 3"),
        ({"levels": {"p": "spend"}}, MONTHS, DataError, "media.csv are not told apart: row 3"),
        ({"keys": {"text": "geo"}, "levels": {"p": "spend"}}, MONTHS, DataError, r"no value of 'text'.*\(a, b\)"),
        ({"keys": {"text": "go"}, "levels": {"p": "spend"}}, MONTHS, DataError, "no column 'go'.*nearest: geo"),
        (
            {"date_col": "on", "grain": "week", "levels": {"p": "spend"}},
            {"on": ["2023-01-02", "2023-01-08"], "spend": [1, 2]},
            DataError,
            "same week: row 3",
        ),
        (
            {"date_col": "on", "levels": {"p": "spend"}},
            {"on": ["01/02/2023"], "spend": [1]},
            DataError,
            r"set ingest\.tables\.m\.date_format",
        ),
        (
            {"date_col": "on", "levels": {"p": "spend"}},
            {"on": ["2023-01-02"], "spend": [np.inf]},
            DataError,
            "infinite in row 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(entry: Any, rows: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        beside(main_table(days_from("2023-01-02", 9)), entry, rows)


def test_geo_that_is_neither_daily_nor_weekly_gets_nothing_and_is_named() -> None:
    odd = main_table(days_from("2023-01-02", 9, 30), ("Odd",)).frame
    frame = pd.concat([odd, main_table(days_from("2023-01-02", 9)).frame], ignore_index=True)
    source = SourceTable(frame, "sales.csv", "h")
    result = beside(source, {"date_col": "on", "grain": "month", "levels": {"p": "spend"}}, MONTHS)
    assert result.frame["p"].isna().tolist() == [True] * 9 + [False] * 9
    assert (
        "The dates of Odd are neither daily nor weekly, so further tables have no values for them." in result.notes
    )


def test_hash_depends_on_every_content_and_on_the_preparation_only() -> None:
    source = main_table(days_from("2023-01-02", 9))
    entry = {"date_col": "on", "grain": "month", "levels": {"p": "spend"}}
    config = config_of({"m": entry})
    assert list(further_tables(config)) == ["ingest.tables.m"]
    first = prepare(source, {"ingest.tables.m": table(MONTHS)}, config).content_hash
    assert first == prepare(source, {"ingest.tables.m": table(MONTHS)}, config).content_hash
    assert first != prepare(source, {"ingest.tables.m": table(MONTHS, "other.csv")}, config).content_hash
    assert (
        first
        != beside(
            source, entry | {"grain": "quarter", "date_col": "q"}, {"q": ["2023Q1"], "spend": [1]}
        ).content_hash
    )
    assert prepare(source, {}, config_of({})).content_hash == source.content_hash


@pytest.mark.full
def test_a_million_rows_take_seconds() -> None:
    days = pd.date_range("2019-01-01", periods=1800).strftime("%Y-%m-%d").to_numpy(dtype=object)
    frame = pd.DataFrame({"geo": np.repeat([f"g{n}" for n in range(300)], 1800), "day": np.tile(days, 300)})
    source = SourceTable(frame, "sales.csv", "h")
    months = pd.date_range("2019-01-01", periods=60, freq="MS").strftime("%Y-%m").to_numpy(dtype=object)
    rows = {
        "on": np.tile(months, 300),
        "place": np.repeat([f"g{n}" for n in range(300)], 60),
        "spend": np.arange(18000.0),
    }
    entry = {"date_col": "on", "grain": "month", "keys": {"place": "geo"}, "amounts": {"tv": "spend"}}
    started = time.perf_counter()
    beside(source, entry, rows)
    assert time.perf_counter() - started < 5
