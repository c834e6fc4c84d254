"""Oracles: a loop over days for aggregation, the change log for everything else."""

import datetime
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.errors import DataError
from tests.panels import MAPPING, WIDE_MAPPING, WIDE_SECTION, config, panel, source_rows, wide_rows

SUMMED = ["kpi", "spend__tv", "media__tv", "spend__search"]
LEVELS = ["revenue_per_kpi", "population", "control__weather"]
NUMERIC = list(MAPPING.numeric_columns)
SIMPLE = {"enhanced_cleaning": {"missing_data": {"strategy": "simple"}}}


def clean(rows: pd.DataFrame, **sections: Any) -> CleanedPanel:
    return clean_panel(panel(rows), MAPPING, config(**sections))


def weekly_rows_with_gaps(n_weeks: int, holes: set[int], empty: set[tuple[int, str]]) -> pd.DataFrame:
    """Weekly rows without the rows at `holes` (never the first or last) and without the cells of `empty`."""
    rows = source_rows(n_weeks)
    for position, column in empty:
        rows.loc[position % n_weeks, column] = np.nan
    return rows.drop(index=[hole % (n_weeks - 2) + 1 for hole in holes])


gaps = st.tuples(
    st.integers(10, 30),
    st.sets(st.integers(0, 50), max_size=3),
    st.sets(st.tuples(st.integers(0, 50), st.sampled_from(["tv_cost", "tv_views", "search_cost"])), max_size=6),
)


@settings(max_examples=40, deadline=None)
@given(gaps)
def test_every_difference_from_raw_to_clean_is_in_the_change_log(
    case: tuple[int, set[int], set[tuple[int, str]]],
) -> None:
    raw = panel(weekly_rows_with_gaps(*case))
    cleaned = clean_panel(raw, MAPPING, config())
    rebuilt = raw.set_index("date")[NUMERIC].reindex(cleaned.panel["date"])
    for change in cleaned.changes.itertuples():
        before = rebuilt.loc[change.date, change.column]
        assert (np.isnan(before) and np.isnan(change.before)) or before == change.before
        assert before != change.after
        rebuilt.loc[change.date, change.column] = change.after
    np.testing.assert_array_equal(rebuilt.to_numpy(), cleaned.panel[NUMERIC].to_numpy())
    assert not cleaned.changes.duplicated(["date", "column"]).any()


def weeks_by_loop(raw: pd.DataFrame, week_start: str) -> dict[datetime.date, dict[str, float]]:
    """Whole weeks of complete daily data, one day after the other."""
    days = {date.date(): values for date, values in raw.set_index("date")[NUMERIC].iterrows()}
    weeks: dict[datetime.date, dict[str, float]] = {}
    for first in days:
        week = [days.get(first + datetime.timedelta(days=day)) for day in range(7)]
        if first.strftime("%A").lower() != week_start or any(day is None for day in week):
            continue
        totals = {column: sum(day[column] for day in week if day is not None) for column in NUMERIC}
        money = sum(day["kpi"] * day["revenue_per_kpi"] for day in week if day is not None)
        weeks[first] = {column: totals[column] for column in SUMMED} | {
            "revenue_per_kpi": money / totals["kpi"],
            "population": totals["population"] / 7,
            "control__weather": totals["control__weather"] / 7,
        }
    return weeks


@settings(max_examples=40, deadline=None)
@given(
    n_days=st.integers(14, 60),
    offset=st.integers(0, 6),
    week_start=st.sampled_from(["monday", "wednesday", "sunday"]),
    order=st.randoms(use_true_random=False),
)
def test_days_become_the_weeks_that_a_loop_over_days_gives(
    n_days: int, offset: int, week_start: str, order: Any
) -> None:
    rows = source_rows(n_days, start=f"2023-01-0{offset + 1}", step_days=1)
    positions = list(range(n_days))
    order.shuffle(positions)
    raw = panel(rows.iloc[positions])
    cleaned = clean_panel(raw, MAPPING, config(data=config().data.model_dump() | {"week_start": week_start}))
    expected = weeks_by_loop(panel(rows), week_start)
    assert [date.date() for date in cleaned.panel["date"]] == list(expected)
    for row in cleaned.panel.to_dict("records"):
        for column, value in expected[row["date"].date()].items():
            assert row[column] == pytest.approx(value)
    assert set(cleaned.changes["rule"]) <= {"dropped: partial first week", "dropped: partial last week"}


@settings(max_examples=40, deadline=None)
@given(n_days=st.integers(20, 70), holes=st.sets(st.integers(0, 100), max_size=5), offset=st.integers(0, 6))
def test_sums_are_kept_up_to_dropped_rows_and_logged_fills(n_days: int, holes: set[int], offset: int) -> None:
    rows = source_rows(n_days, start=f"2023-01-0{offset + 1}", step_days=1)
    raw = panel(rows.drop(index=[hole % (n_days - 2) + 1 for hole in holes]))
    cleaned = clean_panel(raw, MAPPING, config(**SIMPLE))
    for column in SUMMED:
        filled = cleaned.changes.loc[cleaned.changes["column"] == column, "after"].sum()  # NaN: dropped
        kept = raw[column].sum() - cleaned.dropped_rows[column].sum()
        assert cleaned.panel[column].sum() == pytest.approx(kept + filled)
    used = set(raw["source_row"]) - set(cleaned.dropped_rows["source_row"])
    assert len(used) + cleaned.changes["date"][cleaned.changes["after"].notna()].nunique() == 7 * len(
        cleaned.panel
    )


def test_partial_weeks_are_dropped_and_said_to_be() -> None:
    cleaned = clean(source_rows(7 + 3 + 2, start="2023-01-06", step_days=1))
    assert cleaned.panel["date"].tolist() == [pd.Timestamp("2023-01-09")]
    reasons = cleaned.dropped_rows.groupby("reason")["source_row"].apply(list).to_dict()
    assert reasons == {"partial first week": [2, 3, 4], "partial last week": [12, 13]}
    assert cleaned.notes == ("7 days were aggregated to 1 weeks that start on monday.",)


def test_days_without_a_whole_week_are_refused() -> None:
    with pytest.raises(DataError, match="Geo North has 7 days and no whole week that starts on monday"):
        clean(source_rows(8, start="2023-01-03", step_days=1).drop(index=[2]))


def test_week_without_kpi_takes_the_plain_mean_of_revenue_per_kpi() -> None:
    rows = source_rows(14, step_days=1)
    rows.loc[:6, "orders"] = 0.0
    cleaned = clean(rows)
    assert cleaned.panel["revenue_per_kpi"][0] == pytest.approx(rows["price"][:7].mean())


def test_missing_week_is_filled_with_zeros_and_interpolation() -> None:
    rows = source_rows(10)
    cleaned = clean(rows.drop(index=[4]), **SIMPLE)
    filled = cleaned.panel.loc[4]
    assert filled["date"] == pd.Timestamp("2023-01-30")
    for column in SUMMED[1:]:
        assert filled[column] == 0.0
    for column in ["kpi", *LEVELS]:
        source = MAPPING.source_column(column)
        assert filled[column] == pytest.approx((rows[source][3] + rows[source][5]) / 2)
    rules = dict(zip(cleaned.changes["column"], cleaned.changes["rule"], strict=True))
    assert rules["spend__tv"] == "missing week: set to 0"
    assert rules["kpi"] == "missing week: interpolated"
    assert len(cleaned.changes) == len(NUMERIC)


def test_masked_weeks_have_no_kpi_but_all_the_rest() -> None:
    rows = source_rows(10)
    rows.loc[[0, 7], "orders"] = np.nan
    cleaned = clean(rows.drop(index=[4]))
    simple = clean(rows.dropna().drop(index=[4]), **SIMPLE).panel
    assert cleaned.panel.index[cleaned.panel["kpi"].isna()].tolist() == [0, 4, 7]
    np.testing.assert_array_equal(cleaned.panel["kpi"].dropna(), rows["orders"].drop(index=[0, 4, 7]))
    assert cleaned.panel.loc[4, SUMMED[1:]].tolist() == [0.0] * 3
    np.testing.assert_array_equal(cleaned.panel.loc[4, LEVELS], simple.set_index("date").loc["2023-01-30", LEVELS])
    log = cleaned.changes[cleaned.changes["column"] == "kpi"]
    assert log["after"].isna().all()
    assert log["rule"].tolist() == [
        "missing value: left out of the fit",
        "missing week: left out of the fit",
        "missing value: left out of the fit",
    ]


def test_day_without_kpi_masks_its_week_only() -> None:
    rows = source_rows(35, step_days=1)
    rows.loc[8, "orders"] = np.nan
    cleaned = clean(rows.drop(index=[23]))
    assert cleaned.panel["kpi"].isna().tolist() == [False, True, False, True, False]
    assert np.isfinite(cleaned.panel.drop(columns="kpi")[SUMMED[1:] + LEVELS].to_numpy()).all()
    log = cleaned.changes[cleaned.changes["column"] == "kpi"]
    rules = {f"{change.date:%Y-%m-%d}": change.rule for change in log.itertuples()}
    assert rules.pop("2023-01-10") == "missing value: the week is left out of the fit"
    assert rules.pop("2023-01-25") == "missing day: the week is left out of the fit"
    assert sorted(rules) == [f"2023-01-{day:02}" for day in (9, *range(11, 16), 23, 24, *range(26, 30))]
    assert set(rules.values()) == {"another day of the week has no KPI: the week is left out of the fit"}


def test_geo_without_any_week_with_a_kpi_is_refused() -> None:
    with pytest.raises(DataError, match="kpi holds no value"):
        clean(source_rows(10).assign(orders=np.nan))
    daily = source_rows(21, step_days=1)
    daily.loc[::7, "orders"] = np.nan
    with pytest.raises(DataError, match="Geo North has no whole week with a known 'orders'"):
        clean(daily)


@settings(max_examples=30, deadline=None)
@given(n_weeks=st.integers(2, 6), seed=st.integers(0, 1000))
def test_reach_is_summed_and_frequency_averaged_over_the_people_reached(n_weeks: int, seed: int) -> None:
    rows = wide_rows(7 * n_weeks, step_days=1, seed=seed)
    cleaned = clean_panel(panel(rows, mapping=WIDE_MAPPING), WIDE_MAPPING, config(data=WIDE_SECTION)).panel
    for week in range(n_weeks):
        days = rows.iloc[7 * week : 7 * week + 7]
        reach = days["video_reach"].sum()
        contacts = sum(day["video_reach"] * day["video_frequency"] for _, day in days.iterrows())
        assert cleaned["reach__video"][week] == reach
        assert cleaned["frequency__video"][week] * reach == pytest.approx(contacts)
        assert cleaned["treatment__promo"][week] == pytest.approx(days["promo"].mean())
        assert cleaned["media__newsletter"][week] == days["newsletter_opens"].sum()


def test_missing_values_at_the_ends_take_the_nearest_value() -> None:
    rows = source_rows(10)
    rows.loc[[0, 1, 9], "people"] = np.nan
    rows.loc[2, "people"] = 900.0
    cleaned = clean(rows)
    assert cleaned.panel["population"].tolist() == [900.0] * 3 + [1000.0] * 7
    assert set(cleaned.changes["rule"]) == {"missing value: interpolated"}


def test_refusing_strategy_names_dates_and_columns() -> None:
    rows = source_rows(10).drop(index=[4])
    rows.loc[6, "tv_cost"] = np.nan
    with pytest.raises(DataError, match=r"missing dates 2023-01-30 .*spend__tv at 2023-02-13.*strategy is refuse"):
        clean(rows, enhanced_cleaning={"missing_data": {"strategy": "refuse"}})


def test_weekly_data_keeps_its_weekday_and_says_so() -> None:
    cleaned = clean(source_rows(10, start="2023-01-04"))
    assert cleaned.panel["date"][0] == pd.Timestamp("2023-01-04")
    assert cleaned.notes == ("The weekly data is dated by wednesday, which is kept as the first day of the week.",)


def test_clean_panel_is_sorted_and_float() -> None:
    cleaned = clean(source_rows(10).iloc[::-1].astype({"tv_views": int}))
    assert cleaned.panel["date"].is_monotonic_increasing
    assert list(cleaned.panel.columns) == ["geo", "date", *NUMERIC]
    assert (cleaned.panel[NUMERIC].dtypes == "float64").all()
    assert cleaned.panel["date"].dtype == "datetime64[ns]"
    assert cleaned.dropped_rows.empty
    assert list(cleaned.changes.columns) == ["geo", "date", "column", "before", "after", "rule"]


def corrupt(column: str, value: Any) -> pd.DataFrame:
    rows = source_rows(10).astype({column: object})
    rows.loc[3, column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (corrupt("tv_cost", "abc"), "column 'tv_cost' holds text"),
        (corrupt("day", "someday"), "column 'day' holds text"),
        (corrupt("orders", None), "'orders' is empty in row 5"),
        (corrupt("day", "2023-01-02"), "a date occurs twice"),
        (corrupt("day", "2023-01-24"), "on one weekday .2023-01-24"),
        (source_rows(10, step_days=30), "usually 30 days apart"),
        (source_rows(10).assign(people=np.nan), "population holds no value"),
    ],
)
def test_panel_that_failed_its_checks_is_refused(rows: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        clean(rows, **SIMPLE)


@settings(max_examples=30, deadline=None)
@given(percentile=st.floats(60, 100), seed=st.integers(0, 1000))
def test_capping_limits_each_column_at_its_own_percentile_and_logs_it(percentile: float, seed: int) -> None:
    rows = source_rows(40, seed=seed)
    cleaned = clean(
        rows,
        enhanced_cleaning={"outliers": {"policy": "contextual_winsorization", "winsorize_percentile": percentile}},
    )
    for column in NUMERIC:
        before = rows[MAPPING.source_column(column)].to_numpy(dtype=float)
        after = cleaned.panel[column].to_numpy()
        limit = np.percentile(before[before > 0], percentile) if column.startswith(("spend", "media")) else np.inf
        np.testing.assert_allclose(after, np.minimum(before, limit))
        logged = cleaned.changes.loc[cleaned.changes["column"] == column]
        assert len(logged) == (after != before).sum()
        np.testing.assert_allclose(logged["before"], before[after != before])


def test_flagging_changes_nothing() -> None:
    rows = source_rows(40)
    assert clean(rows, enhanced_cleaning={"outliers": {"policy": "flag"}}).changes.empty


def test_what_the_checks_refuse_is_refused_here_too() -> None:
    raw = panel(source_rows(10))
    raw.loc[4, "spend__tv"] = np.inf
    with pytest.raises(DataError, match="'tv_cost' is infinite in row 6"):
        clean_panel(raw, MAPPING, config())
    with pytest.raises(DataError, match="a date is missing in row 6"):
        clean_panel(raw.assign(date=raw["date"].where(raw.index != 4)), MAPPING, config())


def test_one_week_is_enough_to_be_cleaned() -> None:
    policies = {"outliers": {"policy": "contextual_winsorization"}, "missing_data": {"outage_detection": True}}
    cleaned = clean(source_rows(1), enhanced_cleaning=policies)
    assert len(cleaned.panel) == 1


@pytest.mark.full
def test_a_geo_of_five_years_of_days_is_cleaned_in_a_fraction_of_40_milliseconds() -> None:
    raw = panel(wide_rows(1826, step_days=1), mapping=WIDE_MAPPING)
    clean_panel(raw, WIDE_MAPPING, config(data=WIDE_SECTION))
    start = time.process_time()
    for _ in range(5):
        clean_panel(raw, WIDE_MAPPING, config(data=WIDE_SECTION))
    assert (time.process_time() - start) / 5 < 0.04
