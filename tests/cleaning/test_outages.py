"""Pauses against outages; imputation is checked against a loop over weeks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.config.mapping import ChannelColumns
from mmm_core.data.mapping import ColumnMapping
from mmm_core.errors import ConfigError, DataError
from tests.panels import WIDE_MAPPING, config

PLAIN = replace(
    WIDE_MAPPING,
    channels=("google_search", "google_shopping", "tv"),
    channel_columns=(
        ChannelColumns(spend="gs"),
        ChannelColumns(spend="gp", media="gp_views"),
        ChannelColumns(spend="tv_cost", reach="tv_reach", frequency="tv_frequency"),
    ),
)
AWARE = {"strategy": "campaign_aware"}


def steady(n: int, step: int = 1) -> pd.DataFrame:
    """A raw panel that is active on every date; daily from a Monday unless told otherwise."""
    at = np.arange(n, dtype=float)
    values = dict.fromkeys(PLAIN.numeric_columns, 100.0 + at)
    values |= {"media__google_shopping": 4 * values["spend__google_shopping"], "frequency__tv": 2.0 + 0 * at}
    dates = pd.date_range("2023-01-02", periods=n, freq=f"{step}D")
    return pd.DataFrame({"geo": "North", "date": dates, **values, "source_row": np.arange(2, n + 2)})


def clean(raw: pd.DataFrame, mapping: ColumnMapping = PLAIN, **missing_data: Any) -> CleanedPanel:
    return clean_panel(raw, mapping, config(enhanced_cleaning={"missing_data": missing_data}))


def rules(cleaned: CleanedPanel, column: str) -> list[str]:
    return list(cleaned.changes.loc[cleaned.changes["column"] == column, "rule"].unique())


def imputed_by_loop(values: np.ndarray, first: int, last: int, daily: bool) -> np.ndarray:
    """The straight line between the level before and the level after, times the share of the weekday."""
    week = 7 if daily else 1
    weeks_before = [range(first - week * (k + 1), first - week * k) for k in range(4)]
    weeks_after = [range(last + 1 + week * k, last + 1 + week * (k + 1)) for k in range(4)]
    sides = []
    for weeks in (weeks_before, weeks_after):
        days = [[day for day in one if 0 <= day < len(values) and np.isfinite(values[day])] for one in weeks]
        sides.append([day for one in days if any(values[day] > 0 for day in one) for day in one])
    levels = [np.mean([values[day] for day in side]) for side in sides if side]
    centres = [np.mean(side) for side in sides if side]
    slope = (levels[1] - levels[0]) / (centres[1] - centres[0]) if len(levels) == 2 else 0.0
    result = []
    for day in range(first, last + 1):
        same = [other for other in sides[0] + sides[1] if daily and other % 7 == day % 7]
        share = 1.0
        if same:
            lines = [max(levels[0] + slope * (other - centres[0]), min(levels) / 2) for other in same]
            share = sum(values[other] for other in same) / sum(lines)
        result.append((levels[0] + slope * (day - centres[0])) * share)
    return np.array(result)


@settings(max_examples=60, deadline=None)
@given(
    daily=st.booleans(),
    first=st.integers(1, 50),
    length=st.integers(1, 10),
    seed=st.integers(0, 10**6),
    off=st.booleans(),
)
def test_an_outage_is_imputed_between_the_levels_around_it(
    daily: bool, first: int, length: int, seed: int, off: bool
) -> None:
    rng = np.random.default_rng(seed)
    raw = steady(70, 1 if daily else 7)
    series = rng.gamma(3.0, 40.0, 70)
    if off:
        series[70 // 2 + 12 :] = 0.0  # idle weeks do not count for the level
        series[[first - 1, first + length]] = 50.0
    raw["spend__google_search"] = series
    last = first + length - 1
    raw.loc[first:last, "spend__google_search"] = np.nan
    cleaned = clean(raw, **AWARE, pause_detection=False)
    log = cleaned.changes[cleaned.changes["column"] == "spend__google_search"]
    known = raw["spend__google_search"].to_numpy()
    np.testing.assert_allclose(log["after"], imputed_by_loop(known, first, last, daily))
    assert log["rule"].unique().tolist() == ["missing value: outage, imputed from the weeks around"]


def test_a_long_gap_is_a_pause_unless_pauses_are_not_looked_for() -> None:
    raw = steady(70)
    raw.loc[20:33, "spend__google_search"] = np.nan
    assert rules(clean(raw, **AWARE), "spend__google_search") == ["missing value: pause, set to 0"]
    raw.loc[33, "spend__google_search"] = 133.0
    assert "outage, imputed" in rules(clean(raw, **AWARE), "spend__google_search")[0]
    raw.loc[33, "spend__google_search"] = np.nan
    assert "outage, imputed" in rules(clean(raw, **AWARE, pause_detection=False), "spend__google_search")[0]


@pytest.mark.parametrize("edge", ["before", "after", "start", "end"])
def test_a_gap_at_the_edge_of_a_pause_is_zero(edge: str) -> None:
    raw = steady(70)
    first = {"start": 0, "end": 67}.get(edge, 30)
    raw.loc[first : first + 2, "spend__google_search"] = np.nan
    if edge in ("before", "after"):
        raw.loc[(range(25, 30) if edge == "before" else range(33, 40)), "spend__google_search"] = 0.0
    cleaned = clean(raw, **AWARE)
    assert rules(cleaned, "spend__google_search") == ["missing value: pause, set to 0"]


def test_what_is_missing_beside_recorded_media_follows_the_usual_cost() -> None:
    raw = steady(70)
    raw.loc[30:32, "spend__google_shopping"] = np.nan
    raw.loc[40:41, "media__google_shopping"] = np.nan
    raw.loc[50, ["spend__google_shopping", "media__google_shopping"]] = [np.nan, 0.0]
    raw.loc[60, "frequency__tv"] = np.nan
    cleaned = clean(raw, **AWARE)
    log = cleaned.changes.set_index(["column", "date"])["after"]
    spend = steady(70).set_index("date")["spend__google_shopping"]
    np.testing.assert_allclose(log["spend__google_shopping"].iloc[:3], spend.iloc[30:33])
    np.testing.assert_allclose(log["media__google_shopping"], 4 * spend.iloc[40:42])
    assert log["spend__google_shopping"].iloc[3] == 0.0
    assert log["frequency__tv"].tolist() == [2.0]
    assert rules(cleaned, "media__google_shopping") == [
        "missing value: outage, imputed at the usual cost per media unit"
    ]


def test_other_strategies_set_missing_media_to_zero() -> None:
    raw = steady(70)
    raw.loc[30, "spend__google_search"] = np.nan
    for strategy in ("mask", "simple"):
        assert rules(clean(raw, strategy=strategy), "spend__google_search") == ["missing value: set to 0"]


def test_a_missing_day_of_a_running_campaign_is_imputed_and_its_kpi_masked() -> None:
    cleaned = clean(steady(70).drop(index=30), **AWARE)
    assert rules(cleaned, "spend__google_search") == ["missing day: outage, imputed from the weeks around"]
    assert cleaned.panel["kpi"].isna().sum() == 1
    assert rules(cleaned, "population") == ["missing day: interpolated"]


def test_zeros_of_the_kpi_amid_activity_are_an_outage() -> None:
    raw = steady(70)
    raw.loc[30:32, "kpi"] = 0.0
    masked = clean(raw, outage_detection=True)
    assert masked.panel["kpi"].isna().tolist() == [week == 4 for week in range(10)]
    assert rules(masked, "kpi") == [
        "outage detected: the week is left out of the fit",
        "another day of the week has no KPI: the week is left out of the fit",
    ]
    imputed = clean(raw, outage_detection=True, outage_action="impute")
    log = imputed.changes[imputed.changes["column"] == "kpi"]
    known = raw["kpi"].where(raw["kpi"] > 0).to_numpy()
    np.testing.assert_allclose(log["after"], imputed_by_loop(known, 30, 32, daily=True))
    assert log["rule"].unique().tolist() == ["outage detected: imputed from the weeks around"]
    assert clean(raw).changes.empty


def test_zeros_that_are_usual_or_long_or_at_the_end_are_no_outage() -> None:
    sundays = steady(70)
    sundays.loc[sundays["date"].dt.dayofweek == 6, ["kpi", "spend__google_search"]] = 0.0
    long, end = steady(70), steady(70)
    long.loc[20:34, ["kpi", "spend__tv", "reach__tv"]] = 0.0
    end.loc[60:, ["kpi", "spend__tv", "reach__tv"]] = 0.0
    for raw in (sundays, long, end):
        assert clean(raw, outage_detection=True).changes.empty
    assert not clean(long, outage_detection=True, max_outage_days=15).changes.empty


def test_a_platform_is_out_only_if_all_its_channels_are() -> None:
    one, both = steady(70), steady(70)
    one.loc[30:33, "spend__google_search"] = 0.0
    both.loc[30:33, ["spend__google_search", "spend__google_shopping", "media__google_shopping"]] = 0.0
    assert clean(one, outage_detection=True).changes.empty
    found = clean(both, outage_detection=True).changes
    assert set(found["column"]) == {"spend__google_search", "spend__google_shopping", "media__google_shopping"}
    np.testing.assert_allclose(
        found.loc[found["column"] == "spend__google_search", "after"], 100.0 + np.arange(30, 34)
    )


def test_spend_that_stops_while_media_goes_on_is_imputed() -> None:
    raw = steady(70)
    raw.loc[30:33, "spend__google_shopping"] = 0.0
    cleaned = clean(raw, outage_detection=True)
    log = cleaned.changes[cleaned.changes["column"] == "spend__google_shopping"]
    np.testing.assert_allclose(log["after"], 100.0 + np.arange(30, 34))
    assert log["rule"].unique().tolist() == ["outage detected: imputed at the usual cost per media unit"]


def test_known_outages_are_imputed_or_masked_wherever_they_are_said_to_be() -> None:
    outage = {"start": "2023-02-01", "end": "2023-02-03", "columns": ["kpi", "tv", "weather", "gs"]}
    raw = steady(70)
    raw.loc[30:32, "kpi"] = 7.0  # recorded, but known to be wrong
    cleaned = clean(raw, outages=[outage])
    out = cleaned.changes[cleaned.changes["rule"].str.startswith("known outage")].set_index("column")
    assert out.loc["kpi", "before"].tolist() == [7.0] * 3
    rest = out.drop(index="kpi")
    np.testing.assert_allclose(rest["after"], rest["before"])  # imputed as it was: everything grows steadily
    assert cleaned.panel["kpi"].isna().sum() == 1
    raw.loc[30:32, ["spend__tv", "reach__tv", "frequency__tv", "spend__google_search", "control__weather"]] = 0.0
    changed = clean(raw, outages=[outage], outage_action="impute")
    assert changed.panel.notna().all(axis=None)
    for column in ("kpi", "spend__tv", "reach__tv", "spend__google_search"):
        np.testing.assert_allclose(changed.panel[column], clean(steady(70)).panel[column])
    assert rules(changed, "control__weather") == ["known outage: interpolated"]
    elsewhere = clean(raw, outages=[outage | {"geos": ["South"]}])
    assert elsewhere.changes.empty


def test_a_known_outage_is_no_gap_that_is_refused() -> None:
    raw = steady(70)
    raw.loc[30:32, "spend__tv"] = np.nan
    outage = {"start": "2023-02-01", "end": "2023-02-03", "columns": ["tv_cost"]}
    assert clean(raw, strategy="refuse", outages=[outage]).panel.notna().all(axis=None)
    with pytest.raises(DataError, match="missing values of spend__tv at 2023-02-01"):
        clean(raw, strategy="refuse")


def test_a_week_is_out_if_one_of_its_days_is() -> None:
    outage = {"start": "2023-02-03", "end": "2023-02-06"}
    cleaned = clean(steady(70, step=7), outages=[outage])
    assert cleaned.panel.loc[cleaned.panel["kpi"].isna(), "date"].dt.strftime("%m-%d").tolist() == [
        "01-30",
        "02-06",
    ]


def test_without_activity_around_recorded_values_stay_and_missing_ones_are_zero() -> None:
    raw = steady(70)
    raw["spend__google_search"] = 0.0
    raw.loc[31, "spend__google_search"] = np.nan
    outage = {"start": "2023-02-01", "end": "2023-02-03", "columns": ["google_search"]}
    cleaned = clean(raw, outages=[outage])
    assert cleaned.panel["spend__google_search"].eq(0.0).all()
    assert rules(cleaned, "spend__google_search") == ["known outage: no activity in the weeks around, set to 0"]


def test_an_outage_of_something_unknown_is_refused() -> None:
    outage = {"start": "2023-02-03", "end": "2023-02-06", "columns": ["google_serch"]}
    with pytest.raises(ConfigError, match=r"outages\[0\]\.columns: received 'google_serch'.*mean google_search\?"):
        clean(steady(70), outages=[outage])


def test_events_are_absent_where_nothing_is_recorded() -> None:
    mapping = replace(PLAIN, events=("sale: summer",))
    raw = steady(70).assign(**{"event__sale: summer": 1.0})
    raw.loc[[30, 31], "event__sale: summer"] = np.nan
    cleaned = clean(raw, mapping)
    assert cleaned.panel["event__sale: summer"].tolist() == pytest.approx([1.0] * 4 + [5 / 7] + [1.0] * 5)
