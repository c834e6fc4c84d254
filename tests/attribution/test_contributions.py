"""Contributions add up, and every cell is what the forward model says."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.model.forward import expected_kpi, media_contribution
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

_CASES = {
    "geos": {"n_geos": 3, "n_controls": 2},
    "national": {"n_geos": 1, "n_controls": 1},
    "no controls": {"n_geos": 2, "n_controls": 0},
    "everything": {"extras": EVERYTHING},
    "national with everything": {"n_geos": 1, "extras": EVERYTHING},
}


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
@pytest.mark.parametrize("case", _CASES)
def test_means_add_up_to_the_fitted_kpi(case: str, family: str) -> None:
    data = tiny_model_data(**_CASES[case])
    posterior = made_up_posterior(data) if family == "gaussian" else made_up_posterior(data, spec=robust(data))
    sums = contribution_table(posterior).groupby(["geo", "date"], sort=False)["mean"].sum()
    np.testing.assert_allclose(sums, expected_kpi(posterior).mean(axis=0)[data.present], rtol=1e-9)
    np.testing.assert_allclose(sums, fit_table(posterior)["predicted_mean"], rtol=1e-9)


def test_columns_and_order_are_the_published_ones() -> None:
    table = contribution_table(made_up_posterior(tiny_model_data()))
    assert list(table)[:8] == ["geo", "date", "component", "mean", "q05", "q50", "q95", "kind"]
    assert list(table)[8:] == ["mean_revenue", "q05_revenue", "q50_revenue", "q95_revenue"]
    assert not table.duplicated(["geo", "date", "component"]).any()
    assert not table.isna().any().any()
    assert str(table["date"].dtype) == "datetime64[ns]"


def test_every_cell_is_a_statistic_of_the_draws() -> None:
    posterior = made_up_posterior(tiny_model_data())
    data = posterior.data
    table = contribution_table(posterior).set_index(["geo", "date", "component"])
    for geo, draws in zip(data.geos, media_contribution(posterior), strict=True):
        for m, channel in enumerate(data.channels):
            rows = table.loc[(geo, data.dates.astype("datetime64[ns]"), channel), :]
            assert (rows["kind"] == "media").all()
            for column, level in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
                np.testing.assert_allclose(rows[column], np.quantile(draws[:, :, m], level, axis=0))


def test_seasonal_terms_are_one_component_and_controls_keep_their_names() -> None:
    data = tiny_model_data(n_controls=3)
    single = contribution_table(made_up_posterior(data))
    data = dataclasses.replace(data, control_roles=("seasonality", "control", "seasonality"))
    table = contribution_table(made_up_posterior(data))
    kinds = dict(zip(table["component"], table["kind"], strict=True))
    assert kinds == {
        "channel_0": "media",
        "channel_1": "media",
        "control_1": "control",
        "seasonality": "seasonality",
        "baseline": "baseline",
    }
    terms = single[single["component"].isin(["control_0", "control_2"])]
    np.testing.assert_allclose(
        table.loc[table["component"] == "seasonality", "mean"],
        terms.groupby(["geo", "date"], sort=False)["mean"].sum(),
        rtol=1e-9,
    )


def test_revenue_is_kpi_times_its_value_in_that_week() -> None:
    posterior = made_up_posterior(tiny_model_data())
    data = posterior.data
    table = contribution_table(posterior)
    value = np.repeat(np.asarray(data.revenue_per_kpi).ravel(), table["component"].nunique())
    for column in ("mean", "q05", "q50", "q95"):
        np.testing.assert_allclose(table[f"{column}_revenue"], table[column] * value)


@pytest.mark.parametrize("kpi_type", ["revenue", "non_revenue"])
def test_no_revenue_columns_without_a_revenue_per_kpi(kpi_type: str) -> None:
    data = dataclasses.replace(tiny_model_data(), kpi_type=kpi_type, revenue_per_kpi=None)
    assert not [column for column in contribution_table(made_up_posterior(data)) if "revenue" in column]


def test_a_geo_without_media_gets_no_media_contribution() -> None:
    data = tiny_model_data()
    media = data.media.copy()
    media[1, :, 0] = 0
    table = contribution_table(made_up_posterior(dataclasses.replace(data, media=media)))
    rows = table[(table["geo"] == "Geo1") & (table["component"] == "channel_0")]
    assert len(rows) == 30
    assert not rows[["mean", "q05", "q50", "q95"]].to_numpy().any()


def test_every_kind_of_channel_and_control_is_a_component() -> None:
    table = contribution_table(made_up_posterior(tiny_model_data(extras=EVERYTHING)))
    kinds = dict(zip(table["component"], table["kind"], strict=True))
    assert kinds == {
        "channel_0": "media",
        "channel_1": "media",
        "reach_0": "media",
        "organic_0": "organic_media",
        "control_0": "control",
        "treatment_0": "non_media_treatment",
        "holidays": "holiday",
        "seasonality": "seasonality",
        "baseline": "baseline",
    }


def test_weeks_in_which_a_geo_is_not_present_have_no_rows() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    table = contribution_table(made_up_posterior(data))
    weeks = table.groupby("geo", sort=False)["date"].nunique()
    assert weeks.tolist() == data.present.sum(axis=1).tolist()
    assert not table.isna().any().any()
    assert not (~np.isfinite(table["mean"])).any()
