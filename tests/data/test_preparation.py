"""Rows left out, derived columns, events and ages of creatives."""

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.data.mapping import raw_panel, resolve_mapping
from mmm_core.data.preparation.creatives import creative_ages_in_days
from mmm_core.data.preparation.prepare import prepare, prepared_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError
from tests.panels import SECTION, source_rows, source_table


def config_of(data: dict[str, Any] | None = None, **sections: Any) -> Config:
    return Config.model_validate({"data": SECTION | (data or {})} | sections)


def prepared(frame: pd.DataFrame, data: dict[str, Any] | None = None, **sections: Any) -> SourceTable:
    return prepare(source_table(frame), {}, config_of(data, **sections))


def two_geos() -> pd.DataFrame:
    both = [source_rows(4), source_rows(4, "All Territories").assign(brand="x")]
    return pd.concat(both, ignore_index=True).assign(source_row=range(2, 10))


def test_rows_are_left_out_with_counts_and_totals() -> None:
    frame = two_geos()
    result = prepared(frame, {"rows": {"exclude": {"region": ["All Territories"]}}})
    assert result.frame["source_row"].tolist() == [2, 3, 4, 5]
    before, after = frame["orders"].sum(), frame["orders"][:4].sum()
    assert result.notes == (
        "4 of 8 rows were left out (data.rows.exclude.region: region is All Territories). "
        f"Total of orders: {before:,.6g} before, {after:,.6g} after.",
    )
    assert result.content_hash != "hash"
    assert len(frame) == 8


def test_only_wanted_rows_stay_whatever_their_type_and_blanks() -> None:
    frame = two_geos().assign(brand=[1.0, 1.0, 2.0, 2.0, 1.0, np.nan, 3.0, 1.0], shop=[" a", "b "] * 4)
    kept = prepared(frame, {"rows": {"where": {"brand": ["1", "3"], "shop": ["a"]}}}).frame
    assert kept["source_row"].tolist() == [2, 6, 8]
    assert kept.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"where": {"regoin": ["x"]}}, "no column 'regoin', which data.rows.where.regoin names; nearest: region"),
        (
            {"where": {"region": ["Nrth"]}},
            "no row has 'Nrth' in 'region', which data.rows.where.region names; nearest: N",
        ),
        (
            {"exclude": {"region": ["North", "All Territories"]}},
            "no row remains, because of data.rows.exclude.region",
        ),
    ],
)
def test_selections_that_cannot_be_meant_are_refused(rows: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        prepared(two_geos(), {"rows": rows})


def test_value_to_exclude_may_be_in_no_row() -> None:
    result = prepared(two_geos(), {"rows": {"exclude": {"region": ["Somewhere"]}}})
    assert len(result.frame) == 8
    assert result.notes[0].startswith("0 of 8 rows were left out")


def test_without_preparation_the_source_is_the_same() -> None:
    source = source_table(source_rows(5))
    result = prepare(source, {}, config_of())
    assert result.frame is source.frame
    assert (result.content_hash, result.notes) == (source.content_hash, ())


def test_derived_columns_are_computed_in_their_order_and_can_be_mapped() -> None:
    frame = source_rows(4).assign(**{"paid search": [1.0, None, 3.0, 4.0]})
    data = {
        "derived_columns": {"all_search": "search_cost + fill(`paid search`, 0)", "double": "2 * all_search"},
        "channel_map": {"search": "double"},
    }
    result = prepared(frame, data)
    expected = 2 * (frame["search_cost"] + frame["paid search"].fillna(0))
    np.testing.assert_array_equal(result.frame["double"], expected)
    mapping = resolve_mapping(config_of(data), list(result.frame.columns), "orders.csv")
    np.testing.assert_array_equal(raw_panel(result, mapping, "North")["spend__search"], expected)


def test_derived_column_may_use_the_date() -> None:
    result = prepared(source_rows(60), {"derived_columns": {"june": "month() == 6"}})
    assert result.frame["june"].sum() == pd.to_datetime(result.frame["day"]).dt.month.eq(6).sum() > 0


def test_rows_without_a_result_are_counted() -> None:
    frame = source_rows(4).assign(a=[1.0, 0.0, np.nan, 2.0])
    result = prepared(frame, {"derived_columns": {"share": "1 / a"}})
    assert "In 1 of 4 rows it has no finite result" in result.notes[0]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"price": "orders * 2"}, ConfigError, "has a column 'price' already"),
        ({"x": "ordres * 2"}, ConfigError, r"data\.derived_columns\.x names the column 'ordres'.*nearest: orders"),
        ({"x": "lag(orders, 1)"}, ConfigError, "rows of one geo in order"),
        ({"x": "y + 1", "y": "orders"}, ConfigError, "names the column 'y'"),
        ({"x": "region * 2"}, DataError, r"column 'region', which data\.derived_columns\.x uses, holds text"),
        ({"x": "orders.__class__"}, ConfigError, "backticks"),
    ],
)
def test_wrong_formulas_are_refused(columns: dict[str, str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        prepared(source_rows(4), {"derived_columns": columns})


def test_names_of_events_become_columns() -> None:
    frame = source_rows(5).assign(promo=["Sale ", None, "", "Launch", "Sale"], flag=[0, 1, 0, 0, 2])
    sections = {"features": {"event_cols": ["promo", "fl*"]}}
    result = prepared(frame, **sections)
    assert result.frame["promo: Sale"].tolist() == [1, 0, 0, 0, 1]
    assert result.frame["promo: Launch"].tolist() == [0, 0, 0, 1, 0]
    assert result.notes == ("Events in promo: Sale (2 rows), Launch (1 rows).",)
    mapping = resolve_mapping(config_of(**sections), list(result.frame.columns), "orders.csv")
    assert mapping.events == ("promo: Sale", "promo: Launch", "flag")
    panel = raw_panel(result, mapping, "North")
    assert panel["event__promo: Launch"].tolist() == [0, 0, 0, 1, 0]
    assert panel["event__flag"].tolist() == [0, 1, 0, 0, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([None, " ", "0", "no", "NA"], "has no event in any row"),
        ([f"e{n}" for n in range(60)], "60 different names"),
    ],
)
def test_columns_that_name_no_events_are_refused(values: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        prepared(source_rows(len(values)).assign(promo=values), features={"event_cols": ["promo"]})


def fatigue(column: str) -> dict[str, Any]:
    return {"features": {"creative_fatigue": {"enabled": True, "age_cols": {"tv": column}}}}


def test_age_of_a_creative_counts_from_its_first_day() -> None:
    frame = source_rows(6, step_days=1).assign(creative=[None, "a", "a", None, "b", "b"])
    result = prepared(frame, **fatigue("creative"))
    np.testing.assert_array_equal(result.frame["creative: age in days"], [np.nan, 0, 1, 2, 0, 1])
    mapping = resolve_mapping(config_of(**fatigue("creative")), list(result.frame.columns), "orders.csv")
    assert mapping.ages == (("tv", "creative: age in days"),)
    assert "age__tv" in raw_panel(result, mapping, "North")


def test_numbers_are_ages_unless_they_stay_the_same() -> None:
    frame = source_rows(6, step_days=1).assign(age=[3, 4, 5, 0, 1, 2], identifier=[7, 7, 7, 9, 9, 9])
    assert list(prepared(frame, **fatigue("age")).frame.columns) == list(frame.columns)
    ages = prepared(frame, **fatigue("identifier")).frame["identifier: age in days"]
    assert ages.tolist() == [0, 1, 2, 0, 1, 2]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(-1, 3)),
        max_size=30,
        unique_by=lambda row: row[:2],
    )
)
def test_ages_equal_a_walk_through_each_geo(rows: list[tuple[int, int, int]]) -> None:
    geos, offsets, codes = (np.array([row[part] for row in rows], dtype=np.intp) for part in range(3))
    days = (np.datetime64("2023-01-01", "D") + offsets).astype("datetime64[ns]")
    expected = [np.nan] * len(rows)
    for geo in range(3):
        creative, since = -1, None
        for position in sorted((n for n in range(len(rows)) if geos[n] == geo), key=lambda n: offsets[n]):
            if codes[position] not in (-1, creative):
                creative, since = codes[position], offsets[position]
            if since is not None:
                expected[position] = offsets[position] - since
    np.testing.assert_array_equal(creative_ages_in_days(codes, geos, days), expected)


def test_names_of_geos_that_look_alike_are_named() -> None:
    rows = [source_rows(2, name) for name in ("São Paulo", "sa\u0303o  paulo", "North", "NORTH ", "Süd")]
    result = prepared(pd.concat(rows, ignore_index=True))
    assert result.notes == (
        "These geos have names that look alike and are taken as different geos: 'São Paulo' and 'são  paulo', "
        "'North' and 'NORTH'.",
    )


def test_files_are_read_and_put_together(tmp_path: Any) -> None:
    days = [(datetime.date(2023, 1, 2) + datetime.timedelta(days=n)).isoformat() for n in range(31)]
    sales = pd.DataFrame({"shop": "A", "day": days, "orders": 5, "other": "0.5"})
    sales.to_csv(tmp_path / "sales.csv", index=False)
    pd.DataFrame({"Month": ["2023-01"], "TV": [31.0]}).to_csv(tmp_path / "media.csv", index=False)
    pd.DataFrame({"year": [2023], "cpi": [101.5]}).to_csv(tmp_path / "cpi.csv", index=False)
    config = Config.model_validate(
        {
            "ingest": {
                "path": str(tmp_path / "sales.csv"),
                "tables": {
                    "media": {
                        "path": str(tmp_path / "media.csv"),
                        "date_col": "Month",
                        "grain": "month",
                        "amounts": {"tv": "TV"},
                    }
                },
            },
            "external_data": {
                "economy": {
                    "path": str(tmp_path / "cpi.csv"),
                    "year_col": "year",
                    "grain": "year",
                    "levels": {"prices": "cpi"},
                }
            },
            "data": {"date_col": "day", "keys": ["shop"], "kpi_col": "orders", "channel_map": {"tv": "tv"}},
        }
    )
    result = prepared_source(config)
    np.testing.assert_allclose(result.frame["tv"], [1.0] * 30 + [np.nan])
    mapping = resolve_mapping(config, list(result.frame.columns), result.origin)
    assert mapping.controls == ("prices",)
    assert mapping.joined == {"tv", "prices"}
    assert result.content_hash == prepared_source(config).content_hash


def test_formula_that_mixes_tables_is_refused_where_rows_will_be_combined() -> None:
    frame = source_rows(3)
    other = SourceTable(pd.DataFrame({"on": frame["day"], "spend": 1.0}), "tv.csv", "t")
    config = config_of(
        {"derived_columns": {"sum": "tv_cost + more"}},
        ingest={"tables": {"t": {"path": "t.csv", "date_col": "on", "amounts": {"more": "spend"}}}},
    )
    assert "sum" in prepare(source_table(frame), {"ingest.tables.t": other}, config).frame
    twice = source_table(pd.concat([frame, frame], ignore_index=True))
    with pytest.raises(ConfigError, match=r"sum mixes columns of orders\.csv with more \(of further tables"):
        prepare(twice, {"ingest.tables.t": other}, config)


def test_further_tables_may_not_name_a_column_twice() -> None:
    entry = {"path": "t.csv", "levels": {"x": "x"}}
    config = config_of(ingest={"tables": {"a": entry, "b": entry}})
    other = SourceTable(pd.DataFrame({"x": [1.0]}), "t.csv", "t")
    with pytest.raises(ConfigError, match="several columns the name x"):
        prepare(source_table(source_rows(3)), {"ingest.tables.a": other, "ingest.tables.b": other}, config)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("%Y-%m-%dT23:00:00Z", True),
        ("%Y-%m-%d 11:00 PM", True),
        ("%Y-%m-%dT00:00:00Z", False),
        ("%Y-%m-%d", False),
    ],
)
def test_midnights_of_another_time_zone_are_told(written: str, told: bool) -> None:
    rows = source_rows(10)
    rows["day"] = pd.to_datetime(rows["day"]).dt.strftime(written)
    notes = prepare(source_table(rows), {}, Config.model_validate({"data": SECTION})).notes
    assert any("a day too early" in note for note in notes) == told
