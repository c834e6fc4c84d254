"""Coming weeks as a frame, against the forward model on history, plan and what follows in one panel."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmm_core.errors import BudgetError, DataError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import effect_units, expected_kpi, scaled_channel_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.priors import Prior
from mmm_core.model.specification import build_spec
from mmm_core.planning.frame import PlanningFrame, fit_window
from mmm_core.planning.future import planning_frame
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.plans import RandomPlan, plan_config, random_plan, write_plan

_N_WEEKS = 9
_DATA = tiny_model_data(n_geos=3, n_weeks=70, n_channels=2, n_controls=2, extras=EVERYTHING)
_PLAN = random_plan(_DATA, _N_WEEKS)
_SPECS: dict[str, dict[str, Any]] = {
    "gaussian": {},
    "free slope": {"slope": Prior("log_normal", (0.3, 0.4))},
    "saturation first": {"hill_before_adstock": True},
    "knots that end early": {"knots": (3, 20, 50)},
    "robust": {"family": "robust_log"},
    "robust, knots that end early": {"family": "robust_log", "knots": (3, 20, 50)},
}
_CASES = [*itertools.product(_SPECS, (True, False))]


def _posterior(family: str = "gaussian", data: ModelData = _DATA) -> Posterior:
    spec = build_spec(plan_config(data, None), data)
    changes = {
        name: (value,) * len(data.channels) if name == "slope" else value for name, value in _SPECS[family].items()
    }
    return made_up_posterior(data, 2, 4, spec=dataclasses.replace(spec, **changes))


def _frame(tmp_path: Path, family: str = "gaussian", credit: bool = True, **settings: Any) -> PlanningFrame:
    future = write_plan(tmp_path, _DATA, _PLAN)
    return planning_frame(
        _posterior(family), plan_config(_DATA, {**future, "credit_carryover": credit, **settings})
    )


def _a_year_before(values: FloatArray, present: np.ndarray, position: int) -> FloatArray:
    """(G, ...) the slow way."""
    found = []
    for g in range(len(values)):
        week = position
        while week >= values.shape[1]:
            week -= 52
        there = present[g, week] if week >= 0 else False
        found.append(values[g, week] if there else values[g][present[g]].mean(axis=0))
    return np.stack(found)


def _whole(plan: RandomPlan, n_tail: int) -> ModelData:
    """History, plan and weeks without paid media in one panel."""
    data, n_paid = _DATA, len(_DATA.paid_channels)
    n_history, n_geos = len(data.dates), len(data.geos)
    tail = range(n_history + _N_WEEKS, n_history + _N_WEEKS + n_tail)
    media = [data.media, plan.media]
    controls = [data.control_values, plan.controls]
    for position in tail:
        after = _a_year_before(data.media, data.present, position)
        after[:, :n_paid] = 0.0
        media.append(after[:, None])
        controls.append(_a_year_before(data.control_values, data.present, position)[:, None])
    assert data.frequency is not None
    assert data.revenue_per_kpi is not None
    new = (n_geos, _N_WEEKS + n_tail)
    return dataclasses.replace(
        data,
        dates=data.dates[0] + 7 * np.arange(n_history + new[1]),
        kpi=np.concatenate([data.kpi, np.full(new, np.nan)], axis=1),
        media=np.concatenate(media, axis=1),
        spend=np.zeros((n_geos, n_history + new[1], len(data.channels))),
        frequency=np.concatenate([data.frequency, plan.frequency, np.ones((n_geos, n_tail, 4))], axis=1),
        control_values=np.concatenate(controls, axis=1),
        revenue_per_kpi=np.concatenate(
            [data.revenue_per_kpi, plan.revenue, np.repeat(plan.revenue[:, -1:], n_tail, axis=1)], axis=1
        ),
        present=np.concatenate([data.present, np.ones(new, dtype=bool)], axis=1),
    )


def _planned_outcome(frame: PlanningFrame) -> FloatArray:
    """(S, G) what the plan brings, all channels."""
    total = np.zeros((frame.posterior.n_draws, len(_DATA.geos)))
    for m in range(len(_DATA.paid_channels)):
        both = scaled_channel_outcome(
            frame.posterior, m, [1.0, 0.0], units=frame.units, scale_lead=frame.scale_lead
        )
        total += both[0] - both[1]
    return total


@pytest.mark.parametrize(("family", "credit"), _CASES)
def test_a_plan_brings_what_the_forward_model_says_on_the_whole_panel(
    tmp_path: Path, family: str, credit: bool
) -> None:
    posterior, frame = _posterior(family), _frame(tmp_path, family, credit)
    whole, n_history = _whole(_PLAN, posterior.spec.max_lag_weeks if credit else 0), len(_DATA.dates)
    media = whole.media.copy()
    media[:, n_history:, : len(_DATA.paid_channels)] = 0.0
    on_all = dataclasses.replace(posterior, data=whole)
    change = (expected_kpi(on_all) - expected_kpi(on_all, media)) * whole.outcome_per_kpi
    expected = change[:, :, n_history:].sum(axis=2)
    np.testing.assert_allclose(_planned_outcome(frame), expected, rtol=1e-7)


@pytest.mark.parametrize("family", _SPECS)
def test_the_frame_predicts_what_the_whole_panel_does(tmp_path: Path, family: str) -> None:
    posterior, frame = _posterior(family), _frame(tmp_path, family)
    on_all = dataclasses.replace(posterior, data=_whole(_PLAN, posterior.spec.max_lag_weeks))
    expected = expected_kpi(on_all)[:, :, len(_DATA.dates) :]
    np.testing.assert_allclose(expected_kpi(frame.posterior), expected, rtol=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "robust"])
def test_the_fit_window_without_a_future(family: str) -> None:
    posterior = _posterior(family)
    frame, once_more = planning_frame(posterior, plan_config(_DATA, None)), fit_window(posterior)
    assert frame.posterior is posterior
    assert (frame.scale_lead, frame.n_weeks, frame.notes) == (True, 70, ())
    for mine, other, own in zip(frame.units, once_more.units, effect_units(posterior), strict=True):
        np.testing.assert_array_equal(mine, other)
        np.testing.assert_array_equal(mine, own)


def test_without_a_file_the_same_weeks_a_year_before_are_planned(tmp_path: Path) -> None:
    frame = planning_frame(_posterior(), plan_config(_DATA, {"weeks": 60}))
    data, still_there = frame.posterior.data, _DATA.present[:, -1]
    assert frame.n_weeks == 60
    for t in range(60):
        before = 18 + t if t < 52 else t - 34
        there = still_there & _DATA.present[:, before]
        np.testing.assert_array_equal(data.media[:, t], _DATA.media[:, before] * there[:, None])
        np.testing.assert_array_equal(data.spend[:, t], _DATA.spend[:, before] * there[:, None])
    np.testing.assert_array_equal(data.present, np.repeat(still_there[:, None], 60 + data.dates.size - 60, axis=1))
    assert any("Geo2" in note and "no longer" in note for note in frame.notes)


def test_frequency_is_that_of_a_year_before_and_usual_where_nobody_was_reached() -> None:
    data = dataclasses.replace(_DATA, media=_DATA.media.copy())
    data.media[0, 20, 2] = 0.0
    frame = planning_frame(_posterior(data=data), plan_config(data, {"weeks": 5}))
    found, known = frame.posterior.data.frequency, data.frequency
    assert found is not None
    assert known is not None
    np.testing.assert_array_equal(found[0, [0, 1, 3, 4], 2], known[0, [18, 19, 21, 22], 2])
    usual = (data.media[0, :, 2] * known[0, :, 2]).sum() / data.media[0, :, 2].sum()
    assert found[0, 2, 2] == pytest.approx(usual)


def test_a_year_is_planned_unless_weeks_are_given() -> None:
    assert planning_frame(_posterior(), plan_config(_DATA, {})).n_weeks == 52


def test_less_than_a_year_of_history_needs_a_file() -> None:
    data = tiny_model_data(n_weeks=40)
    with pytest.raises(DataError, match=r"40 weeks and 52 are needed; give optimization\.future\.path"):
        planning_frame(made_up_posterior(data), plan_config(data, {}))


def test_dearer_media_gets_fewer_units_for_the_same_money(tmp_path: Path) -> None:
    plain = _frame(tmp_path)
    dearer = _frame(tmp_path, cost_changes={"channel_0": 0.25, "reach_0": -0.2})
    before, after = plain.posterior.data, dearer.posterior.data
    np.testing.assert_array_equal(before.spend, after.spend)
    np.testing.assert_allclose(after.media[:, :, 0], before.media[:, :, 0] / 1.25)
    np.testing.assert_allclose(after.media[:, :, 2], before.media[:, :, 2] / 0.8)
    np.testing.assert_array_equal(after.media[:, :, [1, 3]], before.media[:, :, [1, 3]])
    np.testing.assert_allclose(dearer.unit_cost, plain.unit_cost * [1.25, 1.0, 0.8])
    assert any("channel_0 +25.0%, reach_0 -20.0%" in note for note in dearer.notes)


@pytest.mark.parametrize(
    ("channel", "why"), [("organic_0", "is organic and costs nothing"), ("chanel_0", "is no channel.*channel_0")]
)
def test_a_price_of_what_is_not_bought_is_refused(tmp_path: Path, channel: str, why: str) -> None:
    with pytest.raises(BudgetError, match=f"cost_changes names {channel}, which {why}"):
        _frame(tmp_path, cost_changes={channel: 0.1})


def test_twice_the_people_and_twice_the_media_give_twice_the_kpi(tmp_path: Path) -> None:
    data = tiny_model_data(n_geos=2, n_weeks=60)
    plan, posterior = random_plan(data, 6), made_up_posterior(data, 1, 3)
    doubled = dataclasses.replace(plan, media=2 * plan.media)
    quiet = dataclasses.replace(data, media=data.media.copy())
    quiet.media[:, -posterior.spec.max_lag_weeks :] = 0.0  # what went before stays what it was
    posterior = dataclasses.replace(posterior, data=quiet)
    small = planning_frame(posterior, plan_config(data, write_plan(tmp_path, data, plan)))
    people = np.repeat(2 * data.population, 6)
    large = planning_frame(posterior, plan_config(data, write_plan(tmp_path, data, doubled, people=people)))
    kpi = expected_kpi(small.posterior)
    np.testing.assert_allclose(expected_kpi(large.posterior), 2 * kpi, rtol=1e-9)
    assert any("Population differs from the fit's by +100.0% to +100.0%." in note for note in large.notes)


def test_population_changes_nothing_in_the_robust_family(tmp_path: Path) -> None:
    people = np.repeat(2 * _DATA.population, _N_WEEKS)
    future = write_plan(tmp_path, _DATA, _PLAN, people=people)
    frame = planning_frame(_posterior("robust"), plan_config(_DATA, future))
    np.testing.assert_array_equal(frame.posterior.data.population, _DATA.population)
    assert any("robust_log" in note for note in frame.notes)


def test_after_the_plan_nothing_is_paid_for_and_the_worth_is_the_last(tmp_path: Path) -> None:
    frame = _frame(tmp_path)
    data, lag = frame.posterior.data, frame.posterior.spec.max_lag_weeks
    assert data.media.shape[1] == _N_WEEKS + lag
    assert not data.media[:, _N_WEEKS:, :3].any()
    assert not data.spend[:, _N_WEEKS:].any()
    assert data.revenue_per_kpi is not None
    np.testing.assert_array_equal(data.revenue_per_kpi[:, _N_WEEKS:], np.tile(_PLAN.revenue[:, -1:], lag))
    assert _frame(tmp_path, credit=False).posterior.data.media.shape[1] == _N_WEEKS


def test_prices_without_a_plan_come_from_the_geo_else_from_all(tmp_path: Path) -> None:
    data = tiny_model_data(n_geos=3, n_weeks=60)
    data.media[1, :, 0] = data.spend[1, :, 0] = 0.0
    frame = fit_window(made_up_posterior(data, 1, 2))
    price = data.spend.sum(axis=1) / np.where(data.media.sum(axis=1) > 0, data.media.sum(axis=1), 1.0)
    everywhere = data.spend[:, :, 0].sum() / data.media[:, :, 0].sum()
    np.testing.assert_allclose(frame.unit_cost[[0, 2]], price[[0, 2]])
    np.testing.assert_allclose(frame.unit_cost[1], [everywhere, price[1, 1]])
    np.testing.assert_array_equal(frame.largest_weekly_spend, data.spend.max(axis=1))


def test_it_is_said_where_the_trend_stays(tmp_path: Path) -> None:
    note = "The trend of the baseline stays as it was at its last knot, the week of 2023-12-18."
    assert note in _frame(tmp_path, "knots that end early").notes


def test_a_plan_beyond_the_data_is_said_and_not_refused(tmp_path: Path) -> None:
    plan = dataclasses.replace(_PLAN, media=_PLAN.media.copy())
    plan.media[0, 3, 1] = 10 * _DATA.media[0, :, 1].max()
    frame = planning_frame(_posterior(), plan_config(_DATA, write_plan(tmp_path, _DATA, plan)))
    note = next(note for note in frame.notes if "extrapolated" in note)
    assert "channel_1 in" in note
