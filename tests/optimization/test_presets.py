"""Scenarios by name: what a preset changes, and in which unit a scenario is judged."""

import dataclasses

import numpy as np
import pytest

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.plan import BudgetPlan, plan_budgets
from mmm_core.optimization.scenarios import scenario_requests
from tests.factories import made_up_posterior, tiny_model_data


def _config(**section: object) -> OptimizationConfig:
    return OptimizationConfig.model_validate(section)


def _ratios(plan: BudgetPlan, scenario: str) -> np.ndarray:
    rows = plan.table[plan.table["scenario"] == scenario].groupby("channel")[["optimal_spend", "current_spend"]]
    return (rows.sum()["optimal_spend"] / rows.sum()["current_spend"]).to_numpy()


def test_conservative_changes_little_and_aggressive_what_it_may() -> None:
    posterior = made_up_posterior(tiny_model_data(n_channels=3))
    posterior.samples["beta_gm"].values[..., 0] *= 5
    config = _config(scenario_presets={"safe": "conservative", "bold": "aggressive", "same": 0})
    plan = plan_budgets(posterior, config)
    safe, bold, _ = plan.scenarios
    assert [safe.objective, bold.objective] == ["cvar", "roas"]
    spent = posterior.data.spend.sum()
    for summary in plan.scenarios:
        assert summary.total_optimal == pytest.approx(spent)
    assert np.abs(_ratios(plan, "safe") - 1).max() == pytest.approx(0.2, rel=1e-6)
    assert np.abs(_ratios(plan, "bold") - 1).max() == pytest.approx(1.0, rel=1e-6)
    assert bold.outcome_optimal > plan.scenarios[2].outcome_optimal > safe.outcome_optimal


def test_presets_keep_other_limits_and_the_narrower_ones() -> None:
    limits = {
        "max_change": 0.1,
        "min_spend_pct": 0.05,
        "channels": {
            "tv": {"max_change": 0.4, "min_change": -0.3, "min_spend": 5.0},
            "radio": {"max_change": 0.05},
        },
    }
    config = _config(
        platform_constraints=limits,
        scenario_presets={"safe": "conservative", "bold": "aggressive"},
        objective="kpi",
    )
    safe, bold = scenario_requests(config)
    assert safe.constraints.max_change == 0.1
    assert safe.constraints.min_spend_pct == bold.constraints.min_spend_pct == 0.05
    tv, radio = safe.constraints.channels["tv"], safe.constraints.channels["radio"]
    assert (tv.min_change, tv.max_change, tv.min_spend) == (-0.2, 0.2, 5.0)
    assert (radio.min_change, radio.max_change) == (None, 0.05)
    assert bold.constraints.max_change == 1.0
    assert bold.constraints.channels == config.platform_constraints.channels
    assert (safe.goal.objective, bold.goal.objective) == ("cvar", "kpi")


def test_limits_that_a_preset_makes_impossible_are_refused_with_its_words() -> None:
    data = tiny_model_data()
    posterior = made_up_posterior(dataclasses.replace(data, spend=data.spend * [9.0, 1.0]))
    config = _config(
        scenario_presets={"safe": "conservative"}, platform_constraints={"max_change": 9.0, "min_spend_pct": 0.45}
    )
    with pytest.raises(BudgetError, match=r"Scenario safe: .* The preset conservative lets no channel change"):
        plan_budgets(posterior, config)


def test_values_and_prices_have_a_unit() -> None:
    posterior = made_up_posterior(tiny_model_data())
    posterior.data.revenue_per_kpi[:] = 50.0
    scenarios = {
        name: {"objective": name}
        for name in ("roas", "kpi", "profit", "cvar", "probability_better", "target_mroi", "quantile")
    }
    config = _config(scenario_presets={}, scenarios=scenarios, target=20.0, margin=0.1, frontier=[0.0])
    plan = plan_budgets(posterior, config)
    units = {summary.name: summary.objective_unit for summary in plan.scenarios}
    assert units == {
        "roas": "revenue",
        "kpi": "kpi",
        "profit": "profit",
        "cvar": "revenue",
        "probability_better": "probability",
        "target_mroi": "revenue",
        "quantile": "revenue",
    }
    prices = plan.shadow_prices.groupby("scenario")["unit"].unique()
    assert {name: list(found) for name, found in prices.items()} == {name: [unit] for name, unit in units.items()}
    total = plan.shadow_prices[plan.shadow_prices["limit"] == "total budget"].set_index("scenario")["shadow_price"]
    assert total["roas"] == pytest.approx(50 * total["kpi"], rel=1e-3)
    assert plan.frontier["shadow_price_unit"].tolist() == ["revenue"]
    by_name = {summary.name: summary for summary in plan.scenarios}
    assert by_name["roas"].objective_value == pytest.approx(50 * (by_name["kpi"].objective_value or 0), rel=1e-3)


@pytest.mark.parametrize("objective", ["roas", "profit", "cvar", "mean_minus_sd"])
def test_price_of_a_bound_is_what_moving_it_brings(objective: str) -> None:
    posterior = made_up_posterior(tiny_model_data(n_channels=3), n_draws=100)
    posterior.samples["beta_gm"].values[..., 0] *= 3

    def found(most: float) -> tuple[float, float]:
        limits = {"max_change": 0.9, "channels": {"channel_0": {"max_change": most}}}
        config = _config(objective=objective, platform_constraints=limits, tolerance=1e-7, margin=0.3)
        plan = plan_budgets(posterior, config)
        row = plan.shadow_prices.set_index("limit").loc["channel_0"]
        assert row["binding"] == "high"
        return float(plan.scenarios[0].objective_value or 0), float(row["shadow_price"])

    step = 0.02
    spend = float(posterior.data.spend[:, :, 0].sum())
    slope = (found(0.4 + step)[0] - found(0.4 - step)[0]) / (2 * step * spend)
    assert found(0.4)[1] == pytest.approx(slope, rel=0.05)
