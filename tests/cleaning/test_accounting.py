"""The change log accounts for every difference, whatever is wrong with the rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.cleaning.clean import clean_panel
from mmm_core.cleaning.totals import change_totals
from mmm_core.data.panel import summed_columns
from tests.panels import WIDE_MAPPING, config, panel, wide_rows

MAPPING = replace(
    WIDE_MAPPING,
    kpi_type="revenue",
    revenue_per_kpi=None,
    currency="currency",
    national=("tv_cost", "tv_views"),
    attributed=(("search", "search_sales"),),
    extras=("margin",),
    events=("sale: summer",),
)
NUMERIC = list(MAPPING.clean_columns)
ADDITIVE = summed_columns(NUMERIC)
POLICIES = {
    "week_alignment": "align",
    "currency": {"policy": "convert", "rates": {"EUR": 1.1, "GBP": 1.3}},
    "duplicates": {"policy": "aggregate"},
}

corruptions = st.fixed_dictionaries(
    {
        "step": st.sampled_from([1, 7]),
        "n_rows": st.integers(50, 80),
        "offset": st.integers(0, 6),
        "seed": st.integers(0, 10**6),
        "copies": st.integers(0, 4),
        "further": st.integers(0, 4),
        "gone": st.integers(0, 6),
        "empty": st.integers(0, 25),
        "silent": st.integers(0, 20),
        "moved": st.integers(0, 3),
        "huge": st.integers(0, 3),
    }
)
ways = st.fixed_dictionaries(
    {
        "missing_data": st.fixed_dictionaries(
            {
                "strategy": st.sampled_from(["mask", "campaign_aware"]),
                "pause_detection": st.booleans(),
                "outage_detection": st.booleans(),
                "outage_action": st.sampled_from(["mask", "impute"]),
                "outages": st.sampled_from(
                    [
                        [],
                        [
                            {"start": "2023-01-20", "end": "2023-01-27", "columns": ["kpi", "tv"]},
                            {"start": "2023-02-01", "end": "2023-02-03", "columns": ["search_cost", "weather"]},
                        ],
                    ]
                ),
            }
        ),
        "outliers": st.fixed_dictionaries(
            {
                "policy": st.sampled_from(["none", "flag", "contextual_winsorization"]),
                "winsorize_percentile": st.sampled_from([80, 95]),
                "columns": st.just(["spend", "media", "kpi", "controls"]),
            }
        ),
        "identical_rows": st.sampled_from(["drop", "keep"]),
    }
)


def corrupted(case: dict[str, int]) -> pd.DataFrame:
    """A raw panel of one geo with every kind of defect that cleaning can deal with."""
    rng = np.random.default_rng(case["seed"])
    n = case["n_rows"]
    rows = wide_rows(n, start=f"2023-01-0{1 + case['offset']}", step_days=case["step"], seed=case["seed"])
    rows = rows.assign(search_sales=1.0, margin=rng.normal(size=n), **{"sale: summer": 0.0})
    raw = panel(rows, mapping=replace(MAPPING, currency=None, national=()))
    raw["currency"] = rng.choice(["USD", "EUR", "GBP"], n)
    raw["national_share"] = rng.uniform(0.1, 0.5, n)
    for column in ("kpi", "spend__tv", "media__tv", "spend__search", "spend__video", "reach__video"):
        first = int(rng.integers(0, n))
        raw.loc[first : first + int(rng.integers(0, case["silent"] + 1)), column] = 0.0
    for _ in range(case["huge"]):
        raw.loc[rng.integers(0, n), rng.choice(ADDITIVE)] *= 50.0
    for _ in range(case["empty"]):
        raw.loc[rng.integers(20, n), rng.choice(NUMERIC)] = np.nan
    raw = raw.drop(index=rng.choice(np.arange(20, n), case["gone"], replace=False))
    further = raw.sample(case["further"], random_state=case["seed"])
    further[list(ADDITIVE)] *= 0.5
    raw = pd.concat([raw, raw.sample(case["copies"], random_state=case["seed"] + 1), further])
    if case["step"] == 7 and case["moved"]:
        places = rng.choice(len(raw), case["moved"], replace=False)
        raw.iloc[places, raw.columns.get_loc("date")] += pd.Timedelta(days=1)
    raw = raw.sample(frac=1.0, random_state=case["seed"]).reset_index(drop=True)
    return raw.assign(source_row=np.arange(2, len(raw) + 2))


@settings(max_examples=60, deadline=None)
@given(corruptions, ways)
def test_raw_sums_plus_logged_changes_are_the_clean_sums(case: dict[str, int], how: dict[str, Any]) -> None:
    raw = corrupted(case)
    duplicates = POLICIES["duplicates"] | {"identical_rows": how["identical_rows"]}
    sections = POLICIES | {key: how[key] for key in ("missing_data", "outliers")} | {"duplicates": duplicates}
    cleaned = clean_panel(raw, MAPPING, config(enhanced_cleaning=sections))
    log = cleaned.changes
    for column in ADDITIVE:
        lines = log[log["column"] == column]
        net = lines["after"].fillna(0.0).sum() - lines["before"].fillna(0.0).sum()
        assert raw[column].sum() + net == pytest.approx(cleaned.panel[column].sum(), rel=1e-9, abs=1e-6), column
    assert not set(log["column"]) - {"(row)", *NUMERIC}
    assert ((log["before"] != log["after"]) | (log["column"] == "(row)")).all()
    kept = np.isfinite(cleaned.panel[[column for column in NUMERIC if column != "kpi"]].to_numpy())
    assert kept.all()


@settings(max_examples=40, deadline=None)
@given(corruptions)
def test_every_raw_row_is_in_the_panel_or_in_the_log(case: dict[str, int]) -> None:
    raw = corrupted(case)
    cleaned = clean_panel(raw, MAPPING, config(enhanced_cleaning=POLICIES))
    rows = cleaned.changes[cleaned.changes["column"] == "(row)"]
    gone = rows.loc[rows["after"].isna(), "before"].astype(int)
    assert sorted(gone) == sorted(cleaned.dropped_rows["source_row"])
    combined = rows[rows["rule"].str.startswith("combined")]
    kept = set(raw["source_row"]) - set(gone) - set(combined["before"].astype(int))
    assert set(combined["after"].astype(int)) <= set(raw["source_row"]) - set(combined["before"].astype(int))
    assert len(kept) <= len(cleaned.panel) * (7 if case["step"] == 1 else 1)


def test_totals_add_up_by_rule_and_column_over_geos() -> None:
    logs = []
    for seed, geo in enumerate(["North", "South"]):
        raw = panel(wide_rows(20, geo=geo, seed=seed).drop(index=[5, 6]), geo=geo, mapping=WIDE_MAPPING)
        raw.loc[3, "spend__tv"] = np.nan
        raw = pd.concat([raw, raw.iloc[[2]].assign(source_row=99)])
        policies = {"duplicates": {"policy": "aggregate"}, "missing_data": {"strategy": "mask"}}
        logs.append(clean_panel(raw, WIDE_MAPPING, config(enhanced_cleaning=policies)).changes)
    log = pd.concat(logs)
    totals = change_totals(log)
    assert list(totals.columns) == ["rule", "column", "geos", "cells", "sum_before", "sum_after"]
    assert totals["cells"].sum() == len(log)
    row = totals[(totals["rule"] == "missing week: set to 0") & (totals["column"] == "spend__tv")].iloc[0]
    assert (row["geos"], row["cells"], row["sum_before"], row["sum_after"]) == (2, 4, 0.0, 0.0)
    copies = totals[(totals["rule"] == "dropped: exact copy of another row") & (totals["column"] == "kpi")].iloc[0]
    dropped = log[(log["rule"] == "dropped: exact copy of another row") & (log["column"] == "kpi")]
    assert copies["sum_before"] == dropped["before"].sum()
    assert totals.loc[totals["column"] == "(row)", ["sum_before", "sum_after"]].isna().all(axis=None)


def test_totals_of_an_empty_log_are_empty() -> None:
    log = clean_panel(panel(wide_rows(10), mapping=WIDE_MAPPING), WIDE_MAPPING, config()).changes
    assert change_totals(log).empty
