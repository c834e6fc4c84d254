"""Response curves against the ROI, the loops and common sense."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.curves import pooled_response_curves, response_curves
from mmm_core.attribution.returns import channel_summary
from mmm_core.errors import InputError
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.model.forward_oracle import OneDraw

_MARGINAL = ["marginal_mean", "marginal_q05", "marginal_q95"]


def test_pooled_curve_passes_through_nothing_and_the_observed_outcome() -> None:
    posterior = made_up_posterior(tiny_model_data())
    curves, summary = pooled_response_curves(posterior), channel_summary(posterior)
    assert list(curves) == ["channel", "spend", "outcome_mean", "q05", "q95", "multiplier", *_MARGINAL]
    at = {factor: curves[curves["multiplier"] == factor] for factor in (0.0, 1.0)}
    assert not at[0.0][["spend", "outcome_mean", "q05", "q95"]].to_numpy().any()
    np.testing.assert_allclose(at[1.0]["spend"], summary["spend"])
    np.testing.assert_allclose(at[1.0]["outcome_mean"], summary["contribution_mean_revenue"])


def test_geo_curves_add_up_to_the_pooled_mean() -> None:
    posterior = made_up_posterior(tiny_model_data())
    by_geo, pooled = response_curves(posterior), pooled_response_curves(posterior)
    columns = ["geo", "channel", "spend", "outcome_mean", "q05", "q95", "multiplier", *_MARGINAL]
    assert list(by_geo) == columns
    assert list(by_geo["geo"].unique()) == list(posterior.data.geos)
    added = by_geo.groupby(["channel", "multiplier"], sort=False)[["spend", "outcome_mean"]].sum()
    np.testing.assert_allclose(added["outcome_mean"], pooled["outcome_mean"], rtol=1e-9)
    np.testing.assert_allclose(added["spend"], pooled["spend"], rtol=1e-9)


def test_geo_curves_equal_loops() -> None:
    posterior = made_up_posterior(tiny_model_data(n_geos=2, n_weeks=12), n_chains=1, n_draws=2)
    draws = [OneDraw(posterior, 0, d) for d in range(2)]
    curves = response_curves(posterior, multipliers=(0.5, 2.0)).set_index(["geo", "channel", "multiplier"])
    for g, geo in enumerate(posterior.data.geos):
        for m, channel in enumerate(posterior.data.channels):
            for factor in (0.5, 2.0):
                outcomes = [one.outcome(g, m, factor) for one in draws]
                row = curves.loc[(geo, channel, factor)]
                assert row["outcome_mean"] == pytest.approx(np.mean(outcomes), rel=1e-10)
                assert row["q05"] == pytest.approx(np.quantile(outcomes, 0.05), rel=1e-10)
                assert row["spend"] == pytest.approx(factor * posterior.data.spend[g, :, m].sum())


def test_more_spend_never_brings_less() -> None:
    curves = response_curves(made_up_posterior(tiny_model_data()))
    steps = curves.groupby(["geo", "channel"])[["outcome_mean", "q05", "q95"]].diff().dropna()
    assert (steps > 0).all().all()


def test_negative_multiplier_is_refused() -> None:
    with pytest.raises(InputError, match="multipliers"):
        pooled_response_curves(made_up_posterior(tiny_model_data()), multipliers=(-0.1,))


def test_only_paid_channels_have_curves() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    for curves in (response_curves(posterior), pooled_response_curves(posterior)):
        assert list(curves["channel"].unique()) == ["channel_0", "channel_1", "reach_0"]


def test_the_marginal_return_of_the_observed_spend_is_the_marginal_roi() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    curves, summary = pooled_response_curves(posterior), channel_summary(posterior)
    now = curves[curves["multiplier"] == 1.0]
    paid = summary[summary["channel"].isin(now["channel"])]
    for statistic in ("mean", "q05", "q95"):
        np.testing.assert_allclose(now[f"marginal_{statistic}"], paid[f"mroi_{statistic}"], rtol=1e-9)


def test_marginal_returns_are_slopes_of_the_curve() -> None:
    posterior = made_up_posterior(tiny_model_data())
    curve = response_curves(posterior, multipliers=(0.5, 0.51, 1.5, 1.51)).set_index(
        ["geo", "channel", "multiplier"]
    )
    for (geo, channel, _), row in curve.iloc[::2].iterrows():
        multiplier = float(row.name[2])
        then = curve.loc[(geo, channel, multiplier + 0.01)]
        slope = (then["outcome_mean"] - row["outcome_mean"]) / (then["spend"] - row["spend"])
        assert row["marginal_mean"] == pytest.approx(slope, rel=1e-6)


def test_a_geo_without_spend_has_no_marginal_return() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[1, :, 0] = 0
    curves = response_curves(made_up_posterior(dataclasses.replace(data, spend=spend)))
    there = (curves["geo"] == "Geo1") & (curves["channel"] == "channel_0")
    assert curves.loc[there, _MARGINAL].isna().all().all()
    assert curves.loc[~there].notna().all().all()
