"""Orders of a year with monthly media, in the layout of DT Mart, from the files to features."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.reporting.validation_page import render_validation
from tests.dt_mart import DAYS, SALE, write_dt_mart
from tests.examples.prepared import Prepared, example, prepared

GROUPS = {
    "brand": ["TV", "Digital", "Content Marketing"],
    "sponsorships": ["Sponsorship"],
    "performance": ["Online marketing", " Affiliates", "SEM"],
}
CRORE = 1e7
EVENT = f"event__special_sale: {SALE}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dt_mart(tmp_path_factory.mktemp("dt_mart"))


@pytest.fixture(scope="module")
def shop(folder: Path) -> Prepared:
    tables = {"media": "MediaInvestment", "sales_calendar": "SpecialSale", "satisfaction": "MonthlyNPSscore"}
    paths = [f"ingest.tables.{name}.path={folder / file}.csv" for name, file in tables.items()]
    return prepared(example("dt_mart", f"ingest.path={folder / 'firstfile.csv'}", *paths))


@pytest.fixture(scope="module")
def media(folder: Path) -> pd.DataFrame:
    """Rupees per day and group: each month's amount in equal parts."""
    table = pd.read_csv(folder / "MediaInvestment.csv")
    months = pd.to_datetime(table["Year"].astype(str) + "-" + table["Month"].astype(str) + "-01")
    per_month = pd.DataFrame(
        {group: (table[columns].sum(axis=1) * CRORE).to_numpy() for group, columns in GROUPS.items()}, index=months
    )
    return per_month.reindex(DAYS.to_period("M").to_timestamp()).set_axis(DAYS).div(DAYS.days_in_month, axis=0)


@pytest.fixture(scope="module")
def clean(shop: Prepared) -> pd.DataFrame:
    cleaned = shop.geos["national"].cleaned
    assert cleaned is not None
    return cleaned.panel.set_index("date")


def week_of(days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return days - pd.to_timedelta(days.weekday, "D")


def test_totals_of_each_month_and_group_are_kept(shop: Prepared, folder: Path) -> None:
    table = pd.read_csv(folder / "MediaInvestment.csv")
    per_day = shop.source.frame.assign(day=pd.to_datetime(shop.source.frame["Date"])).groupby("day")
    for group, columns in GROUPS.items():
        assert per_day[group].nunique().eq(1).all()
        months = per_day[group].first().resample("MS").sum()
        np.testing.assert_allclose(months, table[columns].sum(axis=1) * CRORE, rtol=1e-9)


def test_weeks_hold_the_days_of_both_months(clean: pd.DataFrame, media: pd.DataFrame) -> None:
    weeks = media.groupby(week_of(DAYS)).sum().loc[clean.index]
    for group in GROUPS:
        np.testing.assert_allclose(clean[f"spend__{group}"], weeks[group], rtol=1e-9)
    assert [column for column in clean if column.startswith("spend__")] == [f"spend__{group}" for group in GROUPS]


def test_orders_of_a_day_are_added_up_and_equal_ones_are_two_orders(clean: pd.DataFrame, folder: Path) -> None:
    orders = pd.read_csv(folder / "firstfile.csv", index_col=0, parse_dates=["Date"])
    assert orders.duplicated().any()
    sales = orders.groupby(week_of(pd.DatetimeIndex(orders["Date"])))["gmv_new"].sum().loc[clean.index]
    known = clean["kpi"].notna()
    np.testing.assert_allclose(clean["kpi"][known], sales[known], rtol=1e-12)


def test_august_is_unknown_and_nothing_else(clean: pd.DataFrame, shop: Prepared) -> None:
    ends = clean.index + pd.Timedelta(days=6)
    august = (clean.index <= pd.Timestamp("2015-08-31")) & (ends >= pd.Timestamp("2015-08-01"))
    assert august.sum() == 6
    np.testing.assert_array_equal(clean["kpi"].isna(), august)
    assert clean.drop(columns="kpi").notna().all(axis=None)
    cube = shop.cube()
    np.testing.assert_array_equal(cube.observed[0], ~august)


def test_every_change_is_in_the_log(clean: pd.DataFrame, shop: Prepared, folder: Path) -> None:
    orders = pd.read_csv(folder / "firstfile.csv", index_col=0)
    cleaned = shop.geos["national"].cleaned
    assert cleaned is not None
    log = cleaned.changes
    for panel, source in shop.mapping.clean_columns.items():
        if panel.startswith(("kpi", "spend__")):
            mine = log[log["column"] == panel]
            logged = (mine["after"].fillna(0) - mine["before"].fillna(0)).sum()
            rows = orders["gmv_new"] if panel == "kpi" else shop.source.frame[source]
            np.testing.assert_allclose(clean[panel].sum(), rows.sum() + logged, rtol=1e-9)


def test_the_sale_is_an_event_and_the_score_a_control(clean: pd.DataFrame, shop: Prepared, folder: Path) -> None:
    on = pd.Series(((DAYS >= "2015-11-07") & (DAYS <= "2015-11-14")).astype(float), DAYS)
    np.testing.assert_allclose(clean[EVENT], on.groupby(week_of(DAYS)).mean().loc[clean.index])
    scores = pd.read_csv(folder / "MonthlyNPSscore.csv", parse_dates=["Date"]).set_index("Date")["NPS"]
    daily = pd.Series(scores.reindex(DAYS.to_period("M").to_timestamp()).to_numpy(), DAYS)
    np.testing.assert_allclose(clean["control__nps"], daily.groupby(week_of(DAYS)).mean().loc[clean.index])
    cube = shop.cube()
    roles = dict(zip(cube.controls, cube.control_roles, strict=True))
    assert roles[f"special_sale: {SALE}"] == "non_media_treatment"
    assert roles["nps"] == "control"
    assert "holiday" in roles.values()
    assert cube.channels == tuple(GROUPS)


def test_the_example_passes_every_gate_and_says_what_it_did(shop: Prepared) -> None:
    assert not shop.geos["national"].blocked
    assert not any(result.blocks for result in shop.source_checks.values())
    notes = " ".join(shop.source.notes)
    assert "ingest.tables.media: 12 rows" in notes
    assert "never added when such rows are combined" in notes
    assert f"Events in special_sale: {SALE}" in notes
    reports = [intake.report for intake in shop.geos.values()]
    page = render_validation(reports, list(shop.source_checks.values()), "dt_mart", notes=shop.source.notes)
    assert "never added when such rows are combined" in page


def test_amounts_in_the_wrong_unit_are_named(folder: Path) -> None:
    tables = {"media": "MediaInvestment", "sales_calendar": "SpecialSale", "satisfaction": "MonthlyNPSscore"}
    paths = [f"ingest.tables.{name}.path={folder / file}.csv" for name, file in tables.items()]
    slip = "data.derived_columns.brand=fill(tv, 0) + fill(digital, 0) + fill(content, 0)"
    wrong = prepared(example("dt_mart", f"ingest.path={folder / 'firstfile.csv'}", *paths, slip))
    assert "outcome / spend of brand" in wrong.failed()["naive_roi"]
