import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.exploration.completeness import (
    STATES,
    ordered_totals,
    outlier_table,
    state_counts,
    states,
    stretch_table,
)
from mmm_core.exploration.kpi import geo_table, kpi_histogram, seasonality_table
from mmm_core.exploration.spend import MAX_GEOS
from tests.factories import EVERYTHING, tiny_model_data

DATA = tiny_model_data(3, 40, 2, extras=EVERYTHING)
COLUMNS = ["geo", "date", "column", "before", "after", "rule"]


def log(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=COLUMNS)


def test_without_a_log_weeks_are_observed_masked_or_outside() -> None:
    found = states(DATA, None)
    for g, t in np.ndindex(DATA.kpi.shape):
        expected = "outside" if not DATA.present[g, t] else "masked" if np.isnan(DATA.kpi[g, t]) else "observed"
        assert STATES[found[g, t]] == expected


def test_the_log_tells_filled_weeks_from_observed_and_absent_ones_from_masked() -> None:
    data = tiny_model_data(2, 20)
    kpi = data.kpi.copy()
    kpi[0, 3], kpi[0, 4], kpi[1, 6] = np.nan, np.nan, np.nan
    data = dataclasses.replace(data, kpi=kpi)
    week = [pd.Timestamp(date) for date in data.dates]
    found = states(
        data,
        log(
            ("Geo0", week[3], "kpi", np.nan, np.nan, "missing week: left out of the fit"),
            ("Geo0", week[3], "spend__channel_0", np.nan, 0.0, "missing week: set to 0"),
            ("Geo0", week[4], "kpi", np.nan, np.nan, "missing value: left out of the fit"),
            ("Geo1", week[6] + pd.Timedelta(days=5), "kpi", np.nan, np.nan, "missing day: the week is left out"),
            ("Geo1", week[8], "media__channel_1", np.nan, 4.0, "missing value: set to 0"),
            ("Geo1", week[9], "kpi", 0.0, 7.0, "outage: imputed"),
            ("Geo1", week[10], "spend__channel_0", 9.0, 5.0, "capped at the 99th percentile of active weeks"),
            ("Geo1", week[11], "control__control_0", np.nan, 5.0, "missing value: interpolated"),
            ("Geo1", week[12], "spend__channel_0", np.nan, 5.0, "national amount spread by population"),
            ("Geo1", week[13], "spend__channel_0", np.nan, 0.0, "missing value: pause, set to 0"),
            ("Geo1", week[0] - pd.Timedelta(days=7), "kpi", np.nan, 5.0, "missing week: interpolated"),
            ("Elsewhere", week[2], "kpi", np.nan, 5.0, "missing week: interpolated"),
        ),
    )
    expected = np.zeros((2, 20), dtype=int)
    expected[0, 3] = expected[1, 6] = STATES.index("absent")
    expected[0, 4] = STATES.index("masked")
    expected[1, 8] = expected[1, 9] = STATES.index("filled")
    np.testing.assert_array_equal(found, expected)


def test_stretches_are_the_states_week_by_week() -> None:
    found = states(DATA, None)
    rebuilt = np.full(found.shape, -1)
    for row in stretch_table(DATA, found).to_dict("records"):
        start = list(DATA.dates).index(np.datetime64(row["start"], "D"))
        rebuilt[DATA.geos.index(row["geo"]), start : start + row["weeks"]] = STATES.index(row["state"])
        assert row["end"] - row["start"] == pd.Timedelta(weeks=row["weeks"] - 1)
    np.testing.assert_array_equal(rebuilt, found)
    counts = state_counts(found)
    assert sum(counts.values()).tolist() == [40, 40, 40]


def test_of_many_geos_those_with_gaps_are_kept() -> None:
    data = tiny_model_data(70, 8)
    kpi = data.kpi.copy()
    kpi[65, 2] = np.nan
    table = stretch_table(data, states(dataclasses.replace(data, kpi=kpi), None))
    assert table["geo"].nunique() == MAX_GEOS
    assert "Geo65" in set(table["geo"])


def test_change_totals_put_the_most_frequent_rule_first() -> None:
    week = pd.Timestamp("2023-01-02")
    totals = ordered_totals(
        log(
            ("A", week, "kpi", np.nan, np.nan, "left out"),
            ("A", week, "spend", 10.0, 8.0, "capped"),
            ("B", week, "spend", 20.0, 9.0, "capped"),
            ("B", week, "spend", np.nan, 1.0, "filled"),
        ).astype({"rule": "category", "column": "category"})
    )
    assert totals["rule"].tolist() == ["capped", "filled", "left out"]
    capped = totals.iloc[0]
    assert (capped["cells"], capped["geos"], capped["sum_before"], capped["sum_after"]) == (2, 2, 30.0, 17.0)
    assert ordered_totals(None).columns.tolist() == totals.columns.tolist()
    assert ordered_totals(None).empty


def test_outliers_lie_outside_the_fences_of_their_geo() -> None:
    data = tiny_model_data(3, 60, 2)
    spend = data.spend.copy()
    spend[1, 17, 0] = 40 * spend[1, :, 0].max()
    data = dataclasses.replace(data, spend=spend)
    table = outlier_table(data, 1.5).set_index("column")
    columns = {"kpi": data.kpi} | {name: data.spend[:, :, m] for m, name in enumerate(data.channels)}
    for name, values in columns.items():
        expected = 0
        for row in values:
            active = pd.Series(row[row > 0])
            q1, q3 = active.quantile(0.25), active.quantile(0.75)
            expected += int(((active > q3 + 1.5 * (q3 - q1)) | (active < q1 - 1.5 * (q3 - q1))).sum())
        assert table.at[name, "outliers"] == expected
        assert table.at[name, "weeks"] == (values > 0).sum()
    extreme = table.loc["channel_0"]
    assert (extreme["geo"], extreme["date"]) == ("Geo1", pd.Timestamp(data.dates[17]))
    assert extreme["largest"] == spend[1, 17, 0]
    assert extreme["median"] == np.median(spend[1, :, 0][spend[1, :, 0] > 0])


def test_a_kpi_that_is_always_the_same_has_no_outliers() -> None:
    data = tiny_model_data(2, 30)
    table = outlier_table(dataclasses.replace(data, kpi=np.full((2, 30), 5.0)), 3.0)
    assert table.set_index("column").at["kpi", "outliers"] == 0


def test_scale_of_geos_equals_pandas() -> None:
    table = geo_table(DATA, states(DATA, None)).set_index("geo")
    for g, geo in enumerate(DATA.geos):
        kpi = pd.Series(DATA.kpi[g]).dropna()
        assert table.at[geo, "mean"] == pytest.approx(kpi.mean())
        assert table.at[geo, "q95"] == pytest.approx(kpi.quantile(0.95))
        assert table.at[geo, "spend"] == pytest.approx(DATA.spend[g].sum())
        assert table.at[geo, "observed"] == len(kpi)
        assert table.at[geo, "population"] == DATA.population[g]


def test_population_is_unknown_where_ones_stand_in_for_it() -> None:
    data = dataclasses.replace(tiny_model_data(), population=np.ones(3))
    assert geo_table(data, states(data, None))["population"].isna().all()


def test_the_histogram_counts_every_known_week_once() -> None:
    table = kpi_histogram(DATA)
    assert table["weeks"].sum() == DATA.observed.sum()
    highest = max(np.nanmax(row) / np.nanmean(row) for row in DATA.kpi)
    assert table["high"].iloc[-1] == pytest.approx(highest)


def test_the_season_is_the_kpi_over_what_is_usual_in_the_known_geos() -> None:
    table = seasonality_table(DATA)
    usual = [np.nanmean(row) for row in DATA.kpi]
    for t, row in enumerate(table.to_dict("records")):
        known = [g for g in range(3) if np.isfinite(DATA.kpi[g, t])]
        expected = sum(DATA.kpi[g, t] for g in known) / sum(usual[g] for g in known)
        assert row["index"] == pytest.approx(expected)
        middle = (row["date"] + pd.Timedelta(days=3)).isocalendar()
        assert (row["year"], row["week"]) == (middle.year, middle.week)
