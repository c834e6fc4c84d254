from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.ingest import SimulatorConfig
from mmm_core.config.schema import Config
from mmm_core.data.mapping import resolve_mapping
from mmm_core.data.sources.simulated import read_simulated
from mmm_core.data.sources.table import SourceTable
from mmm_core.quality.check import CheckResult
from mmm_core.quality.source_checks import SOURCE_CHECKS, check_source
from tests.panels import MAPPING, config, source_rows, source_table
from tests.shared_data import shared_data

CONJURA = "conjura/raw_partial/conjura_mmm_data_first4999rows.csv"


def geos(*names: str, n_rows: int = 120, step_days: int = 7) -> pd.DataFrame:
    frames = [source_rows(n_rows, geo=name, seed=number, step_days=step_days) for number, name in enumerate(names)]
    return pd.concat(frames, ignore_index=True)


def check(frame: pd.DataFrame, mapping: Any = MAPPING, **sections: Any) -> dict[str, CheckResult]:
    results = check_source(source_table(frame), mapping, config(**sections))
    assert [result.name for result in results] == list(SOURCE_CHECKS)
    return {result.name: result for result in results}


def failed(frame: pd.DataFrame, **sections: Any) -> list[str]:
    return [name for name, result in check(frame, **sections).items() if not result.passed]


@pytest.fixture(scope="module")
def conjura() -> dict[str, CheckResult]:
    path = shared_data(CONJURA)
    frame = pd.read_csv(path)
    spend = [column for column in frame if column.endswith("_SPEND")]
    section = {
        "date_col": "DATE_DAY",
        "keys": ["ORGANISATION_ID", "TERRITORY_NAME"],
        "revenue_col": "ALL_PURCHASES_ORIGINAL_PRICE",
        "channel_map": {
            column.removesuffix("_SPEND").lower(): {
                "spend": column,
                "media": column.replace("_SPEND", "_IMPRESSIONS"),
            }
            for column in spend
        },
    }
    settings = Config.model_validate({"data": section})
    source = SourceTable(frame, path.name, "hash")
    results = check_source(source, resolve_mapping(settings, list(frame.columns), path.name), settings)
    return {result.name: result for result in results}


def test_known_defects_of_real_data_are_named(conjura: dict[str, CheckResult]) -> None:
    failures = {name for name, result in conjura.items() if not result.passed}
    assert failures == {
        "currencies",
        "rollup_geos",
        "geo_ranges",
        "cut_off_series",
        "stopped_feeds",
        "feed_gaps",
    }
    assert conjura["rollup_geos"].blocks
    (rollup,) = conjura["rollup_geos"].table
    assert rollup["geo"] == "058b38dc1b5a87a8d9338196cd024d47 / All Territories"
    assert "data.rows.exclude: {TERRITORY_NAME: [All Territories]}" in conjura["rollup_geos"].message
    assert "leaves out 5 other geo(s)" in conjura["rollup_geos"].message
    assert {row["currency"]: row["rows"] for row in conjura["currencies"].table} == {
        "GBP": 3168,
        "USD": 1344,
        "EUR": 487,
    }
    (cut,) = conjura["cut_off_series"].table
    assert cut["last"] == "2021-06-25"
    assert cut["geo"].startswith("09113a73")


def test_broken_feeds_of_real_data_are_named(conjura: dict[str, CheckResult]) -> None:
    stopped = {(row["geo"][:6], row["column"]) for row in conjura["stopped_feeds"].table}
    assert ("088510", "META_INSTAGRAM_IMPRESSIONS") in stopped
    longest = conjura["feed_gaps"].table[0]
    assert (longest["column"], longest["from"], longest["to"]) == (
        "GOOGLE_VIDEO_SPEND",
        "2020-08-15",
        "2022-02-22",
    )


@pytest.mark.parametrize("preset", ["small_business", "medium_business", "geo_effects", "endogenous", None])
@pytest.mark.parametrize("seed", [1, 2])
def test_simulated_panels_raise_no_alarm(preset: Any, seed: int) -> None:
    source = read_simulated(SimulatorConfig(preset=preset, seed=seed))
    settings = Config.model_validate({})
    mapping = resolve_mapping(settings, list(source.frame.columns), source.origin)
    assert [result.message for result in check_source(source, mapping, settings) if not result.passed] == []


def test_clean_geos_raise_no_alarm_in_any_order_of_rows() -> None:
    frame = geos("North", "South", "Total Wine Country")
    assert failed(geos("North", "South", "West")) == []
    assert failed(geos("North", "South").sample(frac=1, random_state=1).reset_index(drop=True)) == []
    named = check(frame)["rollup_geos"]
    assert not named.passed
    assert not named.blocks


def test_geo_that_is_the_sum_of_the_others_blocks_whatever_its_name() -> None:
    frame = geos("North", "South", "West")
    amounts = ["orders", "tv_cost", "tv_views", "search_cost"]
    total = frame.groupby("day", as_index=False)[amounts].sum().assign(region="Zebra", price=10.0, people=3000.0)
    result = check(pd.concat([frame, total], ignore_index=True))["rollup_geos"]
    assert result.blocks
    assert [row["geo"] for row in result.table] == ["Zebra"]
    assert "data.rows.exclude: {region: [Zebra]}." in result.message


def test_rollup_that_is_left_out_is_still_named() -> None:
    exclude = {"rows": {"exclude": {"region": ["All Territories", "Nowhere"]}}}
    data = config().data.model_dump(exclude_unset=True) | exclude
    results = check_source(source_table(geos("A", "B")), MAPPING, Config.model_validate({"data": data}))
    rollups = next(result for result in results if result.name == "rollup_geos")
    assert rollups.passed
    assert rollups.message.endswith("data.rows.exclude leaves out All Territories.")


def test_geo_with_national_amounts_is_no_rollup() -> None:
    frame = geos("North", "South", "All")
    frame.loc[frame["region"] == "All", "orders"] *= 10
    assert check(frame)["rollup_geos"].blocks
    assert check(frame, replace(MAPPING, national_geo="All"))["rollup_geos"].passed


def test_geo_that_is_there_twice_blocks_and_a_like_name_warns() -> None:
    frame = geos("North", "South")
    copy = frame[frame["region"] == "South"].assign(region="Elsewhere")
    result = check(pd.concat([frame, copy], ignore_index=True))["overlapping_geos"]
    assert result.blocks
    assert (result.table[0]["geo"], result.table[0]["other"]) == ("South", "Elsewhere")
    alike = check(geos("North", "NORTH"))["overlapping_geos"]
    assert not alike.passed
    assert not alike.blocks


def test_geos_that_start_late_or_end_early_are_listed() -> None:
    frame = geos("A", "B", "C", "D")
    late = frame[(frame["region"] != "B") | (frame["day"] >= "2023-03-06")]
    result = check(late)["geo_ranges"]
    assert [(row["geo"], row["first"], row["starts late by days"]) for row in result.table] == [
        ("B", "2023-03-06", 63)
    ]
    assert check(frame[(frame["region"] != "B") | (frame["day"] >= "2023-01-30")])["geo_ranges"].passed


def test_weeks_that_begin_on_another_weekday_block_unless_they_are_moved() -> None:
    frame = pd.concat([geos("A", "B"), source_rows(120, "C", start="2023-01-04", seed=9)], ignore_index=True)
    result = check(frame)["geo_weekdays"]
    assert result.blocks
    assert result.table == ({"geo": "C", "weekday": "wednesday"},)
    assert check(frame, enhanced_cleaning={"week_alignment": "align"})["geo_weekdays"].passed
    daily = pd.concat([geos("A"), source_rows(120, "C", start="2023-01-04", step_days=1)], ignore_index=True)
    assert check(daily)["geo_weekdays"].passed


def test_only_the_last_series_of_a_file_in_blocks_can_be_cut_off() -> None:
    frame = geos("A", "B", "C")
    short = frame[(frame["region"] != "C") | (frame["day"] < "2024-01-01")]
    assert check(short)["cut_off_series"].table[0]["geo"] == "C"
    first = frame[(frame["region"] != "A") | (frame["day"] < "2024-01-01")]
    assert check(first)["cut_off_series"].passed
    by_date = short.sort_values("day", kind="stable").reset_index(drop=True)
    assert check(by_date)["cut_off_series"].passed


def test_as_many_rows_as_excel_keeps_are_suspicious() -> None:
    rows = source_rows(100)
    frame = pd.concat([rows] * 656, ignore_index=True).iloc[:65_535]
    result = check(frame)["cut_off_series"]
    assert not result.passed
    assert "65,535 rows" in result.message


@pytest.mark.parametrize(("value", "word"), [(np.nan, "missing"), (0.0, "0")])
def test_feed_that_stops_for_good_is_named(value: float, word: str) -> None:
    frame = geos("A", "B")
    frame["search_cost"] = np.maximum(frame["search_cost"], 5.0)
    stops = (frame["region"] == "B") & (frame["day"] >= "2024-09-02")
    frame.loc[stops, "search_cost"] = value
    (row,) = check(frame)["stopped_feeds"].table
    assert (row["geo"], row["column"], row["last value"], row["then"]) == ("B", "search_cost", "2024-08-26", word)


def test_campaign_that_was_always_on_and_off_has_not_stopped() -> None:
    frame = geos("A", "B")
    weeks = np.arange(len(frame)) % 120
    frame["search_cost"] = np.where((weeks // 10) % 2 == 0, 5.0 + weeks, 0.0)
    assert check(frame[weeks < 119].reset_index(drop=True))["stopped_feeds"].passed


def test_feed_that_is_missing_in_the_middle_is_named_and_absent_rows_are_not() -> None:
    frame = geos("A", n_rows=400, step_days=1)
    frame.loc[100:129, "tv_views"] = np.nan
    (row,) = check(frame)["feed_gaps"].table
    assert (row["column"], row["from"], row["to"], row["days"]) == ("tv_views", "2023-04-12", "2023-05-11", 30)
    absent = geos("A", n_rows=400, step_days=1).drop(index=range(100, 130))
    assert check(absent)["feed_gaps"].passed


def currency(codes: dict[str, str], column: str = "money", **cleaning: Any) -> CheckResult:
    frame = geos(*codes).assign(**{column: lambda rows: rows["region"].map(codes)})
    mapping = replace(MAPPING, currency=column)
    return check(frame, mapping, enhanced_cleaning={"currency": cleaning})["currencies"]


def test_currencies_need_a_policy() -> None:
    mixed = {"A": "USD", "B": "GBP"}
    assert currency(mixed).blocks
    assert currency({"A": "usd", "B": "USD"}).passed
    assert currency({"A": "GBP"}).blocks
    assert currency(mixed, policy="scale_per_geo").passed
    assert "GBP in 120 rows" in currency(mixed, policy="scale_per_geo").message
    assert currency(mixed, policy="convert", rates={"GBP": 1.3}).passed
    missing = currency(mixed, policy="convert", rates={"EUR": 1.1})
    assert missing.blocks
    assert "no rate for GBP" in missing.message


def test_currency_column_that_is_not_mapped_warns() -> None:
    result = check(geos("A", "B").assign(Currency=lambda rows: np.where(rows["region"] == "A", "EUR", "USD")))
    assert not result["currencies"].passed
    assert not result["currencies"].blocks
    assert "data.currency_col" in result["currencies"].message
    assert check(geos("A").assign(Currency="USD"))["currencies"].passed
    assert check(geos("A").assign(currency_note="was dollars"))["currencies"].passed


def test_spend_without_a_role_is_named_unless_it_is_excluded_or_used() -> None:
    frame = geos("A").assign(radio_cost=3.0, costume=3.0, old_spend=0.0)
    assert [row["column"] for row in check(frame)["unmapped_channels"].table] == ["radio_cost"]
    data = config().data.model_dump(exclude_unset=True)
    for extra in (
        {"channel_columns": ["radio*", "!radio_cost"]},
        {"derived_columns": {"all": "radio_cost + tv_cost"}},
    ):
        results = check_source(source_table(frame), MAPPING, Config.model_validate({"data": data | extra}))
        assert next(result for result in results if result.name == "unmapped_channels").passed
    part_of_a_name = Config.model_validate({"data": data | {"derived_columns": {"all": "radio_costs + tv_cost"}}})
    results = check_source(source_table(frame), MAPPING, part_of_a_name)
    assert not next(result for result in results if result.name == "unmapped_channels").passed


def test_connector_that_was_passed_over_is_named() -> None:
    source = replace(source_table(geos("A")), passed_over=("sql: connection refused",))
    result = check_source(source, MAPPING, config())[0]
    assert not result.passed
    assert "sql: connection refused" in result.message


def test_rows_without_geo_or_date_and_text_are_left_to_other_checks() -> None:
    frame = geos("A", "B").astype({"tv_cost": object})
    frame.loc[3, "region"] = None
    frame.loc[5, "day"] = "soon"
    frame.loc[7, "tv_cost"] = "n.v."
    assert failed(frame) == []
    assert failed(frame.iloc[:0]) == []
    assert failed(frame.iloc[:1]) == []


def test_settings_for_geos_that_are_not_there_block() -> None:
    outages = [{"start": "2023-02-01", "end": "2023-02-09", "geos": ["North", "Soth"]}]
    event = {"dates": ["2023-03-01"], "geos": ["West"]}
    sections = {
        "enhanced_cleaning": {"missing_data": {"outages": outages}},
        "features": {"events": {"fair": event}, "holidays": {"territories": {"South": "DE"}}},
    }
    result = check(geos("North", "South"), **sections)["named_geos"]
    assert result.blocks
    assert [row["setting"] for row in result.table] == [
        "enhanced_cleaning.missing_data.outages[0].geos",
        "features.events.fair.geos",
    ]
    assert "no geo 'Soth'" in result.message
    assert "Did you mean South?" in result.message
    assert check(geos("North", "South", "West", "Soth"), **sections)["named_geos"].passed


def test_severities_are_configured() -> None:
    severities = {"validation": {"severities": {"geo_ranges": "off", "feed_gaps": "error"}}}
    results = check_source(source_table(geos("A")), MAPPING, config(**severities))
    assert {result.name for result in results} == SOURCE_CHECKS.keys() - {"geo_ranges"}
