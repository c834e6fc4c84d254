"""The whole plan of experiments."""

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.attribution.returns import roi_draws
from mmm_core.config.schema import Config
from mmm_core.errors import InputError, StorageError
from mmm_core.experiment_planning.columns import PROPOSAL_COLUMNS
from mmm_core.experiment_planning.design import design_of
from mmm_core.experiment_planning.matching import outcome_series
from mmm_core.experiment_planning.planner import ExperimentPlan, is_wanted, plan_experiments
from mmm_core.model.forward import expected_kpi
from mmm_core.model.posterior import Posterior
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data


def configured(**planner: Any) -> Config:
    return Config.model_validate({"calibration": {"planner": planner}})


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return made_up_posterior(tiny_model_data(n_geos=8, n_weeks=60, n_channels=3), n_draws=100)


@pytest.fixture(scope="module")
def plan(posterior: Posterior) -> ExperimentPlan:
    return plan_experiments(posterior, configured())


def test_every_paid_channel_is_proposed_once_and_ranked(plan: ExperimentPlan, posterior: Posterior) -> None:
    table = plan.proposals
    assert tuple(table.columns) == PROPOSAL_COLUMNS
    assert sorted(table["channel"]) == list(posterior.data.paid_channels)
    assert table["rank"].tolist() == [1, 2, 3]
    assert (table["value_of_information"] >= 0).all()
    assert table["value_per_spend"].is_monotonic_decreasing


def test_numbers_of_a_proposal_hang_together(plan: ExperimentPlan, posterior: Posterior) -> None:
    roi = roi_draws(posterior)
    for row in plan.proposals.to_dict("records"):
        assert row["mde_roas"] == pytest.approx(row["mde_outcome"] / abs(row["spend_change"]))
        assert row["mde_share_of_effect"] == pytest.approx(row["mde_outcome"] / abs(row["outcome_change_mean"]))
        assert row["detects"] == (row["mde_share_of_effect"] <= 1)
        assert row["cost"] == pytest.approx(row["spend_change"] - row["outcome_change_mean"])
        assert row["standard_error"] == max(row["error_model"], row["error_placebo"])
        assert row["spend_change"] < 0 > row["outcome_change_q95"]
        m = posterior.data.channels.index(row["channel"])
        assert row["sd_now"] == pytest.approx(roi[:, m].std(ddof=1))
        assert row["sd_after"] == pytest.approx(row["sd_after_normal"], rel=0.15)


def test_the_expected_effect_is_that_of_the_forward_model(posterior: Posterior) -> None:
    data, outcome = posterior.data, outcome_series(posterior.data)
    settings = configured(weeks=5, post_weeks=3, change=0.5).calibration.planner
    design = design_of(data, outcome, "channel_1", settings)
    assert design is not None
    media, weeks = data.media.copy(), slice(design.first, design.first + 5)
    media[list(design.split.test), weeks, 1] *= 1.5
    more = (expected_kpi(posterior, media) - expected_kpi(posterior)) * data.outcome_per_kpi
    by_hand = more[:, list(design.split.test), design.first : design.first + 8].sum(axis=(1, 2))
    np.testing.assert_allclose(design.effect_draws(posterior), by_hand, rtol=1e-6)
    assert design.first + 8 == len(data.dates)


def test_the_geo_split_names_every_geo_once_per_channel(plan: ExperimentPlan, posterior: Posterior) -> None:
    for channel, split in plan.geo_split.groupby("channel"):
        assert sorted(split["geo"]) == sorted(posterior.data.geos)
        row = plan.proposals.set_index("channel").loc[channel]
        assert (split["role"] == "test").sum() == row["test_geos"] == 4
        assert (split.loc[split["role"] == "test", "weight"] == 1).all()


def test_the_power_curve_rises_from_the_level_to_certainty(plan: ExperimentPlan) -> None:
    for _, curve in plan.power.groupby("channel"):
        assert curve["power"].is_monotonic_increasing
        assert curve["power"].iloc[0] == pytest.approx(0.1)
        assert curve["power"].iloc[-1] > 0.99


def test_a_test_tells_most_about_its_own_channel(plan: ExperimentPlan) -> None:
    table = plan.uncertainty
    assert len(table) == 9
    for tested, rows in table.groupby("tested"):
        assert rows.loc[rows["reduction"].idxmax(), "channel"] == tested


def test_longer_tests_leave_less_open(posterior: Posterior) -> None:
    short, long = (
        plan_experiments(posterior, configured(weeks=weeks)).proposals.set_index("channel").sort_index()
        for weeks in (2, 12)
    )
    assert (long["mde_share_of_effect"] < short["mde_share_of_effect"]).all()


def test_the_plan_is_the_same_again_and_after_storing(plan: ExperimentPlan, posterior: Posterior) -> None:
    stored = json.loads(json.dumps(plan.to_record(), allow_nan=False))
    for other in (plan_experiments(posterior, configured()), ExperimentPlan.from_record(stored)):
        for name in ("proposals", "geo_split", "power", "uncertainty"):
            pd.testing.assert_frame_equal(getattr(other, name), getattr(plan, name))
        assert other.notes == plan.notes


def test_taking_off_what_the_fit_explains_lowers_the_placebo_error() -> None:
    """KPI that is exactly what the fit expects, media and controls that differ over geos included."""
    posterior = made_up_posterior(tiny_model_data(n_geos=8, n_weeks=60, n_channels=3), n_draws=50)
    data = dataclasses.replace(posterior.data, kpi=expected_kpi(posterior).mean(axis=0))
    exact = dataclasses.replace(posterior, data=data)
    plain, adjusted = (plan_experiments(exact, configured(adjust=adjust)).proposals for adjust in (False, True))
    size = adjusted["outcome_change_mean"].abs()
    assert (plain["error_placebo"] > 10 * adjusted["error_placebo"]).all()
    assert (adjusted["error_source"] == "model").all()
    assert (adjusted["error_placebo"] < 0.05 * size).all()


def test_a_damaged_record_is_refused() -> None:
    with pytest.raises(StorageError, match="materialize it again"):
        ExperimentPlan.from_record({"proposals": {}})


def test_the_first_choice_is_said(plan: ExperimentPlan) -> None:
    first = plan.proposals.iloc[0]
    said = next(note for note in plan.notes if note.startswith("First choice"))
    assert said.startswith(f"First choice: {first['channel']} in 4 of 8 geos for 4 week(s)")
    assert f"{first['mde_outcome']:,.0f}" in said


def test_tests_that_teach_little_are_not_praised(plan: ExperimentPlan) -> None:
    says_so = plan.notes[0].startswith("No proposed test teaches much")
    assert says_so == (plan.proposals["reduction"].max() < 0.05)


def test_national_data_are_said_to_be_weak() -> None:
    national = made_up_posterior(tiny_model_data(n_geos=1, n_weeks=60))
    plan = plan_experiments(national, configured())
    assert (plan.proposals["control_geos"] == 0).all()
    assert plan.proposals["note"].str.contains("before with after, which is weak").all()
    assert any("National data" in note for note in plan.notes)


def test_gaps_organic_channels_reach_and_the_robust_family_are_taken() -> None:
    data = tiny_model_data(n_geos=5, n_weeks=60, extras=EVERYTHING)
    plan = plan_experiments(made_up_posterior(data, n_draws=20, spec=robust(data)), configured(post_weeks=2))
    assert sorted(plan.proposals["channel"]) == sorted(data.paid_channels)
    assert np.isfinite(plan.proposals[["standard_error", "sd_after", "value_of_information"]]).all(axis=None)


def test_a_channel_in_one_geo_is_compared_with_the_others(posterior: Posterior) -> None:
    spend, media = posterior.data.spend.copy(), posterior.data.media.copy()
    spend[1:, :, 0] = media[1:, :, 0] = 0
    alone = dataclasses.replace(posterior, data=dataclasses.replace(posterior.data, spend=spend, media=media))
    row = plan_experiments(alone, configured()).proposals.set_index("channel").loc["channel_0"]
    assert (row["test_geos"], row["control_geos"]) == (1, 7)


def test_a_channel_without_spend_is_named(posterior: Posterior) -> None:
    spend, media = posterior.data.spend.copy(), posterior.data.media.copy()
    spend[:, :, 0] = media[:, :, 0] = 0
    without = dataclasses.replace(posterior, data=dataclasses.replace(posterior.data, spend=spend, media=media))
    plan = plan_experiments(without, configured())
    assert "channel_0" not in set(plan.proposals["channel"])
    assert any(note.startswith("No test of channel_0") for note in plan.notes)


def test_tests_that_change_no_decision_are_ranked_by_what_they_teach(posterior: Posterior) -> None:
    fixed = {"optimization": {"platform_constraints": {"fixed": list(posterior.data.paid_channels)}}}
    table = plan_experiments(posterior, Config.model_validate(fixed)).proposals
    assert (table["value_of_information"] == 0).all()
    assert table["reduction"].is_monotonic_decreasing


def test_what_costs_more_than_it_is_worth_is_said(plan: ExperimentPlan) -> None:
    table = plan.proposals
    dear = (table["cost"] > 0) & (table["net_value"] < 0)
    assert dear.any()
    assert (table["note"].str.contains("costs more than the better budget is worth") == dear).all()


def test_a_kpi_without_value_has_no_cost(posterior: Posterior) -> None:
    units = dataclasses.replace(posterior, data=dataclasses.replace(posterior.data, revenue_per_kpi=None))
    plan = plan_experiments(units, configured())
    assert plan.proposals["cost"].isna().all()
    assert any("KPI units" in note for note in plan.notes)


def test_too_short_a_history_is_refused(posterior: Posterior) -> None:
    with pytest.raises(InputError, match=r"tests of 36 weeks.*have 60 weeks.*lower these keys to 30"):
        plan_experiments(posterior, configured(weeks=30, post_weeks=6))


def test_no_change_is_no_test() -> None:
    with pytest.raises(ValueError, match="tests nothing"):
        configured(change=0)


def test_planning_is_off_unless_asked_for() -> None:
    assert not is_wanted(Config())
    assert is_wanted(configured(enabled=True))
