"""Carryover and saturation tables against loops and brute force."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from mmm_core.attribution.dynamics import adstock_table, lag_weight_draws, saturation_table
from mmm_core.config.schema import Config
from mmm_core.model.forward import scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data
from tests.model.forward_oracle import decay_weights

_SHAPES: dict[str, Any] = {
    "features": {
        "adstock": {
            "max_lag": 5,
            "type": "binomial",
            "platform_overrides": {"channel_0": {"type": "delayed"}, "channel_1": {"type": "weibull"}},
        }
    }
}


def _posterior(settings: dict[str, Any]) -> Posterior:
    data = tiny_model_data(extras=EVERYTHING)
    return made_up_posterior(data, spec=build_spec(Config.model_validate(settings), data))


@pytest.mark.parametrize("before", [False, True])
def test_weights_are_those_of_the_model(before: bool) -> None:
    posterior = _posterior({**_SHAPES, "model": {"hill_before_adstock": before}})
    table = adstock_table(posterior)
    assert list(table) == ["channel", "lag", "weight_mean", "weight_q05", "weight_q95", "remaining_mean"]
    for m, channel in enumerate(posterior.data.channels):
        alpha, theta = (posterior.stacked(name)[:, m] for name in ("alpha_m", "theta_m"))
        kind = posterior.spec.adstock[m]
        draws = [decay_weights(float(a), kind, 6, float(t)) for a, t in zip(alpha, theta, strict=True)]
        rows = table[table["channel"] == channel]
        assert rows["lag"].tolist() == list(range(6))
        np.testing.assert_allclose(lag_weight_draws(posterior, m), draws, rtol=1e-10)
        np.testing.assert_allclose(rows["weight_mean"], np.mean(draws, axis=0), rtol=1e-10)
        np.testing.assert_allclose(rows["weight_q05"], np.quantile(draws, 0.05, axis=0), rtol=1e-10)
        np.testing.assert_allclose(rows["weight_q95"], np.quantile(draws, 0.95, axis=0), rtol=1e-10)


def test_what_came_and_what_is_to_come_is_the_whole_effect() -> None:
    table = adstock_table(_posterior(_SHAPES))
    came = table.groupby("channel", sort=False)["weight_mean"].cumsum()
    np.testing.assert_allclose(came + table["remaining_mean"], 1.0)
    assert (table.loc[table["lag"] == 5, "remaining_mean"] == 0).all()


def _mean_outcome(posterior: Posterior, m: int, multiple: float) -> float:
    return float(scaled_channel_outcome(posterior, m, [multiple])[0].sum(axis=1).mean())


@pytest.mark.parametrize("case", ["default", "s-shaped", "logistic", "hill before adstock", "robust_log"])
def test_saturation_is_measured_against_an_unlimited_multiple(case: str) -> None:
    settings: dict[str, Any] = {
        "s-shaped": {"features": {"saturation": {"slope": "free"}}},
        "logistic": {"features": {"saturation": {"type": "logistic"}}},
        "hill before adstock": {"model": {"hill_before_adstock": True}},
    }.get(case, {})
    posterior = _posterior(settings)
    if case == "robust_log":
        posterior = made_up_posterior(posterior.data, spec=robust(posterior.data))
    table = saturation_table(posterior).set_index("channel")
    for m, channel in ((0, "channel_0"), (1, "channel_1")):
        row = table.loc[channel]
        now, most = scaled_channel_outcome(posterior, m, (1.0, 1e60)).sum(axis=2)
        spend = posterior.data.spend[:, :, m].sum() / 30
        assert row["spend_per_week"] == pytest.approx(spend)
        assert row["saturation_mean"] == pytest.approx((now / most).mean())
        assert row["saturation_q05"] == pytest.approx(np.quantile(now / most, 0.05))
        assert row["saturation_q95"] == pytest.approx(np.quantile(now / most, 0.95))
        half = brentq(lambda x, m=m, most=most: _mean_outcome(posterior, m, x) - most.mean() / 2, 1e-3, 1e3)
        assert row["half_spend"] == pytest.approx(half * spend, rel=1e-5)
        at = row["saturation_spend"] / spend
        more, less = (_mean_outcome(posterior, m, at * (1 + step)) for step in (1e-4, -1e-4))
        marginal, average = (more - less) / (2e-4 * at), _mean_outcome(posterior, m, at) / at
        assert marginal == pytest.approx(0.1 * average, rel=1e-3)


def test_one_draw_and_one_week_saturate_by_the_formula() -> None:
    """Hill with slope 1 reaches a half at ec, and the marginal return is a tenth of the average one at 9 ec."""
    data = tiny_model_data(n_geos=1, n_weeks=12, n_channels=1)
    posterior = made_up_posterior(dataclasses.replace(data, media=np.ones_like(data.media)), 1, 1)
    posterior.samples["alpha_m"][:] = 0.0
    posterior.samples["ec_m"][:] = 4 / posterior.scaling.media_scale[0, 0]
    row = saturation_table(posterior).iloc[0]
    assert row["saturation_mean"] == pytest.approx(1 / 5)
    assert row["half_spend"] == pytest.approx(4 * row["spend_per_week"], rel=1e-6)
    assert row["saturation_spend"] == pytest.approx(36 * row["spend_per_week"], rel=1e-4)


def test_what_never_saturates_has_no_saturation() -> None:
    posterior = _posterior({"features": {"saturation": {"channel_overrides": {"channel_1": {"type": "none"}}}}})
    table = saturation_table(posterior)
    assert table["channel"].tolist() == ["channel_0", "channel_1", "reach_0"]
    assert table.loc[0].notna().all()
    assert (table["spend_per_week"] > 0).all()
    assert table.loc[1:].drop(columns=["channel", "spend_per_week"]).isna().all().all()


def test_a_channel_without_spend_or_effect_has_no_saturation_spend() -> None:
    data = tiny_model_data()
    spend = data.spend.copy()
    spend[:, :, 0] = 0
    posterior = made_up_posterior(dataclasses.replace(data, spend=spend))
    posterior.samples["beta_gm"][:, :, :, 1] = 0.0
    table = saturation_table(posterior)
    assert table.drop(columns=["channel", "spend_per_week"]).isna().all().all()


def test_many_draws_give_the_same_points_as_all_of_them_tried_everywhere() -> None:
    posterior = made_up_posterior(tiny_model_data(n_geos=2, n_weeks=20), n_chains=2, n_draws=600)
    row = saturation_table(posterior).iloc[0]
    most = scaled_channel_outcome(posterior, 0, (1e60,))[0].sum(axis=1).mean()
    half = brentq(lambda x: _mean_outcome(posterior, 0, x) - most / 2, 1e-3, 1e3)
    assert row["half_spend"] == pytest.approx(half * row["spend_per_week"], rel=1e-5)
