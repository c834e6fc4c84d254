"""The answer to a plan is the forward model's, for weeks of the fit and for coming ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.config.features import FeaturesConfig
from mmm_core.config.optimization import FuturePlanConfig
from mmm_core.config.schema import Config
from mmm_core.model.forward import channel_contribution, expected_kpi_by_geo
from mmm_core.model.posterior import Posterior
from mmm_core.planning.coming import coming_weeks
from mmm_core.planning.forecast import forecast_table
from mmm_core.planning.future import frame_of_weeks
from mmm_core.planning.past import usual_frequency, weeks_before
from mmm_core.serving.answer import COLUMNS, answer
from tests.factories import Extras, made_up_posterior, robust, tiny_model_data
from tests.serving.plans_of_fit import coming_plan, own_plan, plan_rows

EXTRAS = Extras(n_reach=1, n_organic=1, n_treatments=1, n_lead=4, ragged=True, n_missing=3)
FEATURES = FeaturesConfig()


@pytest.fixture(params=["gaussian", "robust_log"])
def fit(request: pytest.FixtureRequest) -> Posterior:
    data = tiny_model_data(extras=EXTRAS)
    return made_up_posterior(data, spec=robust(data) if request.param == "robust_log" else None)


def test_unchanged_spend_gives_the_fitted_numbers_exactly(fit: Posterior) -> None:
    found = answer(fit, FEATURES, own_plan(fit.data))
    fitted, kpi = contribution_table(fit), found[found["kind"] == "kpi"].reset_index(drop=True)
    media = found[found["kind"] != "kpi"].reset_index(drop=True)
    pd.testing.assert_frame_equal(media, fitted[list(COLUMNS)])
    weekly = fit_table(fit)
    for ours, theirs in (("mean", "predicted_mean"), ("q05", "q05"), ("q95", "q95")):
        np.testing.assert_array_equal(kpi[ours], weekly[theirs])


def test_other_spend_is_the_forward_model_of_that_media(fit: Posterior) -> None:
    data, weeks = fit.data, slice(10, 14)
    plan = plan_rows(data, list(data.dates[weeks]), 1.5 * data.spend[:, weeks])
    plan = plan[(plan["geo"] == "Geo0") & (plan["channel"] == "channel_1")]
    media = data.media.copy()
    media[0, weeks, 1] *= 1.5
    changed = replace(fit, data=replace(data, media=media))
    found = answer(fit, FEATURES, plan)
    assert set(found["geo"]) == {"Geo0"}
    assert list(found["date"].unique()) == list(data.dates[weeks].astype("datetime64[ns]"))
    expected = next(iter(expected_kpi_by_geo(changed)))[:, weeks]
    np.testing.assert_allclose(found.loc[found["kind"] == "kpi", "mean"], expected.mean(axis=0))
    draws = next(iter(channel_contribution(changed, 1)))[:, weeks]
    own = found[found["component"] == "channel_1"]
    np.testing.assert_allclose(own["mean"], draws.mean(axis=0))
    np.testing.assert_allclose(own["q95"], np.quantile(draws, 0.95, axis=0))


def test_media_units_count_where_they_are_given(fit: Posterior) -> None:
    data = fit.data
    plan = own_plan(data).assign(media=np.nan)
    cell = (
        (plan["geo"] == "Geo0")
        & (plan["channel"] == "channel_0")
        & (plan["date"] == pd.Timestamp(str(data.dates[-1])))
    )
    plan.loc[cell, "media"] = 2 * data.media[0, -1, 0]
    media = data.media.copy()
    media[0, -1, 0] *= 2
    expected = contribution_table(replace(fit, data=replace(data, media=media)))
    found = answer(fit, FEATURES, plan)
    pd.testing.assert_frame_equal(
        found[found["kind"] != "kpi"].reset_index(drop=True), expected[list(COLUMNS)], rtol=1e-12
    )


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_coming_weeks_are_those_of_the_planning_frame(family: str) -> None:
    data = tiny_model_data(n_weeks=60, extras=replace(EXTRAS, ragged=False))
    # One price, so that money buys the same media here and a year before.
    media = np.where(data.spend > 0, data.spend, data.media)
    data = replace(data, media=media)
    fit = made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)
    future, config = FuturePlanConfig(weeks=4, credit_carryover=False), Config()
    weeks = coming_weeks(data, future, config)
    mean = np.broadcast_to(usual_frequency(data)[:, None], weeks.media.shape)
    before = weeks_before(len(data.dates), 4)
    assert before is not None
    frame = frame_of_weeks(fit, config, future, replace(weeks, frequency=mean))
    found = answer(fit, FEATURES, plan_rows(data, list(weeks.dates), data.spend[:, before]))
    expected = forecast_table(frame)
    expected = expected[expected["geo"] != "all"]
    kpi = found[found["kind"] == "kpi"]
    for ours, theirs in (("mean", "expected_mean"), ("q05", "q05"), ("q50", "q50"), ("q95", "q95")):
        np.testing.assert_allclose(kpi[ours], expected[theirs])
    parts = found[found["kind"] != "kpi"].groupby(["geo", "date"], sort=False)["mean"].sum()
    np.testing.assert_allclose(parts, kpi["mean"])


def test_more_money_in_coming_weeks_brings_more() -> None:
    data = tiny_model_data(extras=Extras(n_lead=4))
    fit = made_up_posterior(data)
    low, high = (answer(fit, FEATURES, coming_plan(data, factor=factor)) for factor in (0.5, 2.0))
    kpi = low["kind"] == "kpi"
    assert (high.loc[kpi, "mean"] >= low.loc[kpi, "mean"]).all()
    assert high.loc[kpi, "mean"].sum() > low.loc[kpi, "mean"].sum()
