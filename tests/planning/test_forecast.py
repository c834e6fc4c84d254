"""The forecast against the forward model, and against weeks that were held out of a simulated panel."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import expected_kpi
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from mmm_core.planning.forecast import COLUMNS, CURRENT, forecast_table
from mmm_core.planning.frame import PlanningFrame, fit_window
from mmm_core.planning.future import planning_frame
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.plans import RandomPlan, plan_config, random_plan, write_plan

_N_WEEKS = 7
_DATA = tiny_model_data(n_geos=3, n_weeks=60, n_channels=2, n_controls=2, extras=EVERYTHING)
_PLAN = random_plan(_DATA, _N_WEEKS)


def _posterior(family: str, data: ModelData = _DATA, n_draws: int = 20) -> Posterior:
    spec = dataclasses.replace(build_spec(plan_config(data, None), data), family=family)  # type: ignore[arg-type]
    return made_up_posterior(data, 2, n_draws, spec=spec)


@pytest.fixture(params=["gaussian", "robust_log"])
def frame(request: pytest.FixtureRequest, tmp_path: Path) -> PlanningFrame:
    return planning_frame(_posterior(request.param), plan_config(_DATA, write_plan(tmp_path, _DATA, _PLAN)))


def _cube(table: pd.DataFrame, scenario: str, column: str) -> FloatArray:
    """(G + 1, T)"""
    one = table[table["scenario"] == scenario]
    return np.asarray(one[column].to_numpy(dtype=np.float64).reshape(-1, one["date"].nunique()))


def _half(frame: PlanningFrame) -> FloatArray:
    return np.asarray(frame.posterior.data.media[:, : frame.n_weeks, : frame.unit_cost.shape[1]] / 2)


def _with_media(frame: PlanningFrame, media: FloatArray) -> Posterior:
    data = frame.posterior.data
    whole = data.media.copy()
    whole[:, : frame.n_weeks, : media.shape[2]] = media
    return dataclasses.replace(frame.posterior, data=dataclasses.replace(data, media=whole))


def test_expected_and_predictive_kpi_of_every_plan_are_the_models(frame: PlanningFrame) -> None:
    table = forecast_table(frame, {"half": _half(frame)})
    assert tuple(table.columns) == COLUMNS
    assert list(dict.fromkeys(table["scenario"])) == [CURRENT, "half"]
    assert list(dict.fromkeys(table["geo"])) == ["Geo0", "Geo1", "Geo2", "all"]
    for scenario, posterior in ((CURRENT, frame.posterior), ("half", _with_media(frame, _half(frame)))):
        expected = expected_kpi(posterior)[:, :, :_N_WEEKS].mean(axis=0)
        both = np.concatenate([expected, expected.sum(axis=0)[None]])
        np.testing.assert_allclose(_cube(table, scenario, "expected_mean"), both, rtol=1e-9)
        drawn = np.stack([kpi for _, kpi in predictive_draws(posterior)], axis=1)[:, :, :_N_WEEKS]
        drawn = np.concatenate([drawn, drawn.sum(axis=1)[:, None]], axis=1)
        np.testing.assert_allclose(_cube(table, scenario, "kpi_mean"), drawn.mean(axis=0), rtol=1e-9)
        for column, level in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
            np.testing.assert_allclose(
                _cube(table, scenario, column), np.quantile(drawn, level, axis=0), rtol=1e-9
            )


def test_media_and_baseline_add_up_and_the_baseline_is_without_any_media(frame: PlanningFrame) -> None:
    table = forecast_table(frame, {"half": _half(frame)})
    data = frame.posterior.data
    none = dataclasses.replace(data, media=0 * data.media, lead_media=0 * data.lead_media)
    bare = expected_kpi(dataclasses.replace(frame.posterior, data=none))[:, :, :_N_WEEKS].mean(axis=0)
    np.testing.assert_allclose(table["baseline_mean"] + table["media_mean"], table["expected_mean"])
    for scenario in (CURRENT, "half"):
        np.testing.assert_allclose(_cube(table, scenario, "baseline_mean")[:3], bare, rtol=1e-9)
    assert (_cube(table, "half", "media_mean") < _cube(table, CURRENT, "media_mean")).all()


def test_a_geo_named_all_does_not_stand_beside_the_sum_of_all(frame: PlanningFrame) -> None:
    geos = ("all", *frame.posterior.data.geos[1:])
    renamed = dataclasses.replace(frame.posterior, data=dataclasses.replace(frame.posterior.data, geos=geos))
    table = forecast_table(dataclasses.replace(frame, posterior=renamed))
    plain = forecast_table(frame)
    assert not table.duplicated(["scenario", "geo", "date"]).any()
    assert table["geo"].unique().tolist() == ["Geo1", "Geo2", "all"]
    assert (
        table.loc[table["geo"] == "all", "kpi_mean"].tolist()
        == plain.loc[plain["geo"] == "all", "kpi_mean"].tolist()
    )


def test_money_of_a_plan_is_at_the_frames_prices(frame: PlanningFrame) -> None:
    table = forecast_table(frame, {"half": _half(frame)})
    spend = _PLAN.spend.sum(axis=2)
    np.testing.assert_allclose(_cube(table, CURRENT, "spend"), np.concatenate([spend, spend.sum(axis=0)[None]]))
    np.testing.assert_allclose(_cube(table, "half", "spend"), _cube(table, CURRENT, "spend") / 2)


def test_a_week_without_a_price_of_its_own_takes_the_geos(tmp_path: Path) -> None:
    data = tiny_model_data(n_geos=2, n_weeks=60)
    plan = random_plan(data, 4)
    plan.media[0, 1, 0] = plan.spend[0, 1, 0] = 0.0
    plan.media[1, :, 0] = plan.spend[1, :, 0] = 0.0
    posterior = made_up_posterior(data, 1, 3)
    frame = planning_frame(posterior, plan_config(data, write_plan(tmp_path, data, plan)))
    moved = np.zeros((2, 4, 2))
    moved[0, 1, 0] = moved[1, 2, 0] = 1000.0
    spend = _cube(forecast_table(frame, {"moved": moved}), "moved", "spend")
    own = plan.spend[0, :, 0].sum() / plan.media[0, :, 0].sum()
    assert spend[0, 1] == pytest.approx(1000 * own)
    assert spend[1, 2] == pytest.approx(1000 * frame.unit_cost[1, 0])
    assert spend.sum() == pytest.approx(2 * (spend[0, 1] + spend[1, 2]))


def test_the_same_seed_gives_the_same_forecast_and_plans_share_the_noise(frame: PlanningFrame) -> None:
    own = frame.posterior.data.media[:, :_N_WEEKS, :3]
    table = forecast_table(frame, {"again": own})
    pd.testing.assert_frame_equal(table, forecast_table(frame, {"again": own}))
    first, second = (table[table["scenario"] == name].drop(columns="scenario") for name in (CURRENT, "again"))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))


def test_the_fit_window_can_be_forecast_too() -> None:
    posterior = _posterior("gaussian")
    table = forecast_table(fit_window(posterior))
    np.testing.assert_allclose(_cube(table, CURRENT, "expected_mean")[:3], expected_kpi(posterior).mean(axis=0))


@pytest.mark.parametrize(
    ("media", "words"),
    [
        (np.ones((3, _N_WEEKS - 1, 3)), r"The plan odd has media of shape \(3, 6, 3\); .* is \(3, 7, 3\)"),
        (-np.ones((3, _N_WEEKS, 3)), "The plan odd has negative or missing media"),
        (np.full((3, _N_WEEKS, 3), np.nan), "The plan odd has negative or missing media"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(frame: PlanningFrame, media: FloatArray, words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        forecast_table(frame, {"odd": media})


def _true(posterior: Posterior, n_draws: int) -> Posterior:
    """The first draw many times: the truth as a posterior."""
    first = posterior.samples.isel(chain=[0], draw=[0] * n_draws)
    info = dataclasses.replace(posterior.info, chains=1, draws=n_draws)
    return dataclasses.replace(posterior, samples=first.assign_coords(draw=np.arange(n_draws)), info=info)


def _part(data: ModelData, n_weeks: int) -> tuple[ModelData, RandomPlan]:
    """The weeks before the last ones, and the last ones as a plan."""
    before = slice(None, len(data.dates) - n_weeks)
    after = slice(len(data.dates) - n_weeks, None)
    assert data.revenue_per_kpi is not None
    first = dataclasses.replace(
        data,
        dates=data.dates[before],
        kpi=data.kpi[:, before],
        revenue_per_kpi=data.revenue_per_kpi[:, before],
        media=data.media[:, before],
        spend=data.spend[:, before],
        control_values=data.control_values[:, before],
        present=data.present[:, before],
    )
    plan = RandomPlan(
        data.dates[after],
        data.media[:, after],
        data.spend[:, after],
        np.ones_like(data.media[:, after]),
        data.revenue_per_kpi[:, after],
        data.control_values[:, after],
    )
    return first, plan


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_weeks_held_out_of_a_simulated_panel_are_covered(family: str, tmp_path: Path) -> None:
    n_held_out, data = 15, tiny_model_data(n_geos=20, n_weeks=75, n_channels=2, n_controls=1)
    history, plan = _part(data, n_held_out)
    truth = _true(_posterior(family, history, 1), 800)
    frame = planning_frame(truth, plan_config(history, write_plan(tmp_path, history, plan)))
    info = dataclasses.replace(truth.info, seed=977)  # other noise than the forecast's
    simulated = dataclasses.replace(truth, data=data, info=info)
    happened = np.stack([kpi[0] for _, kpi in predictive_draws(simulated)])[:, -n_held_out:]
    happened = np.concatenate([happened, happened.sum(axis=0)[None]])
    table = forecast_table(frame)
    inside = (happened >= _cube(table, CURRENT, "q05")) & (happened <= _cube(table, CURRENT, "q95"))
    assert inside[:-1].mean() == pytest.approx(0.9, abs=0.04)  # 300 geo-weeks: two standard deviations are 0.035
    assert inside[-1].sum() >= 11
