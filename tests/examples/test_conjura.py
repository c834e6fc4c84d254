"""Real, dirty data of e-commerce brands from the raw file to features; the oracle is plain pandas."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.data.panel import CURRENCY_RATE, SOURCE_ROW
from mmm_core.reporting.validation_page import render_validation
from tests.assets.projects import load, run
from tests.examples.prepared import EXAMPLES, Prepared, changed, example, prepared
from tests.reporting.parsed import Report
from tests.shared_data import shared_data

FILE = "conjura/raw_partial/conjura_mmm_data_first4999rows.csv"
BRAND = "058b38dc1b5a87a8d9338196cd024d47"
ROLLUP_ID = "MMM_TIMESERIES_ID"
REVENUE = "ALL_PURCHASES_ORIGINAL_PRICE"
POUNDS = {"GBP": 1.0, "USD": 0.81}


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return pd.read_csv(shared_data(FILE), parse_dates=["DATE_DAY"])


@pytest.fixture(scope="module")
def brand() -> Prepared:
    return prepared(example("conjura", f"ingest.path={shared_data(FILE)}"))


@pytest.fixture(scope="module")
def every_brand(raw: pd.DataFrame) -> Prepared:
    """All brands; a roll-up stays where a brand has nothing else."""
    territories = raw.groupby("ORGANISATION_ID")["TERRITORY_NAME"].transform("nunique")
    rollups = raw.loc[(territories > 1) & (raw["TERRITORY_NAME"] == "All Territories"), ROLLUP_ID].unique()
    config = changed(
        example("conjura", f"ingest.path={shared_data(FILE)}"),
        data={"keys": ["ORGANISATION_ID", "TERRITORY_NAME"], "rows": {"exclude": {ROLLUP_ID: [*rollups]}}},
        enhanced_cleaning={"currency": {"policy": "scale_per_geo"}},
        features={"holidays": {}},
    )
    return prepared(config)


def of_brand(raw: pd.DataFrame, territory: str) -> pd.DataFrame:
    rows = raw[(raw["ORGANISATION_ID"] == BRAND) & (raw["TERRITORY_NAME"] == territory)]
    return rows.set_index("DATE_DAY").sort_index()


def weekly(days: pd.Series) -> pd.Series:
    """Sums over weeks from Monday; a missing amount is none."""
    return days.fillna(0.0).groupby(days.index - pd.to_timedelta(days.index.weekday, "D")).sum()


def is_money(column: str) -> bool:
    return column == "kpi" or column.startswith("spend__")


@pytest.mark.parametrize("territory", ["UK", "US"])
def test_raw_days_and_logged_changes_add_up_to_the_clean_weeks(
    raw: pd.DataFrame, brand: Prepared, territory: str
) -> None:
    own, cleaned = of_brand(raw, territory), brand.geos[territory].cleaned
    assert cleaned is not None
    clean, log = cleaned.panel.set_index("date"), cleaned.changes
    columns = {panel: source for panel, source in brand.mapping.numeric_columns.items() if panel != CURRENCY_RATE}
    assert len(columns) == 11
    for panel, source in columns.items():
        mine = log[log["column"] == panel]
        difference = pd.Series((mine["after"].fillna(0) - mine["before"].fillna(0)).to_numpy(), mine["date"])
        expected = weekly(own[source]).add(weekly(difference), fill_value=0.0)
        inside = expected.loc[clean.index]
        np.testing.assert_allclose(clean[panel], inside, rtol=1e-9, atol=1e-6, err_msg=panel)
        outside = expected.drop(clean.index)
        np.testing.assert_allclose(outside, 0.0, atol=1e-6, err_msg=panel)


@pytest.mark.parametrize("territory", ["UK", "US"])
def test_clean_weeks_are_the_weekly_sums_in_pounds(raw: pd.DataFrame, brand: Prepared, territory: str) -> None:
    """Nothing was imputed in this brand: what is missing is a pause, and the two partial weeks are dropped."""
    own, cleaned = of_brand(raw, territory), brand.geos[territory].cleaned
    assert cleaned is not None
    rate = own["CURRENCY_CODE"].map(POUNDS)
    assert set(rate) == {POUNDS["USD" if territory == "US" else "GBP"]}
    clean = cleaned.panel.set_index("date")
    assert (clean.index[0], clean.index[-1]) == (pd.Timestamp("2022-04-04"), pd.Timestamp("2023-06-19"))
    for panel, source in brand.mapping.clean_columns.items():
        days = own[source] * rate if is_money(panel) else own[source]
        np.testing.assert_allclose(clean[panel], weekly(days).loc[clean.index], rtol=1e-12, err_msg=panel)
    rules = set(cleaned.changes["rule"])
    assert rules - {"converted from USD to GBP"} == {
        "dropped: partial first week",
        "dropped: partial last week",
        "missing value: pause, set to 0",
    }


def test_only_the_rows_of_the_brands_own_territories_count(raw: pd.DataFrame, brand: Prepared) -> None:
    assert set(brand.geos) == {"UK", "US"}
    lines = set(brand.source.frame[SOURCE_ROW])
    chosen = raw[(raw["ORGANISATION_ID"] == BRAND) & raw["TERRITORY_NAME"].isin(["UK", "US"])]
    assert lines == set(chosen.index + 2)
    assert any("458 of 1,374 rows were left out" in note for note in brand.source.notes)


def test_the_rollup_holds_the_territories_and_countries_without_a_series(raw: pd.DataFrame) -> None:
    """UK and US make 91 % of the roll-up's orders, 87 % of its revenue and 87 % of its spend (in pounds).

    So it is no sum to the penny, and it may neither be fitted beside them nor taken for their total.
    """
    parts = {name: of_brand(raw, name) for name in ("UK", "US", "All Territories")}
    rollup = parts.pop("All Territories")
    spend = [column for column in raw if column.endswith("_SPEND")]

    def share(columns: list[str], money: bool) -> float:
        rates = {name: POUNDS[own["CURRENCY_CODE"].iloc[0]] if money else 1.0 for name, own in parts.items()}
        total = sum(own[columns].sum().sum() * rates[name] for name, own in parts.items())
        return float(total / rollup[columns].sum().sum())

    assert share(["ALL_PURCHASES"], money=False) == pytest.approx(0.912, abs=0.002)
    assert share([REVENUE], money=True) == pytest.approx(0.870, abs=0.002)
    assert share(spend, money=True) == pytest.approx(0.867, abs=0.005)
    orders = sum(own["ALL_PURCHASES"] for own in parts.values())
    assert (orders <= rollup["ALL_PURCHASES"]).mean() > 0.99


def test_media_units_are_there_where_money_was_spent(raw: pd.DataFrame, brand: Prepared) -> None:
    """Why clicks stand for Google and impressions for Meta."""
    days = 0
    for name, columns in zip(brand.mapping.channels, brand.mapping.channel_columns, strict=True):
        spent = raw[columns.spend] > 0
        lacking = int((spent & ~(raw[str(columns.media)] > 0)).sum())
        assert lacking <= (5 if name == "google_shopping" else 0)
        days += int(spent.sum())
        if name.startswith("meta"):
            assert (spent & ~(raw[columns.spend.replace("_SPEND", "_CLICKS")] > 0)).any()
    assert days > 10_000


def test_the_example_passes_every_gate_and_says_what_is_doubtful(brand: Prepared) -> None:
    assert not any(intake.blocked for intake in brand.geos.values())
    failed = brand.failed()
    assert set(failed) == {
        "stopped_feeds",
        "feed_gaps",
        "preferred_history",
        "missing_values",
        "spend_without_media",
        "naive_roi",
    }
    assert "GOOGLE_SHOPPING_SPEND" in failed["stopped_feeds"]
    cube = brand.cube()
    assert cube.media.shape == (2, 64, 5)
    assert cube.observed.all()
    assert "holiday" in cube.control_roles


def test_the_unfiltered_source_names_its_known_defects() -> None:
    config = changed(
        example("conjura", f"ingest.path={shared_data(FILE)}"),
        data={"keys": ["ORGANISATION_ID", "TERRITORY_NAME"], "rows": {}},
        enhanced_cleaning={"currency": {}},
        features={"holidays": {}},
    )
    everything = prepared(changed(config, enhanced_cleaning={"currency": {"policy": "scale_per_geo"}}))
    refusing = prepared(config).source_checks
    assert refusing["currencies"].blocks
    found = dict(everything.source_checks) | {"currencies": refusing["currencies"]}
    reports = [intake.report for intake in everything.geos.values()]
    text = Report(render_validation(reports, list(found.values()), "conjura")).elements[0].text
    for defect in (
        f"geo {BRAND} / All Territories looks like a roll-up",
        "holds 3 currencies (GBP in 3168 rows, USD in 1344 rows, EUR in 487 rows)",
        "feed(s) stop before the end of their geo",
        "time(s) a feed is missing for 14 days or more and then comes back",
        "its last series, geo 09113a73f8618b48b3cf53b24cd78d2f / All Territories, ends on 2021-06-25",
    ):
        assert defect in text


def test_every_brand_reaches_its_features_in_units_of_its_own_revenue(
    raw: pd.DataFrame, every_brand: Prepared
) -> None:
    assert len(every_brand.geos) == 7
    assert every_brand.source_checks["rollup_geos"].passed
    assert every_brand.source_checks["currencies"].passed
    for geo, intake in every_brand.geos.items():
        assert not intake.blocked
        assert intake.cleaned is not None
        assert intake.features is not None
        organisation, territory = geo.split(" / ")
        own = raw[(raw["ORGANISATION_ID"] == organisation) & (raw["TERRITORY_NAME"] == territory)]
        own = own.set_index("DATE_DAY").sort_index()
        clean = intake.cleaned.panel.set_index("date")
        scale = own[REVENUE].mean()
        np.testing.assert_allclose(clean["kpi"], weekly(own[REVENUE] / scale).loc[clean.index], rtol=1e-9)
        log = intake.cleaned.changes
        for panel, source in every_brand.mapping.clean_columns.items():
            mine = log[log["column"] == panel]
            logged = (mine["after"].fillna(0) - mine["before"].fillna(0)).sum()
            total = own[source].sum() + logged
            np.testing.assert_allclose(clean[panel].sum(), total, rtol=1e-9, atol=1e-6, err_msg=f"{geo} {panel}")


def test_the_command_takes_the_example_from_the_file_to_features(tmp_path: Path) -> None:
    project = load(
        EXAMPLES / "conjura.yaml", f"ingest.path={shared_data(FILE)}", f"paths.storage={tmp_path / 'storage'}"
    )
    outcome = run(project, ("ingest", "validate", "transform", "features"))
    assert not outcome.stops
    page = (project.exports / "validation.html").read_text(encoding="utf-8")
    assert "GOOGLE_SHOPPING_SPEND" in page
    assert "rows were left out (data.rows.exclude.TERRITORY_NAME" in page
    assert "google_pmax" in (project.exports / "eda.html").read_text(encoding="utf-8")
