"""Budget plans from a posterior."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import ModelData
from mmm_core.model.forward import incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.optimization import response
from mmm_core.optimization.plan import BudgetPlan, plan_budgets
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

_COLUMNS = [
    *("scenario", "geo", "channel"),
    *("current_spend", "optimal_spend", "current_outcome", "optimal_outcome", "extrapolated"),
]


def _config(presets: dict[str, float] | None = None, **limits: float) -> OptimizationConfig:
    return OptimizationConfig(
        scenario_presets={"current_budget": 0.0} if presets is None else presets, platform_constraints=limits
    )


def _with_spend(data: ModelData, factor: np.ndarray) -> ModelData:
    return dataclasses.replace(data, spend=data.spend * factor)


def _outcome_of(posterior: Posterior, factors: np.ndarray) -> np.ndarray:
    """(S,) outcome of the plan, straight from the forward model."""
    return incremental_outcome(posterior, posterior.data.media * factors).sum(axis=(1, 2))


def _factors(plan: BudgetPlan, scenario: str, posterior: Posterior) -> np.ndarray:
    rows = plan.table[plan.table["scenario"] == scenario].groupby("channel")[["optimal_spend", "current_spend"]]
    sums = rows.sum().loc[list(posterior.data.channels)]
    return (sums["optimal_spend"] / sums["current_spend"]).to_numpy()


def test_table_has_a_row_per_scenario_geo_and_channel() -> None:
    posterior = made_up_posterior(tiny_model_data())
    plan = plan_budgets(posterior, _config({"same": 0.0, "more": 0.3, "less": -0.2}))
    assert list(plan.table) == _COLUMNS
    assert len(plan.table) == 3 * 3 * 2
    assert not plan.table.duplicated(["scenario", "geo", "channel"]).any()
    spends = plan.table.pivot(index=["scenario", "geo"], columns="channel", values="current_spend")
    for scenario in ("same", "more", "less"):
        np.testing.assert_allclose(
            spends.loc[scenario].loc[list(posterior.data.geos)], posterior.data.spend.sum(axis=1)
        )


def test_totals_are_the_scenarios_budgets() -> None:
    posterior = made_up_posterior(tiny_model_data())
    presets = {"same": 0.0, "more": 0.3, "less": -0.2}
    plan = plan_budgets(posterior, _config(presets))
    totals = plan.table.groupby("scenario")[["current_spend", "optimal_spend"]].sum()
    for summary in plan.scenarios:
        budget = posterior.data.spend.sum() * (1 + presets[summary.name])
        assert totals.loc[summary.name, "optimal_spend"] == pytest.approx(budget, rel=1e-9)
        assert summary.total_optimal == pytest.approx(budget, rel=1e-12)
        assert summary.total_current == pytest.approx(totals.loc[summary.name, "current_spend"], rel=1e-12)


def test_outcomes_are_those_of_the_forward_model_with_all_draws() -> None:
    posterior = made_up_posterior(tiny_model_data())
    plan = plan_budgets(posterior, _config({"more": 0.3}))
    (summary,) = plan.scenarios
    now, then = _outcome_of(posterior, np.ones(2)), _outcome_of(posterior, _factors(plan, "more", posterior))
    assert plan.table["current_outcome"].sum() == pytest.approx(now.mean(), rel=1e-9)
    assert plan.table["optimal_outcome"].sum() == pytest.approx(then.mean(), rel=1e-9)
    assert summary.outcome_current == pytest.approx(now.mean(), rel=1e-9)
    assert summary.outcome_optimal == pytest.approx(then.mean(), rel=1e-9)
    assert summary.outcome_same_mix == pytest.approx(_outcome_of(posterior, np.full(2, 1.3)).mean(), rel=1e-9)
    assert summary.lift_mean == pytest.approx((then - now).mean(), rel=1e-9)
    assert summary.lift_q05 == pytest.approx(np.quantile(then - now, 0.05), rel=1e-6)
    assert summary.lift_q95 == pytest.approx(np.quantile(then - now, 0.95), rel=1e-6)
    assert summary.probability_better == np.mean(then > now)
    assert summary.roi_optimal == pytest.approx(then.mean() / (1.3 * posterior.data.spend.sum()), rel=1e-9)


@pytest.mark.parametrize("slope", [1.0, 4.0])
@pytest.mark.parametrize("n_geos", [1, 3])
def test_plan_reaches_brute_force_on_the_forward_model(slope: float, n_geos: int) -> None:
    data = _with_spend(tiny_model_data(n_geos=n_geos, n_weeks=20), np.array([3.0, 1.0]))
    posterior = made_up_posterior(data, n_draws=10)
    posterior.samples["slope_m"][:] = slope
    plan = plan_budgets(posterior, _config(max_change=0.9))
    spend = data.spend.sum(axis=(0, 1))
    first = np.linspace(0.1, 1.9, 400)
    second = (spend.sum() - first * spend[0]) / spend[1]
    allowed = (second >= 0.1) & (second <= 1.9)
    best = max(
        _outcome_of(posterior, np.array([one, other])).mean()
        for one, other in zip(first[allowed], second[allowed], strict=True)
    )
    assert plan.scenarios[0].outcome_optimal >= best * (1 - 1e-4)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_channels=st.integers(1, 4),
    change=st.floats(-0.6, 2.0),
    max_change=st.floats(0.05, 3.0),
    share=st.floats(0.0, 0.2),
    most=st.floats(0.5, 1.0),
    slope=st.sampled_from([0.7, 1.0, 3.0]),
)
def test_plans_are_feasible_and_never_worse_than_scaling(
    seed: int, n_channels: int, change: float, max_change: float, share: float, most: float, slope: float
) -> None:
    data = tiny_model_data(n_geos=2, n_weeks=12, n_channels=n_channels, seed=seed)
    posterior = made_up_posterior(data, n_draws=5, seed=seed)
    posterior.samples["slope_m"][:] = slope
    current = data.spend.sum(axis=(0, 1))
    total = current.sum() * (1 + change)
    config = _config({"it": change}, min_spend_pct=share, max_spend_pct=most, max_change=max_change)
    limits = current / current.sum() * np.array([[max(0.0, 1 - max_change)], [1 + max_change]])
    lower, upper = np.maximum(limits[0], share), np.minimum(limits[1], most)
    margins = np.array([*(upper - lower), 1 - lower.sum(), upper.sum() - 1])
    assume(np.abs(margins).min() > 1e-6)
    if margins.min() < 0:
        with pytest.raises(BudgetError, match=r"optimization\.platform_constraints"):
            plan_budgets(posterior, config)
        return
    plan = plan_budgets(posterior, config)
    optimal = plan.table.groupby("channel", sort=False)["optimal_spend"].sum().to_numpy()
    slack = 1e-9 * total
    assert optimal.sum() == pytest.approx(total, rel=1e-9)
    assert (optimal >= share * total - slack).all()
    assert (optimal <= most * total + slack).all()
    assert (np.abs(optimal - current * (1 + change)) <= max_change * current * (1 + change) + slack).all()
    scaled = current / current.sum()
    if ((scaled >= share) & (scaled <= most)).all():
        assert plan.scenarios[0].outcome_optimal >= plan.scenarios[0].outcome_same_mix * (1 - 1e-9)


def test_recommendation_is_no_worse_than_scaling_even_when_found_on_few_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(response, "_FEWEST_DRAWS", 1)
    monkeypatch.setattr(response, "_MOST_EVALUATIONS", 0)
    held = 0
    for seed in range(8):
        posterior = made_up_posterior(tiny_model_data(n_weeks=12, seed=seed), seed=seed)
        (summary,) = plan_budgets(posterior, _config()).scenarios
        assert summary.outcome_optimal >= summary.outcome_same_mix * (1 - 1e-12)
        assert summary.objective_value is not None
        assert summary.objective_gap is not None
        if summary.outcome_optimal == summary.outcome_same_mix:
            held += 1
            of_plan = _outcome_of(posterior, np.ones(2))[response.objective_draws(posterior)]
            assert summary.objective_value == pytest.approx(of_plan.mean(), rel=1e-5)
            assert summary.objective_gap > 1e-4
    assert 0 < held < 8


def test_single_channel_keeps_its_budget() -> None:
    posterior = made_up_posterior(tiny_model_data(n_channels=1))
    plan = plan_budgets(posterior, _config({"same": 0.0, "more": 0.2}))
    same, more = plan.scenarios
    np.testing.assert_allclose(
        plan.table["optimal_spend"], plan.table["current_spend"] * np.repeat([1.0, 1.2], 3), rtol=1e-12
    )
    assert same.lift_mean == pytest.approx(0, abs=1e-9 * same.outcome_current)
    assert same.probability_better == 0
    assert more.probability_better == 1
    assert more.probability_better_than_same_mix == 0


def test_geo_without_spend_in_a_channel_gets_none() -> None:
    data = tiny_model_data()
    none = np.ones_like(data.spend)
    none[1, :, 0] = 0
    data = dataclasses.replace(data, media=data.media * none, spend=data.spend * none)
    table = plan_budgets(made_up_posterior(data), _config()).table
    row = table[(table["geo"] == "Geo1") & (table["channel"] == "channel_0")]
    assert not row[["current_spend", "optimal_spend", "current_outcome", "optimal_outcome"]].to_numpy().any()
    assert not table.isna().any().any()


def test_channel_without_spend_stays_without() -> None:
    data = _with_spend(tiny_model_data(n_channels=3), np.array([1.0, 0.0, 1.0]))
    plan = plan_budgets(made_up_posterior(data), _config({"more": 0.5}))
    rows = plan.table[plan.table["channel"] == "channel_1"]
    assert not rows["optimal_spend"].any()
    np.testing.assert_allclose(rows["optimal_outcome"], rows["current_outcome"])
    assert plan.table["optimal_spend"].sum() == pytest.approx(1.5 * data.spend.sum(), rel=1e-9)


def test_impossible_constraints_are_refused_by_name() -> None:
    posterior = made_up_posterior(tiny_model_data())
    with pytest.raises(BudgetError, match=r"Scenario current_budget.*min_spend_pct is 0\.7"):
        plan_budgets(posterior, _config(min_spend_pct=0.7, max_change=9))


def test_no_spend_at_all_is_refused() -> None:
    posterior = made_up_posterior(_with_spend(tiny_model_data(), np.zeros(2)))
    with pytest.raises(BudgetError, match="needs spend"):
        plan_budgets(posterior, _config())


def test_no_scenarios_give_an_empty_table_with_columns() -> None:
    plan = plan_budgets(made_up_posterior(tiny_model_data()), _config({}))
    assert list(plan.table) == _COLUMNS
    assert len(plan.table) == 0
    assert plan.scenarios == ()


def test_same_posterior_gives_the_same_plan() -> None:
    posterior = made_up_posterior(tiny_model_data(n_channels=4))
    assert plan_budgets(posterior, _config()).table.equals(plan_budgets(posterior, _config()).table)


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_organic_media_is_held_and_not_planned(family: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    posterior = made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)
    plan = plan_budgets(posterior, _config({"more": 0.2}))
    assert list(plan.table["channel"].unique()) == list(data.paid_channels)
    assert plan.table["optimal_spend"].sum() == pytest.approx(1.2 * data.spend.sum())
    paid = incremental_outcome(posterior)[:, :, : len(data.paid_channels)].sum(axis=(1, 2)).mean()
    assert plan.scenarios[0].outcome_current == pytest.approx(paid)
    assert plan.scenarios[0].lift_mean > 0


def test_a_channel_that_does_harm_gets_as_little_as_allowed() -> None:
    posterior = made_up_posterior(tiny_model_data())
    posterior.samples["beta_gm"].values[..., 1] *= -1
    plan = plan_budgets(posterior, _config({"same": 0.0}, max_change=0.5))
    spend = plan.table.groupby("channel")[["current_spend", "optimal_spend"]].sum()
    assert spend.loc["channel_1", "optimal_spend"] == pytest.approx(0.5 * spend.loc["channel_1", "current_spend"])


def test_same_posterior_and_gap_are_stated() -> None:
    posterior = made_up_posterior(tiny_model_data(n_channels=4))
    (summary,) = plan_budgets(posterior, _config()).scenarios
    assert summary.objective == "roas"
    assert summary.objective_gap is not None
    assert 0 <= summary.objective_gap <= 1e-4
    assert summary.objective_value == pytest.approx(summary.outcome_optimal, rel=1e-4)


def test_geos_and_channels_are_split_jointly_and_never_worse_than_channels_alone() -> None:
    posterior = made_up_posterior(tiny_model_data())
    limits = {"min_geo_share": 0.8, "max_change": 0.5}
    alone = plan_budgets(posterior, _config(max_change=0.5)).scenarios[0]
    config = OptimizationConfig(allocation="geo_channel", platform_constraints=limits)
    plan = plan_budgets(posterior, config)
    (jointly,) = plan.scenarios
    assert jointly.outcome_optimal >= alone.outcome_optimal * (1 - 1e-4)
    assert jointly.objective_gap is not None
    assert jointly.objective_gap <= 1e-4
    ratio = (plan.table["optimal_spend"] / plan.table["current_spend"]).to_numpy()
    assert (ratio >= 0.5 - 1e-9).all()
    assert (ratio <= 1.5 + 1e-9).all()
    assert len(np.unique(np.round(ratio, 6))) > 2
    by_geo = plan.table.groupby("geo")[["current_spend", "optimal_spend"]].sum()
    assert (by_geo["optimal_spend"] >= 0.8 * by_geo["current_spend"] * (1 - 1e-9)).all()
    factors = ratio.reshape(3, 2)
    truth = incremental_outcome(posterior, posterior.data.media * factors[:, None]).sum(axis=(1, 2))
    assert jointly.outcome_optimal == pytest.approx(truth.mean(), rel=1e-9)


def test_scenarios_have_objectives_budgets_and_limits_of_their_own() -> None:
    posterior = made_up_posterior(tiny_model_data())
    spent = float(posterior.data.spend.sum())
    config = OptimizationConfig(
        scenarios={
            "money": {"budget": 0.9 * spent},
            "gain": {"objective": "profit"},
            "return": {"objective": "target_mroi", "target": 3.0},
            "careful": {"objective": "cvar", "change": 0.1},
            "units": {"objective": "kpi"},
            "held": {"constraints": {"fixed": ["channel_0"]}},
            "geos": {"allocation": "geo_channel"},
        },
        margin=0.2,
    )
    plan = plan_budgets(posterior, config)
    by_name = {summary.name: summary for summary in plan.scenarios}
    assert list(by_name) == ["current_budget", *config.scenarios]
    assert by_name["money"].total_optimal == pytest.approx(0.9 * spent, rel=1e-9)
    assert by_name["careful"].total_optimal == pytest.approx(1.1 * spent, rel=1e-9)
    assert 0.5 - 1e-9 <= by_name["gain"].total_optimal / spent <= 1.5 + 1e-9
    assert [by_name[name].objective for name in ("gain", "units")] == ["profit", "kpi"]
    held = plan.table[(plan.table["scenario"] == "held") & (plan.table["channel"] == "channel_0")]
    np.testing.assert_allclose(held["optimal_spend"], held["current_spend"], rtol=1e-9)
    sums = plan.table.groupby("scenario")["optimal_outcome"].sum()
    for name, summary in by_name.items():
        assert sums[name] == pytest.approx(summary.outcome_optimal, rel=1e-9)
        assert summary.objective_gap is not None
    assert by_name["current_budget"].outcome_optimal >= by_name["held"].outcome_optimal * (1 - 1e-9)
    assert by_name["geos"].outcome_optimal >= by_name["current_budget"].outcome_optimal * (1 - 1e-4)


def test_one_scenario_alone_is_the_same_as_among_others() -> None:
    posterior = made_up_posterior(tiny_model_data())
    config = OptimizationConfig(scenarios={"more": {"change": 0.2}}, frontier=[0.0, 0.1])
    (alone,), (_, among) = (plan_budgets(posterior, config, only).scenarios for only in ("more", None))
    assert alone.outcome_optimal == pytest.approx(among.outcome_optimal, rel=1e-4)
    with pytest.raises(BudgetError, match="No scenario is named most; known: current_budget, more"):
        plan_budgets(posterior, config, "most")


def test_every_pair_of_scenarios_is_compared_over_the_same_draws() -> None:
    posterior = made_up_posterior(tiny_model_data())
    comparison = plan_budgets(posterior, _config({"less": -0.2, "same": 0.0, "more": 0.2})).comparison
    assert len(comparison) == 6
    pairs = comparison.set_index(["scenario", "other"])
    assert pairs.loc[("more", "less"), "probability_better"] == 1
    assert pairs.loc[("less", "more"), "probability_better"] == 0
    for one, other in (("more", "same"), ("same", "less")):
        back, forth = pairs.loc[(other, one)], pairs.loc[(one, other)]
        assert forth["difference_mean"] == pytest.approx(-back["difference_mean"])
        assert forth["difference_q05"] == pytest.approx(-back["difference_q95"])


def test_frontier_rises_with_the_budget_ever_more_slowly() -> None:
    posterior = made_up_posterior(tiny_model_data())
    frontier = plan_budgets(posterior, OptimizationConfig(frontier=[0.4, -0.4, 0.0, 0.2, -0.2])).frontier
    assert frontier["change"].tolist() == [-0.4, -0.2, 0.0, 0.2, 0.4]
    assert (frontier["outcome_q05"] < frontier["outcome_mean"]).all()
    assert (frontier["outcome_mean"] < frontier["outcome_q95"]).all()
    assert (frontier["outcome_mean"].diff().dropna() > 0).all()
    slopes = frontier["outcome_mean"].diff() / frontier["budget"].diff()
    prices = frontier["shadow_price"].to_numpy()
    assert (prices[:-1] >= slopes.to_numpy()[1:] * (1 - 1e-3)).all()
    assert (prices[1:] <= slopes.to_numpy()[1:] * (1 + 1e-3)).all()


def test_shadow_prices_are_what_a_wider_limit_brings() -> None:
    posterior = made_up_posterior(tiny_model_data())
    spent = float(posterior.data.spend.sum())

    def value(budget: float, group: float) -> tuple[float, dict[str, float]]:
        limits = {"max_change": 0.9, "groups": {"both": {"channels": ["channel_0"], "max_spend": group}}}
        config = OptimizationConfig(
            scenario_presets={}, scenarios={"it": {"budget": budget, "constraints": limits}}, tolerance=1e-7
        )
        plan = plan_budgets(posterior, config)
        assert plan.scenarios[0].objective_value is not None
        return plan.scenarios[0].objective_value, dict(
            zip(plan.shadow_prices["limit"], plan.shadow_prices["shadow_price"], strict=True)
        )

    group = 0.7 * float(posterior.data.spend[:, :, 0].sum())
    _, prices = value(spent, group)
    step = 0.01 * group
    by_budget = (value(spent + step, group)[0] - value(spent - step, group)[0]) / (2 * step)
    by_group = (value(spent, group + step)[0] - value(spent, group - step)[0]) / (2 * step)
    assert prices["total budget"] == pytest.approx(by_budget, rel=2e-2)
    assert prices["group both"] == pytest.approx(by_group, rel=2e-2)


def test_a_target_return_is_reached_where_low_budgets_break_the_limits_of_geos() -> None:
    posterior = made_up_posterior(tiny_model_data())
    spent, outcome = float(posterior.data.spend.sum()), _outcome_of(posterior, np.ones(2)).mean()
    config = OptimizationConfig(
        objective="target_roas",
        target=0.95 * outcome / spent,
        allocation="geo_channel",
        platform_constraints={"min_geo_share": 0.9},
    )
    (summary,) = plan_budgets(posterior, config).scenarios
    assert summary.roi_optimal >= 0.95 * outcome / spent * (1 - 1e-4)
    assert summary.total_optimal > spent


@pytest.mark.parametrize("allocation", ["channel", "geo_channel"])
@pytest.mark.parametrize("objective", ["roas", "profit", "cvar"])
def test_spends_in_steps_are_whole_multiples_of_it(allocation: str, objective: str) -> None:
    posterior = made_up_posterior(tiny_model_data())
    step = float(posterior.data.spend.sum()) / 97
    config = OptimizationConfig.model_validate(
        {
            "objective": objective,
            "allocation": allocation,
            "platform_constraints": {"step": step, "max_change": 0.8},
        }
    )
    plan = plan_budgets(posterior, config)
    cells = ["channel"] if allocation == "channel" else ["geo", "channel"]
    spends = plan.table.groupby(cells)["optimal_spend"].sum() / step
    np.testing.assert_allclose(spends, np.round(spends), atol=1e-6)
    if objective != "profit":
        assert plan.scenarios[0].total_optimal == pytest.approx(97 * step, rel=1e-9)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"objective": "target_roas"}, "needs a target"),
        ({"objective": "target_roas", "target": 1e9}, "no budget between .* brings a return"),
        ({"scenarios": {"current_budget": {}}}, "in optimization.scenario_presets and in optimization.scenarios"),
        ({"platform_constraints": {"geos": {"Geo0": {"min_share": 0.1}}}}, "geo_channel"),
    ],
)
def test_what_cannot_be_planned_is_refused(section: dict[str, object], words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        plan_budgets(made_up_posterior(tiny_model_data()), OptimizationConfig.model_validate(section))
