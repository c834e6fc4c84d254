"""Currencies and national amounts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.data.mapping import raw_panel, resolve_mapping
from mmm_core.data.preparation.prepare import prepare
from mmm_core.errors import ConfigError, DataError
from tests.panels import MAPPING, SECTION, config, panel, source_rows, source_table

MONEY = ["revenue_per_kpi", "spend__tv", "spend__search"]
REVENUE = replace(MAPPING, kpi_type="revenue", revenue_per_kpi=None)


def raw_in(currencies: Any, mapping: Any = MAPPING) -> pd.DataFrame:
    return panel(source_rows(10), mapping=mapping).assign(currency=currencies)


def clean(raw: pd.DataFrame, mapping: Any = MAPPING, **currency: Any) -> CleanedPanel:
    return clean_panel(raw, mapping, config(enhanced_cleaning={"currency": currency}))


def test_money_is_converted_by_the_rate_of_its_row_and_logged() -> None:
    codes = ["EUR", "usd ", "GBP", "EUR", "USD"] * 2
    raw = raw_in(codes)
    cleaned = clean(raw, policy="convert", rates={"EUR": 1.25, "GBP": 1.5})
    rates = pd.Series(codes).str.strip().str.upper().map({"EUR": 1.25, "USD": 1.0, "GBP": 1.5})
    for column in MONEY:
        np.testing.assert_allclose(cleaned.panel[column], raw[column] * rates)
    others = [column for column in cleaned.panel.columns if column not in MONEY]
    pd.testing.assert_frame_equal(cleaned.panel[others], raw[others])
    assert set(cleaned.changes["rule"]) == {"converted from EUR to USD", "converted from GBP to USD"}
    assert set(cleaned.changes["column"]) == set(MONEY)
    assert (cleaned.changes["before"] != 0).all()


def test_revenue_is_money_too_and_rates_may_stand_in_a_column() -> None:
    raw = raw_in("EUR", REVENUE).assign(currency_rate=np.linspace(1.1, 1.2, 10))
    mapping = replace(REVENUE, currency="money", rate="worth")
    cleaned = clean(raw, mapping, policy="convert", rate_col="worth")
    np.testing.assert_allclose(cleaned.panel["kpi"], raw["kpi"] * raw["currency_rate"])
    np.testing.assert_allclose(cleaned.panel["spend__tv"], raw["spend__tv"] * raw["currency_rate"])
    assert "currency_rate" not in cleaned.panel
    with pytest.raises(DataError, match=r"rate_col 'worth' is no number above 0 in row 4 \(1 in all\)"):
        clean(
            raw.assign(currency_rate=raw["currency_rate"].where(raw.index != 2)),
            mapping,
            policy="convert",
            rate_col="worth",
        )
    with pytest.raises(DataError, match=r"one USD is worth 1\.1 USD in row 2"):
        clean(raw.assign(currency="USD"), mapping, policy="convert", rate_col="worth")


def test_daily_rates_without_weekends_convert_every_day() -> None:
    """A table of rates that hold on over weekends, against a walk back to the last working day."""
    days = pd.date_range("2023-01-02", periods=28)
    rows = source_rows(28, step_days=1).assign(money=["EUR", "USD"] * 14)
    working = days[days.weekday < 5]
    rates = pd.DataFrame({"on": working.strftime("%Y-%m-%d"), "code": "EUR", "rate": 1 + np.arange(20) / 100})
    table = {"path": "fx.csv", "date_col": "on", "keys": {"code": "money"}, "levels": {"worth": "rate"}}
    settings = config(
        data=SECTION | {"currency_col": "money"},
        ingest={"tables": {"fx": table | {"carry_days": 2}}},
        enhanced_cleaning={"currency": {"policy": "convert", "rate_col": "worth"}},
    )
    source = prepare(
        source_table(rows), {"ingest.tables.fx": replace(source_table(rates), origin="fx.csv")}, settings
    )
    mapping = resolve_mapping(settings, list(source.frame.columns), source.origin)
    raw = raw_panel(source, mapping, "North")
    cleaned = clean_panel(raw, mapping, settings).panel
    by_day = pd.Series(rates["rate"].to_numpy(), working).reindex(days).ffill().to_numpy()
    dollars = rows["search_cost"] * np.where(rows["money"] == "EUR", by_day, 1.0)
    np.testing.assert_allclose(cleaned["spend__search"], dollars.to_numpy().reshape(4, 7).sum(axis=1))
    assert any("of up to 2 days before" in note for note in source.notes)


def test_rows_of_one_date_are_converted_before_they_are_combined() -> None:
    raw = raw_in(["EUR", "USD"] * 5)
    raw["date"] = raw["date"].iloc[np.repeat(np.arange(0, 5), 2)].to_numpy()
    sections = {
        "currency": {"policy": "convert", "rates": {"EUR": 2.0}},
        "duplicates": {"policy": "aggregate"},
    }
    cleaned = clean_panel(raw, MAPPING, config(enhanced_cleaning=sections))
    assert cleaned.panel["spend__tv"][0] == pytest.approx(2 * raw["spend__tv"][0] + raw["spend__tv"][1])


@pytest.mark.parametrize(
    ("codes", "policy", "message"),
    [
        (["EUR", "USD"] * 5, "refuse", r"EUR in 5 rows, USD in 5 rows\), and .*policy is refuse; set .* convert"),
        ("EUR", "refuse", "or set project.currency to EUR"),
        (["EUR", "USD"] * 5, "scale_per_geo", "cannot put together"),
        ("JPY", "convert", "has money in JPY, for which .*rates has no rate"),
        (None, "convert", "currency_col is empty beside money in row 2, 3, 4, 5, 6, …"),
    ],
)
def test_money_that_cannot_be_put_together_is_refused(codes: Any, policy: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        clean(raw_in(codes), policy=policy, rates={"EUR": 1.1} if policy == "convert" else {})


def test_one_currency_passes_and_rows_without_money_need_none() -> None:
    raw = raw_in("USD")
    raw.loc[3, MONEY] = [np.nan, 0.0, 0.0]
    raw.loc[3, "currency"] = None
    assert set(clean(raw).changes["column"]) == {"revenue_per_kpi"}


def test_scaled_money_keeps_every_return_on_spend() -> None:
    for mapping in (MAPPING, REVENUE):
        raw = raw_in("EUR", mapping)
        cleaned = clean(raw, mapping, policy="scale_per_geo")
        revenue = raw["kpi"] * raw["revenue_per_kpi"] if mapping is MAPPING else raw["kpi"]
        now = cleaned.panel["kpi"] * (cleaned.panel["revenue_per_kpi"] if mapping is MAPPING else 1.0)
        assert now.mean() == pytest.approx(1.0)
        np.testing.assert_allclose(now / cleaned.panel["spend__tv"].sum(), revenue / raw["spend__tv"].sum())
        assert f"{revenue.mean():.6g}" in cleaned.notes[0]


def test_scaling_without_revenue_is_refused() -> None:
    mapping = replace(MAPPING, revenue_per_kpi=None)
    with pytest.raises(ConfigError, match=r"neither data\.revenue_col nor data\.revenue_per_kpi_col"):
        clean(raw_in("EUR"), mapping, policy="scale_per_geo")
    with pytest.raises(DataError, match="has no revenue above 0"):
        clean(raw_in("EUR", REVENUE).assign(kpi=0.0), REVENUE, policy="scale_per_geo")


def test_national_money_is_in_the_projects_currency_whatever_the_geos() -> None:
    mapping = replace(MAPPING, national=("tv_cost",), national_by="population")
    raw = raw_in("EUR").assign(national_share=0.25)
    cleaned = clean(raw, mapping, policy="convert", rates={"EUR": 2.0})
    np.testing.assert_allclose(cleaned.panel["spend__tv"], 0.25 * raw["spend__tv"])
    np.testing.assert_allclose(cleaned.panel["spend__search"], 2.0 * raw["spend__search"])
    with pytest.raises(ConfigError, match="names tv_cost, which is money of all geos"):
        clean(raw, mapping, policy="scale_per_geo")


def test_a_geo_gets_its_share_of_national_amounts() -> None:
    mapping = replace(MAPPING, national=("tv_cost", "tv_views"), national_by="population")
    raw = panel(source_rows(10)).assign(national_share=np.linspace(0.1, 0.2, 10))
    cleaned = clean_panel(raw, mapping, config())
    for column in ("spend__tv", "media__tv"):
        np.testing.assert_allclose(cleaned.panel[column], raw[column] * raw["national_share"])
    np.testing.assert_array_equal(cleaned.panel["spend__search"], raw["spend__search"])
    assert set(cleaned.changes["rule"]) == {"national amount x share of the geo by population"}
    assert cleaned.notes == ("Of the national amounts in tv_cost, tv_views, this geo gets 10 to 20 percent.",)
    assert "national_share" not in cleaned.panel
    raw.loc[0, ["national_share", "spend__tv"]] = [np.nan, 5.0]
    with pytest.raises(DataError, match="no share of them in row 2"):
        clean_panel(raw, mapping, config())


def test_a_national_amount_in_several_rows_of_a_date_counts_once() -> None:
    mapping = replace(MAPPING, national=("tv_cost",), national_by="equal")
    raw = panel(source_rows(10)).assign(national_share=0.25)
    raw.loc[4, ["date", "spend__tv"]] = raw.loc[3, ["date", "spend__tv"]]
    sections = {"duplicates": {"policy": "aggregate"}}
    cleaned = clean_panel(raw, mapping, config(enhanced_cleaning=sections))
    assert cleaned.panel["spend__tv"][3] == pytest.approx(0.25 * raw["spend__tv"][3])


def test_settings_without_their_columns_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"give data\.currency_col"):
        clean(panel(source_rows(10)), policy="convert", rates={"EUR": 2.0})
    with pytest.raises(DataError, match="make its raw panel anew"):
        clean_panel(panel(source_rows(10)), replace(MAPPING, national=("tv_cost",)), config())
