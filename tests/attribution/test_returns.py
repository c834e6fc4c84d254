"""ROI and marginal ROI against their definitions in plain loops."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.returns import (
    channel_summary,
    cpik_draws,
    effectiveness_draws,
    mroi_draws,
    roi_draws,
    roi_prior,
)
from mmm_core.config.schema import Config
from mmm_core.model.forward import expected_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data
from tests.model.forward_oracle import OneDraw

_COLUMNS = [
    *("channel", "spend", "contribution_mean", "contribution_q05", "contribution_q95", "share"),
    *("roi_mean", "roi_q05", "roi_q50", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q50", "mroi_q95"),
]
_ADDED = [
    *("cpik_mean", "cpik_q05", "cpik_q50", "cpik_q95"),
    *("effectiveness_mean", "effectiveness_q05", "effectiveness_q95"),
    *("roi_prior_mean", "roi_prior_q05", "roi_prior_q95"),
]
_MONEY = ["contribution_mean_revenue", "contribution_q05_revenue", "contribution_q95_revenue"]


def _spend(posterior: Posterior, m: int) -> float:
    return sum(float(value) for row in posterior.data.spend[:, :, m] for value in row)


@pytest.mark.parametrize("n_geos", [1, 3])
@pytest.mark.parametrize("revenue", [True, False])
def test_roi_and_mroi_equal_loops(n_geos: int, revenue: bool) -> None:
    data = tiny_model_data(n_geos=n_geos, n_weeks=12)
    if not revenue:
        data = dataclasses.replace(data, revenue_per_kpi=None)
    posterior = made_up_posterior(data, n_chains=2, n_draws=2)
    roi, mroi = roi_draws(posterior), mroi_draws(posterior)
    for s in range(4):
        one = OneDraw(posterior, s // 2, s % 2)
        for m in range(2):
            now = sum(one.outcome(g, m) for g in range(n_geos))
            then = sum(one.outcome(g, m, 1.01) for g in range(n_geos))
            assert roi[s, m] == pytest.approx(now / _spend(posterior, m), rel=1e-10)
            assert mroi[s, m] == pytest.approx((then - now) / (0.01 * _spend(posterior, m)), rel=1e-7)


def test_concave_curves_return_less_at_the_margin() -> None:
    posterior = made_up_posterior(tiny_model_data())
    assert (mroi_draws(posterior) < roi_draws(posterior)).all()


def test_summary_agrees_with_the_draws_and_the_contribution_table() -> None:
    posterior = made_up_posterior(tiny_model_data())
    summary = channel_summary(posterior)
    assert list(summary) == [*_COLUMNS, *_MONEY, "kind", *_ADDED]
    roi, mroi = roi_draws(posterior), mroi_draws(posterior)
    np.testing.assert_allclose(summary["roi_mean"], roi.mean(axis=0))
    np.testing.assert_allclose(summary["roi_q95"], np.quantile(roi, 0.95, axis=0))
    np.testing.assert_allclose(summary["mroi_q05"], np.quantile(mroi, 0.05, axis=0))
    np.testing.assert_allclose(summary["mroi_q50"], np.quantile(mroi, 0.5, axis=0))
    weekly = contribution_table(posterior)
    totals = weekly.groupby("component")[["mean", "mean_revenue"]].sum()
    np.testing.assert_allclose(summary["contribution_mean"], totals.loc[summary["channel"], "mean"])
    np.testing.assert_allclose(
        summary["contribution_mean_revenue"], totals.loc[summary["channel"], "mean_revenue"]
    )
    np.testing.assert_allclose(summary["share"], summary["contribution_mean"] / weekly["mean"].sum())
    np.testing.assert_allclose(
        summary["roi_mean"] * summary["spend"], summary["contribution_mean_revenue"], rtol=1e-9
    )


def test_revenue_kpi_has_no_extra_columns() -> None:
    data = dataclasses.replace(tiny_model_data(), kpi_type="revenue", revenue_per_kpi=None)
    assert list(channel_summary(made_up_posterior(data))) == [*_COLUMNS, "kind", *_ADDED]


def test_channel_without_spend_has_no_roi_but_a_contribution() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 1] = 0
    summary = channel_summary(made_up_posterior(dataclasses.replace(data, spend=spend)))
    assert np.isnan(summary.loc[1, ["roi_mean", "roi_q05", "mroi_mean"]].to_numpy(dtype=float)).all()
    assert summary.loc[1, "contribution_mean"] > 0
    assert np.isfinite(summary.loc[0, "roi_mean"])


def test_organic_media_has_a_contribution_but_no_returns() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    summary = channel_summary(posterior).set_index("channel")
    organic = summary.loc["organic_0"]
    assert (organic["spend"], organic["kind"]) == (0, "organic_media")
    assert organic["contribution_mean"] > 0
    assert organic.filter(regex="roi_|cpik").isna().all()
    assert organic["effectiveness_mean"] > 0
    assert np.isfinite(summary.loc["channel_0"].drop("kind").to_numpy(dtype=float)).all()


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_returns_of_every_kind_of_channel_equal_loops(family: str) -> None:
    data = tiny_model_data(n_weeks=16, extras=EVERYTHING)
    spec = robust(data) if family == "robust_log" else None
    posterior = made_up_posterior(data, n_chains=1, n_draws=2, spec=spec)
    roi, mroi = roi_draws(posterior), mroi_draws(posterior)
    for s in range(2):
        one = OneDraw(posterior, 0, s)
        for m in range(len(data.paid_channels)):
            now = sum(one.outcome(g, m) for g in range(3))
            then = sum(one.outcome(g, m, 1.01) for g in range(3))
            assert roi[s, m] == pytest.approx(now / _spend(posterior, m), rel=1e-9)
            assert mroi[s, m] == pytest.approx((then - now) / (0.01 * _spend(posterior, m)), rel=1e-6)


def test_cost_and_effectiveness_are_what_taking_a_channel_away_costs() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    data = posterior.data
    assert data.frequency is not None
    assert data.revenue_per_kpi is not None
    cpik, effectiveness = cpik_draws(posterior), effectiveness_draws(posterior)
    for m, kind in enumerate(data.channel_kinds):
        media, lead = data.media.copy(), data.lead_media.copy()
        media[:, :, m], lead[:, :, m] = 0, 0
        without = dataclasses.replace(posterior, data=dataclasses.replace(data, media=media, lead_media=lead))
        lost = expected_kpi(posterior) - expected_kpi(without)
        if kind != "organic_media":
            np.testing.assert_allclose(cpik[:, m], data.spend[:, :, m].sum() / lost.sum(axis=(1, 2)))
        delivered = (data.media * data.frequency)[:, :, m].sum()
        outcome = (lost * data.revenue_per_kpi).sum(axis=(1, 2))
        np.testing.assert_allclose(effectiveness[:, m], outcome / delivered)


def test_summary_has_intervals_of_cost_and_effectiveness() -> None:
    posterior = made_up_posterior(tiny_model_data())
    summary, cpik, effectiveness = (
        channel_summary(posterior),
        cpik_draws(posterior),
        effectiveness_draws(posterior),
    )
    np.testing.assert_allclose(summary["cpik_mean"], summary["spend"] / summary["contribution_mean"])
    for column, level in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
        np.testing.assert_allclose(summary[f"cpik_{column}"], np.quantile(cpik, level, axis=0))
    np.testing.assert_allclose(summary["effectiveness_mean"], effectiveness.mean(axis=0))
    np.testing.assert_allclose(summary["effectiveness_q95"], np.quantile(effectiveness, 0.95, axis=0))


def test_prior_beside_the_posterior_is_that_of_the_specification() -> None:
    data = tiny_model_data(n_channels=3)
    priors = {
        "channel_0": {"effect": {"family": "log_normal", "mu": 0.3, "sigma": 0.5}},
        "channel_1": {"effect": {"family": "deterministic", "value": 1.5}},
        "channel_2": {"type": "contribution"},
    }
    spec = build_spec(Config.model_validate({"model": {"priors": {"channels": priors}}}), data)
    found, drawn = roi_prior(spec), spec.effect[0].sample(np.random.default_rng(3), 400_000)
    assert found.mean[0] == pytest.approx(np.exp(0.3 + 0.5**2 / 2))
    assert found.mean[0] == pytest.approx(drawn.mean(), rel=0.01)
    assert found.q05[0] == pytest.approx(np.quantile(drawn, 0.05), rel=0.01)
    assert found.q95[0] == pytest.approx(np.quantile(drawn, 0.95), rel=0.01)
    assert (found.mean[1], found.q05[1], found.q95[1]) == (1.5, 1.5, 1.5)
    assert np.isnan([found.mean[2], found.q05[2], found.q95[2]]).all()
    summary = channel_summary(made_up_posterior(data, spec=spec))
    np.testing.assert_array_equal(summary["roi_prior_mean"], found.mean)
    np.testing.assert_array_equal(summary["roi_prior_q95"], found.q95)


def test_the_robust_family_has_no_prior_of_the_roi() -> None:
    data = tiny_model_data()
    spec = dataclasses.replace(robust(data), effect=(Prior("half_normal", (0.5,)),) * 2)
    assert np.isnan(roi_prior(spec).mean).all()
