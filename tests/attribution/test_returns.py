"""ROI and marginal ROI against their definitions in plain loops."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.returns import channel_summary, mroi_draws, roi_draws
from mmm_core.model.posterior import Posterior
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data
from tests.model.forward_oracle import OneDraw

_COLUMNS = [
    *("channel", "spend", "contribution_mean", "contribution_q05", "contribution_q95", "share"),
    *("roi_mean", "roi_q05", "roi_q50", "roi_q95", "mroi_mean", "mroi_q05", "mroi_q50", "mroi_q95"),
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
    assert list(summary) == [*_COLUMNS, *_MONEY, "kind"]
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
    assert list(channel_summary(made_up_posterior(data))) == [*_COLUMNS, "kind"]


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
    assert organic.filter(regex="roi_").isna().all()
    assert np.isfinite(summary.loc["reach_0"].drop("kind").to_numpy(dtype=float)).all()


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
