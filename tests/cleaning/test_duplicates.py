"""Several rows of one date: the oracle groups with pandas, column by column."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.data.mapping import raw_panel, resolve_mapping
from mmm_core.data.preparation.prepare import prepare
from mmm_core.errors import ConfigError, DataError
from tests.panels import MAPPING, SECTION, WIDE_MAPPING, config, panel, source_rows, source_table, wide_rows


def clean(rows: pd.DataFrame, **duplicates: Any) -> CleanedPanel:
    sections = {"duplicates": {"policy": "aggregate"} | duplicates}
    return clean_panel(panel(rows, mapping=WIDE_MAPPING), WIDE_MAPPING, config(enhanced_cleaning=sections))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=8, max_size=12), st.integers(0, 1000))
def test_amounts_are_added_up_and_levels_averaged(times: list[int], seed: int) -> None:
    dates = np.repeat(np.arange(len(times)), times)
    rows = wide_rows(len(dates), seed=seed)
    rows["day"] = (pd.Timestamp("2023-01-02") + pd.to_timedelta(7 * dates, unit="D")).strftime("%Y-%m-%d")
    result = clean(rows.sample(frac=1.0, random_state=seed), identical_rows="keep").panel
    for week, (_, group) in enumerate(rows.groupby("day")):
        for column in ("kpi", "spend__tv", "media__tv", "spend__search", "reach__video", "media__newsletter"):
            source = WIDE_MAPPING.source_column(column)
            assert result[column][week] == pytest.approx(group[source].sum())
        for column in ("population", "control__weather", "treatment__promo"):
            assert result[column][week] == pytest.approx(group[WIDE_MAPPING.source_column(column)].mean())
        contacts = (group["video_reach"] * group["video_frequency"]).sum()
        assert result["frequency__video"][week] * group["video_reach"].sum() == pytest.approx(contacts)
        revenue = (group["orders"] * group["price"]).sum()
        assert result["revenue_per_kpi"][week] * group["orders"].sum() == pytest.approx(revenue)


@pytest.mark.parametrize("rule", ["sum", "mean", "max", "min", "first", "last"])
def test_a_rule_says_how_a_source_column_is_combined(rule: str) -> None:
    rows = wide_rows(12)
    rows["day"] = rows["day"].iloc[np.repeat(np.arange(4), 3)].to_numpy()
    rows.loc[[0, 5], "weather"] = np.nan
    result = clean(rows, rules={"weather": rule}).panel["control__weather"]
    expected = rows.groupby("day")["weather"].agg(rule)
    np.testing.assert_allclose(result, expected)


def test_log_names_the_rows_that_were_combined_and_the_rule() -> None:
    rows = wide_rows(10)
    rows.loc[4, "day"] = rows["day"][3]
    rows.loc[4, "tv_cost"] = np.nan
    log = clean(rows, rules={"people": "max"}).changes
    line = log[log["rule"].str.startswith("combined")].iloc[0]
    assert (line["column"], line["before"], line["after"]) == ("(row)", 6.0, 5.0)
    kpi = log[(log["column"] == "kpi") & log["rule"].str.startswith("rows of")]
    assert kpi["rule"].unique().tolist() == ["rows of one date combined: sum"]
    assert kpi["before"].tolist() == rows["orders"][[3, 4]].tolist()
    np.testing.assert_array_equal(kpi["after"], [rows["orders"][[3, 4]].sum(), np.nan])
    assert (
        not (log["column"] == "population").any()
        or (log.loc[log["column"] == "population", "rule"] == "missing week: interpolated").all()
    )
    video = log[log["column"] == "frequency__video"]["rule"].tolist()
    assert "rows of one date combined: mean weighted by reach__video" in video


def test_an_incomplete_combination_is_told_apart() -> None:
    rows = wide_rows(10)
    rows.loc[4, "day"] = rows["day"][3]
    rows.loc[3, "tv_cost"] = np.nan
    log = clean(rows).changes
    lines = log[(log["column"] == "spend__tv") & log["rule"].str.startswith("rows of")]
    assert set(lines["rule"]) <= {"rows of one date combined: sum of those with a value"}


def test_exact_copies_are_dropped_or_kept_as_records_of_their_own() -> None:
    rows = wide_rows(10)
    twice = pd.concat([rows, rows.iloc[[2, 2, 7]]])
    dropped = clean(twice)
    pd.testing.assert_frame_equal(dropped.panel, clean(rows).panel)
    assert dropped.dropped_rows["source_row"].tolist() == [12, 13, 14]
    assert set(dropped.dropped_rows["reason"]) == {"exact copy of another row"}
    kept = clean(twice, identical_rows="keep")
    np.testing.assert_allclose(kept.panel["kpi"][[2, 7]], rows["orders"][[2, 7]] * [3, 2])
    only_copies = clean(twice, policy="drop_identical")
    pd.testing.assert_frame_equal(only_copies.panel, dropped.panel)


def test_rows_that_differ_are_refused_unless_they_are_to_be_combined() -> None:
    rows = wide_rows(10)
    rows.loc[4, "day"] = rows["day"][3]
    with pytest.raises(
        DataError, match=r"a date occurs twice, in row 5, 6 \(2 in all\), .*policy is drop_identical"
    ):
        clean(rows, policy="drop_identical")
    with pytest.raises(DataError, match="policy is refuse"):
        clean(pd.concat([rows.drop(index=4), rows.iloc[[2]]]), policy="refuse")


def test_columns_of_further_tables_are_never_added_up() -> None:
    mapping = replace(MAPPING, joined=frozenset({"search_cost"}))
    rows = source_rows(10)
    rows.loc[4, ["day", "search_cost"]] = rows.loc[3, ["day", "search_cost"]]
    sections: dict[str, Any] = {"duplicates": {"policy": "aggregate"}}
    result = clean_panel(panel(rows), mapping, config(enhanced_cleaning=sections)).panel
    assert result["spend__search"][3] == rows["search_cost"][3]
    assert result["spend__tv"][3] == pytest.approx(rows["tv_cost"][[3, 4]].sum())
    sections["duplicates"]["rules"] = {"search_cost": "sum"}
    with pytest.raises(ConfigError, match=r"rules\.search_cost: received 'sum', but every row of a date repeats"):
        clean_panel(panel(rows), mapping, config(enhanced_cleaning=sections))


def test_amounts_of_all_geos_and_what_is_derived_from_them_are_never_added_up() -> None:
    rows = source_rows(60).assign(posters=7.0)
    rows.loc[4, "day"] = rows.loc[3, "day"]
    data = SECTION | {
        "derived_columns": {"outdoor": "2 * posters"},
        "channel_map": SECTION["channel_map"] | {"posters": "posters", "outdoor": "outdoor"},
        "national_columns": {"columns": ["post*"], "by": "equal"},
    }
    settings = config(data=data, enhanced_cleaning={"duplicates": {"policy": "aggregate"}})
    source = prepare(source_table(rows), {}, settings)
    mapping = resolve_mapping(settings, list(source.frame.columns), source.origin)
    assert mapping.repeated == {"posters", "outdoor"}
    result = clean_panel(raw_panel(source, mapping, "North"), mapping, settings).panel
    assert (result["spend__posters"][3], result["spend__outdoor"][3]) == (7.0, 14.0)


def test_a_rule_for_an_unknown_column_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"rules\.wether: no column .* Did you mean weather\?"):
        clean(wide_rows(10), rules={"wether": "max"})
