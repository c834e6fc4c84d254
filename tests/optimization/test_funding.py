"""Money for channels that have none in the plan."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import ModelData
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.basis import basis_of
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.plan import BudgetPlan, plan_budgets
from mmm_core.planning.frame import PlanningFrame, fit_window
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data


def _without(data: ModelData, geos: slice | int, channel: int) -> ModelData:
    """The same without media and spend of one channel in some geos."""
    none = np.ones_like(data.media)
    none[geos, :, channel] = 0
    lead = np.ones_like(data.lead_media)
    lead[geos, :, channel] = 0
    return dataclasses.replace(
        data, media=data.media * none, spend=data.spend * none, lead_media=data.lead_media * lead
    )


def _frame(geos: slice | int, channel: int = 0, data: ModelData | None = None) -> tuple[PlanningFrame, Posterior]:
    """A plan without one channel in some geos, where the fit had it; and that fit."""
    posterior = made_up_posterior(tiny_model_data() if data is None else data)
    known = fit_window(posterior)
    planned = dataclasses.replace(posterior, data=_without(posterior.data, geos, channel))
    return dataclasses.replace(known, posterior=planned), planned


def _plan(frame: PlanningFrame, limits: dict[str, object], **section: object) -> BudgetPlan:
    return plan_budgets(frame, OptimizationConfig.model_validate({"platform_constraints": limits, **section}))


def _rows(table: pd.DataFrame, channel: str) -> pd.DataFrame:
    return table[table["channel"] == channel].reset_index(drop=True)


@pytest.mark.parametrize("n_lead", [0, 4])
def test_a_channel_without_plan_is_funded_evenly_up_to_its_own_limit(n_lead: int) -> None:
    extras = dataclasses.replace(EVERYTHING, n_lead=n_lead, ragged=True)
    frame, posterior = _frame(slice(None), data=tiny_model_data(extras=extras))
    data = posterior.data
    spent = float(data.spend.sum())
    most = 0.2 * spent
    plan = _plan(frame, {"max_change": 0.6, "channels": {"channel_0": {"min_spend": most, "max_spend": most}}})
    rows = _rows(plan.table, "channel_0")
    assert not rows["current_spend"].any()
    np.testing.assert_allclose(rows["optimal_spend"], most * data.population / data.population.sum())
    assert plan.scenarios[0].total_optimal == pytest.approx(spent)
    weeks = data.present / data.present.sum(axis=1, keepdims=True)
    media = data.media.copy()
    media[:, :, 0] = weeks * (rows["optimal_spend"].to_numpy() / frame.unit_cost[:, 0])[:, None]
    truth = incremental_outcome(posterior, media)[:, :, 0].mean(axis=0)
    np.testing.assert_allclose(rows["optimal_outcome"], truth, rtol=1e-9)
    assert not rows["current_outcome"].any()


def test_an_idle_channel_gets_money_where_it_is_worth_it() -> None:
    frame, posterior = _frame(slice(None))
    posterior.samples["beta_gm"].values[..., 0] *= 20
    spent = float(posterior.data.spend.sum())
    plan = _plan(frame, {"max_change": 1.0, "channels": {"channel_0": {"max_share": 0.3}}})
    assert _rows(plan.table, "channel_0")["optimal_spend"].sum() == pytest.approx(0.3 * spent, rel=1e-6)
    assert plan.scenarios[0].objective_gap is not None
    assert plan.scenarios[0].objective_gap <= 1e-4
    posterior.samples["beta_gm"].values[..., 0] *= -1
    plan = _plan(frame, {"max_change": 1.0, "channels": {"channel_0": {"max_share": 0.3}}})
    assert _rows(plan.table, "channel_0")["optimal_spend"].sum() == pytest.approx(0, abs=1e-6 * spent)


def test_without_a_limit_of_its_own_it_stays_without_and_is_told_why_when_it_must_get_some() -> None:
    frame, _ = _frame(slice(None))
    plan = _plan(frame, {"max_change": 1.0, "groups": {"both": {"channels": ["channel_0"], "max_share": 0.5}}})
    assert not _rows(plan.table, "channel_0")["optimal_spend"].any()
    with pytest.raises(BudgetError, match=r"Without current spend .*channels\.channel_0\.max_spend"):
        _plan(frame, {"min_spend_pct": 0.1})


@pytest.mark.parametrize(
    "limits",
    [
        {"channels": {"channel_0": {"max_spend": 1e9}}, "geos": {"Geo1": {"min_change": 0.2}}},
        {"geos": {"Geo1": {"max_share": 0.99, "min_change": 0.2}}},
    ],
)
def test_a_channel_is_funded_in_a_geo_where_it_is_not_planned(limits: dict[str, object]) -> None:
    frame, posterior = _frame(1)
    posterior.samples["beta_gm"].values[:, :, 1, 0] *= 20
    plan = _plan(frame, {"max_change": 0.9, **limits}, allocation="geo_channel")
    row = _rows(plan.table, "channel_0").iloc[1]
    assert row["current_spend"] == 0
    assert row["optimal_spend"] > 0
    media = posterior.data.media.copy()
    ratio = (plan.table["optimal_spend"] / plan.table["current_spend"].replace(0, np.nan)).to_numpy()
    media *= np.nan_to_num(ratio.reshape(3, 1, 2))
    media[1, :, 0] = row["optimal_spend"] / frame.unit_cost[1, 0] / len(posterior.data.dates)
    truth = incremental_outcome(posterior, media)
    assert plan.scenarios[0].outcome_optimal == pytest.approx(truth.sum(axis=(1, 2)).mean(), rel=1e-9)
    np.testing.assert_allclose(plan.table["optimal_outcome"], truth.mean(axis=0).ravel(), rtol=1e-9)


def test_a_planned_channel_keeps_out_of_geos_where_it_is_not_planned() -> None:
    frame, posterior = _frame(1)
    plan = _plan(frame, {"channels": {"channel_0": {"max_spend": 1e9}}}, scenario_presets={"more": 0.2})
    row = _rows(plan.table, "channel_0").iloc[1]
    assert row["optimal_spend"] == row["optimal_outcome"] == 0
    assert plan.table["optimal_spend"].sum() == pytest.approx(1.2 * posterior.data.spend.sum())


def test_spend_beyond_the_history_is_flagged() -> None:
    posterior = made_up_posterior(tiny_model_data())
    weekly = posterior.data.spend
    usual = weekly.sum(axis=1) / (weekly > 0).sum(axis=1)
    limits: dict[str, object] = {"max_change": 1e-9}
    for change in (0.0, 0.5, 1.0, 2.0, 4.0):
        table = _plan(fit_window(posterior), limits, scenario_presets={"it": change}).table
        expected = usual * (1 + change) > weekly.max(axis=1) * (1 + 1e-6)
        np.testing.assert_array_equal(table["extrapolated"].to_numpy().reshape(3, 2), expected)


def test_media_never_seen_is_flagged_even_when_little() -> None:
    posterior = made_up_posterior(tiny_model_data())
    planned = dataclasses.replace(posterior, data=_without(posterior.data, slice(None), 0))
    frame = fit_window(planned)
    assert not frame.largest_weekly_spend[:, 0].any()
    plan = _plan(frame, {"channels": {"channel_0": {"min_spend": 1.0, "max_spend": 1.0}}})
    assert _rows(plan.table, "channel_0")["extrapolated"].all()


def test_free_media_is_neither_scaled_nor_funded() -> None:
    posterior = made_up_posterior(tiny_model_data())
    spend = posterior.data.spend.copy()
    spend[1, :, 0] = 0
    free = dataclasses.replace(posterior, data=dataclasses.replace(posterior.data, spend=spend))
    basis = basis_of(fit_window(free))
    assert basis.free.tolist() == [[False, False], [True, False], [False, False]]
    assert not basis.idle.any()
    limits: dict[str, object] = {"channels": {"channel_0": {"max_spend": 1e9}}}
    table = _plan(fit_window(free), limits, allocation="geo_channel", scenario_presets={"more": 0.3}).table
    row = _rows(table, "channel_0").iloc[1]
    assert row["optimal_spend"] == 0
    assert row["optimal_outcome"] == pytest.approx(row["current_outcome"])


def test_reach_of_a_channel_that_is_not_planned_has_its_usual_frequency() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    channel = data.channels.index("reach_0")
    frame, posterior = _frame(1, channel, data)
    basis = basis_of(frame)
    filled = basis.frame.posterior.data
    reach = np.concatenate([posterior.data.lead_media, posterior.data.media], axis=1)[:, :, channel]
    assert posterior.data.frequency is not None
    assert posterior.data.lead_frequency is not None
    assert filled.frequency is not None
    often = np.concatenate([posterior.data.lead_frequency, posterior.data.frequency], axis=1)[:, :, channel]
    np.testing.assert_allclose(filled.frequency[1, :, channel], (reach * often).sum() / reach.sum())
    assert (filled.media[1, :, channel] > 0).tolist() == data.present[1].tolist()
    np.testing.assert_array_equal(filled.media[[0, 2]], posterior.data.media[[0, 2]])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), by_geo=st.booleans(), ragged=st.booleans())
def test_the_current_plan_is_its_own_media_and_money_adds_up(seed: int, by_geo: bool, ragged: bool) -> None:
    """Whatever is planned, free or absent, in any pattern over geos and channels."""
    rng = np.random.default_rng(seed)
    extras = dataclasses.replace(EVERYTHING, ragged=ragged)
    data = tiny_model_data(n_geos=4, n_weeks=12, n_channels=3, seed=seed, extras=extras)
    posterior = made_up_posterior(data, n_draws=1)
    there = (rng.random((4, 1, len(data.channels))) < 0.6) | ~_is_paid(data)
    costs = rng.random((4, 1, len(data.channels))) < 0.8
    data = dataclasses.replace(data, media=data.media * there, spend=data.spend * there * costs)
    basis = basis_of(fit_window(dataclasses.replace(posterior, data=data)))
    cells = Cells.of(basis, by_geo)
    n_paid = len(data.paid_channels)
    media = basis.frame.posterior.data.media[:, :, :n_paid] * cells.factors(cells.spend)[:, None]
    np.testing.assert_allclose(media, data.media[:, :, :n_paid], rtol=1e-12)
    spend = rng.uniform(0, 10, len(cells.spend)) * (cells.unit > 0)
    money = basis.money * cells.factors(spend)
    np.testing.assert_allclose(money.ravel() if by_geo else money.sum(axis=0), spend, rtol=1e-9)
    np.testing.assert_allclose(basis.money * cells.factors(cells.spend), basis.current, rtol=1e-12)
    filled = (basis.frame.posterior.data.media[:, :, :n_paid] > 0).any(axis=1)
    assert (filled | ~data.present.any(axis=1, keepdims=True)).all()
    assert not basis.frame.posterior.data.media[~data.present].any()


def _is_paid(data: ModelData) -> np.ndarray:
    return np.arange(len(data.channels)) < len(data.paid_channels)
