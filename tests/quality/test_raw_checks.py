from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.quality.check import CheckResult
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS, check_raw_panel
from tests.panels import MAPPING, WIDE_MAPPING, WIDE_SECTION, config, panel, source_rows, wide_rows

SIMPLE = {"enhanced_cleaning": {"missing_data": {"strategy": "simple"}}}


def check(rows: pd.DataFrame, **sections: Any) -> dict[str, CheckResult]:
    results = check_raw_panel(panel(rows), MAPPING, config(**sections), "orders.csv")
    assert [result.name for result in results] == list(RAW_PANEL_CHECKS)
    return {result.name: result for result in results}


def failed(rows: pd.DataFrame, **sections: Any) -> list[str]:
    return [name for name, result in check(rows, **sections).items() if not result.passed]


def with_cells(column: str, cells: dict[int, Any], n_rows: int = 120) -> pd.DataFrame:
    rows = source_rows(n_rows).astype({column: object})
    for position, value in cells.items():
        rows.loc[position, column] = value
    return rows


def test_good_panel_passes_everything() -> None:
    assert failed(source_rows(120)) == []
    assert failed(source_rows(120 * 7, step_days=1)) == []


def test_text_in_spend_is_shown_with_file_geo_column_rows_value_and_remedy() -> None:
    result = check(with_cells("tv_cost", {4: "n.v.", 9: "1,200"}))["schema"]
    assert result.blocks
    assert result.value == 2
    assert result.message == (
        "orders.csv, geo North: column 'tv_cost' must be a number, found 'n.v.' in row 6 (2 in all: 6, 11). "
        "Correct these values in the source."
    )
    assert result.table == (
        {"column": "tv_cost", "row": "6", "value": "n.v.", "rule": "must be a number"},
        {"column": "tv_cost", "row": "11", "value": "1,200", "rule": "must be a number"},
    )


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("tv_cost", -1.0, "must not be negative"),
        ("tv_views", -0.5, "must not be negative"),
        ("orders", -3, "must not be negative"),
        ("price", -3, "must not be negative"),
        ("people", 0, "must be above 0"),
        ("orders", None, "must not be empty"),
        ("orders", float("inf"), "must be finite"),
        ("weather", "-inf", "must be finite"),
        ("weather", "sunny", "must be a number"),
        ("day", "2023-02-30", "must be a date"),
        ("day", None, "must not be empty"),
    ],
)
def test_each_kind_of_bad_value_breaks_the_schema(column: str, value: Any, rule: str) -> None:
    result = check(with_cells(column, {7: value}), **SIMPLE)["schema"]
    assert result.blocks
    assert [(row["column"], row["row"]) for row in result.table] == [(column, "9")]
    assert result.table[0]["rule"].startswith(rule)
    assert f"column {column!r} {rule}" in result.message


def test_table_of_bad_values_is_capped() -> None:
    result = check(source_rows(120).assign(tv_cost=-1.0))["schema"]
    assert result.value == 120
    assert len(result.table) == 50
    assert "in row 2 (120 in all: 2, 3, 4, 5, 6, …)" in result.message


def test_bad_values_of_several_columns_are_summed_up() -> None:
    rows = source_rows(120).assign(tv_cost=-1.0, tv_views=-1.0, search_cost="x", people=0.0, orders=-1.0)
    assert check(rows)["schema"].message.count("column") == 3
    assert "and 2 more broken rule(s)" in check(rows)["schema"].message


def test_repeated_geo_and_week_is_an_error_that_names_the_rows() -> None:
    result = check(pd.concat([source_rows(60), source_rows(60).iloc[[5, 9]]], ignore_index=True))["duplicate_keys"]
    assert result.blocks
    assert "row 7, 11, 62, 63 (4 in all)" in result.message
    assert "2023-02-06" in result.message
    assert {row["row"] for row in result.table} == {7, 11, 62, 63}


def test_geo_with_ten_weeks_lacks_coverage() -> None:
    results = check(source_rows(10))
    assert results["coverage"].blocks
    assert results["coverage"].value == 10
    assert results["coverage"].threshold == 52
    assert "orders.csv, geo North has 10 weeks; at least 52" in results["coverage"].message
    assert not results["preferred_history"].passed
    assert not results["preferred_history"].blocks


def test_only_whole_weeks_of_daily_data_count() -> None:
    assert check(source_rows(7 * 52 + 6, start="2023-01-03", step_days=1))["coverage"].value == 52
    assert check(source_rows(5, start="2023-01-03", step_days=1))["coverage"].value == 0


def test_short_history_only_warns_where_the_minimum_is_met() -> None:
    assert failed(source_rows(60)) == ["preferred_history"]


@pytest.mark.parametrize(("n_missing", "fails"), [(1, False), (3, True)])
def test_missing_weeks_fail_above_their_share(n_missing: int, fails: bool) -> None:
    rows = source_rows(104).drop(index=list(range(10, 10 + n_missing)))
    result = check(rows)["missing_weeks"]
    assert result.blocks == fails
    assert result.value == pytest.approx(100 * n_missing / 104)
    assert len(result.table) == (n_missing if n_missing else 0)
    assert not fails or "2023-03-13" in result.message


def test_missing_days_are_judged_inside_the_whole_weeks() -> None:
    rows = source_rows(7 * 110, start="2023-01-04", step_days=1)
    assert check(rows)["missing_weeks"].value == 0
    result = check(rows.drop(index=list(range(100, 120))))["missing_weeks"]
    assert result.value == pytest.approx(100 * 20 / (7 * 109))
    assert "of the days are missing" in result.message


def test_refusing_strategy_allows_no_gap_and_no_missing_value() -> None:
    rows = source_rows(120).drop(index=[50])
    rows.loc[3, ["tv_cost", "tv_views"]] = np.nan
    strategy = {"enhanced_cleaning": {"missing_data": {"strategy": "refuse"}}}
    assert failed(rows) == ["missing_values"]
    results = check(rows, **strategy)
    assert results["missing_weeks"].blocks
    assert results["missing_values"].blocks
    assert "'tv_cost' 1, 'tv_views' 1" in results["missing_values"].message


def test_irregular_dates_are_named() -> None:
    result = check(with_cells("day", {7: "2023-02-22"}))["regular_spacing"]
    assert result.blocks
    assert "2023-02-22 (1 in all)" in result.message
    assert "row 9" in result.message
    monthly = check(source_rows(60, step_days=30))["regular_spacing"]
    assert monthly.blocks
    assert "mostly 30 days apart" in monthly.message
    assert "totals cannot be taken apart" in monthly.message


def test_every_second_week_missing_comes_with_a_remedy_that_works() -> None:
    whole = source_rows(120)
    halved = check(whole.iloc[::2])["regular_spacing"]
    assert "mostly 14 days apart" in halved.message
    assert "Only 60 of 119 weeks have a row: if the others are missing, add a row for each" in halved.message
    mended = whole.assign(orders=whole["orders"].where(np.arange(120) % 2 == 0))
    mended.loc[1::2, ["tv_cost", "tv_views"]] = 0
    assert check(mended)["regular_spacing"].passed
    assert not check(mended)["schema"].blocks


def test_column_without_any_number_is_an_error() -> None:
    result = check(source_rows(120).assign(weather=np.nan))["empty_columns"]
    assert result.blocks
    assert "'weather'" in result.message
    assert check(source_rows(120).assign(tv_cost=np.nan))["empty_columns"].passed


def test_spend_and_media_without_each_other_warn_with_rows() -> None:
    rows = source_rows(120).assign(tv_cost=10.0, tv_views=10.0)
    rows.loc[[1, 2], "tv_views"] = [0.0, np.nan]
    rows.loc[5, "tv_cost"] = 0.0
    results = check(rows)
    spend, media = results["spend_without_media"], results["media_without_spend"]
    assert [row["row"] for row in spend.table] == [3, 4]
    assert [row["row"] for row in media.table] == [7]
    assert "tv in row 3, 4 (2 in all)" in spend.message
    assert not spend.passed
    assert not spend.blocks


def test_empty_kpi_is_masked_with_a_warning_unless_that_is_switched_off() -> None:
    rows = source_rows(120)
    rows.loc[[0, 5], "orders"] = np.nan
    assert failed(rows) == ["missing_values"]
    results = check(rows)
    assert "'orders' 2; weeks without KPI are left out of the fit" in results["missing_values"].message
    assert results["coverage"].value == 118
    assert failed(rows, **SIMPLE) == ["schema"]


def test_geo_without_any_kpi_is_an_error() -> None:
    results = check(source_rows(120).assign(orders=np.nan))
    assert results["empty_columns"].blocks
    assert "'orders'" in results["empty_columns"].message
    assert results["coverage"].value == 0


def wide(rows: pd.DataFrame) -> dict[str, CheckResult]:
    raw = panel(rows, mapping=WIDE_MAPPING)
    results = check_raw_panel(raw, WIDE_MAPPING, config(data=WIDE_SECTION), "orders.csv")
    return {result.name: result for result in results}


def test_good_panel_of_every_kind_of_column_passes() -> None:
    assert [result for result in wide(wide_rows(120)).values() if not result.passed] == []


def test_reach_needs_spend_and_frequency() -> None:
    rows = wide_rows(120).assign(video_cost=5.0, video_reach=10.0, video_frequency=2.0)
    rows.loc[1, "video_cost"] = 0.0
    rows.loc[[2, 3], "video_reach"] = 0.0
    rows.loc[[4, 5], "video_frequency"] = [0.0, np.nan]
    results = wide(rows)
    assert [row["row"] for row in results["media_without_spend"].table] == [3]
    assert [row["row"] for row in results["spend_without_media"].table] == [4, 5]
    assert [row["row"] for row in results["reach_without_frequency"].table] == [6, 7]
    assert "reach without frequency for channel video in row 6, 7" in results["reach_without_frequency"].message
    assert not results["reach_without_frequency"].passed
    assert not results["reach_without_frequency"].blocks


@pytest.mark.parametrize("column", ["video_reach", "video_frequency", "newsletter_opens"])
def test_negative_activity_breaks_the_schema(column: str) -> None:
    rows = wide_rows(120)
    rows.loc[7, column] = -1.0
    assert wide(rows)["schema"].blocks
    assert column in wide(rows)["schema"].message


def test_unreadable_dates_do_not_stop_the_other_checks() -> None:
    results = check(source_rows(60).assign(day="soon"))
    assert results["schema"].blocks
    assert results["coverage"].value == 0


def cleaning(**sections: Any) -> dict[str, Any]:
    return {"enhanced_cleaning": sections}


def test_duplicates_that_cleaning_deals_with_do_not_block() -> None:
    rows = source_rows(110)
    copied = pd.concat([rows, rows.iloc[[5]]], ignore_index=True)
    changed = pd.concat([rows, rows.iloc[[5]].assign(orders=1.0)], ignore_index=True)
    assert check(copied)["duplicate_keys"].blocks
    drop, combine = cleaning(duplicates={"policy": "drop_identical"}), cleaning(duplicates={"policy": "aggregate"})
    assert check(copied, **drop)["duplicate_keys"].passed
    blocked = check(pd.concat([copied, changed.iloc[[-1]]], ignore_index=True), **drop)["duplicate_keys"]
    assert blocked.blocks
    assert {row["row"] for row in blocked.table} == {7, 113}
    assert check(changed, **combine)["duplicate_keys"].passed


def test_dates_that_cleaning_aligns_do_not_block() -> None:
    rows = with_cells("day", {7: "2023-02-22"})
    assert check(rows)["regular_spacing"].blocks
    align = cleaning(week_alignment="align")
    assert failed(rows, **align) == []
    twice = with_cells("day", {7: "2023-02-22", 8: "2023-02-23"})
    assert check(twice, **align)["duplicate_keys"].blocks


def test_campaign_aware_cleaning_masks_an_unknown_kpi() -> None:
    rows = with_cells("orders", {7: None})
    results = check(rows, **cleaning(missing_data={"strategy": "campaign_aware"}))
    assert results["schema"].passed
    assert "imputed between active days" in results["missing_values"].message


def test_many_missing_columns_are_listed_worst_first() -> None:
    rows = wide_rows(120)
    columns = ["price", "tv_cost", "tv_views", "search_cost", "video_cost", "weather", "promo"]
    for number, column in enumerate(columns):
        rows.loc[: 2 + number, column] = np.nan
    result = wide(rows)["missing_values"]
    assert [row["column"] for row in result.table] == columns[::-1]
    assert "'promo' 9, 'weather' 8" in result.message
    assert "and 2 more columns" in result.message


def money(codes: list[str | None], per_row: list[float] | None = None, **settings: Any) -> CheckResult:
    rows = source_rows(120).assign(code=(codes * 120)[:120])
    if per_row is not None:
        rows = rows.assign(rate=(per_row * 120)[:120])
    mapping = replace(MAPPING, currency="code", rate="rate" if per_row is not None else None)
    results = check_raw_panel(
        panel(rows, mapping=mapping), mapping, config(**cleaning(currency=settings)), "orders.csv"
    )
    return next(result for result in results if result.name == "currency")


def test_currencies_of_a_geo_need_a_policy() -> None:
    assert money(["USD"]).passed
    assert money([" usd", "USD"]).passed
    assert money(["GBP"]).blocks
    mixed = money(["USD", "GBP"])
    assert mixed.blocks
    assert "USD in 60 rows, GBP in 60 rows" in mixed.message
    assert money(["GBP"], policy="scale_per_geo").passed
    assert money(["USD", "GBP"], policy="scale_per_geo").blocks
    assert money(["USD", "GBP"], policy="convert", rates={"GBP": 1.3}).passed
    missing = money(["USD", "GBP", "EUR"], policy="convert", rates={"GBP": 1.3})
    assert missing.blocks
    assert "from EUR to USD in row 4, 7" in missing.message
    assert "empty beside money in row 3" in money(["USD", None]).message


def test_rates_on_the_rows_must_be_there_and_positive() -> None:
    convert: dict[str, Any] = {"policy": "convert", "rate_col": "rate"}
    assert money(["USD", "GBP"], [1.0, 1.3], **convert).passed
    assert money(["USD", "GBP"], [float("nan"), 1.3], **convert).passed
    assert money(["USD", "GBP"], [1.0, float("nan")], **convert).blocks
    assert money(["USD", "GBP"], [1.0, 0.0], **convert).blocks
    own = money(["USD", "GBP"], [1.3, 1.3], **convert)
    assert own.blocks
    assert "one USD is worth 1.3 USD in row 2, 4" in own.message


def test_rows_without_money_need_no_currency() -> None:
    rows = source_rows(120).assign(code="USD")
    rows.loc[3, ["tv_cost", "search_cost", "price"]] = 0.0
    rows.loc[3, "code"] = None
    mapping = replace(MAPPING, currency="code")
    results = check_raw_panel(panel(rows, mapping=mapping), mapping, config(), "orders.csv")
    assert next(result for result in results if result.name == "currency").passed


def test_severities_are_configured() -> None:
    severities = {"validation": {"severities": {"coverage": "warn", "preferred_history": "off"}}}
    results = check_raw_panel(panel(source_rows(10)), MAPPING, config(**severities), "orders.csv")
    assert [(result.name, result.blocks) for result in results if not result.passed] == [("coverage", False)]
    assert "preferred_history" not in {result.name for result in results}
