"""What is maximised: separable objectives against brute force on made-up responses."""

import numpy as np
import pytest

from mmm_core.config.optimization import Objective, PlatformConstraintsConfig, RiskConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.objectives import Goal, recommend
from mmm_core.optimization.problem import BudgetProblem, budget_problem
from mmm_core.optimization.response import CellResponse

_BUDGETS = np.array([60.0, 40.0])


def _responses(slope: float) -> list[CellResponse]:
    """Two channels with two draws each, whose mean is known in closed form."""
    spend = np.linspace(0.0, 200.0, 401)
    found = []
    for top, half, now in ((300.0, 50.0, _BUDGETS[0]), (200.0, 30.0, _BUDGETS[1])):
        mean = _hill(spend, top, half, slope)
        found.append(CellResponse(spend, np.stack([0.9 * mean, 1.1 * mean], axis=1), float(now)))
    return found


def _hill(spend: np.ndarray, top: float, half: float, slope: float) -> np.ndarray:
    return top * spend**slope / (spend**slope + half**slope)


def _problem(budget_range: tuple[float, float] | None) -> BudgetProblem:
    cells = Cells(("tv", "search"), ("national",), _BUDGETS[None], False)
    return budget_problem("plan", cells, 100.0, PlatformConstraintsConfig(max_change=0.9), budget_range)


def _grid(slope: float, least: float, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Money and outcome of all plans on a dense grid within the limits."""
    first, second = np.meshgrid(np.linspace(6, 114, 1201), np.linspace(4, 76, 1201), indexing="ij")
    money = first + second
    outcome = _hill(first, 300.0, 50.0, slope) + _hill(second, 200.0, 30.0, slope)
    allowed = (money >= least) & (money <= most)
    return money[allowed], outcome[allowed]


@pytest.mark.parametrize("slope", [1.0, 3.0])
@pytest.mark.parametrize(("objective", "number"), [("profit", 0.4), ("profit", 0.1), ("target_mroi", 2.5)])
def test_flexible_budgets_reach_brute_force(slope: float, objective: Objective, number: float) -> None:
    goal = Goal(objective, margin=number) if objective == "profit" else Goal(objective, target=number)
    found = recommend("plan", _responses(slope), _problem((-0.6, 0.6)), goal)
    money, outcome = _grid(slope, 40.0, 160.0)
    truth = (number * outcome - money if objective == "profit" else outcome - number * money).max()
    assert found.value >= truth - 1e-4 * abs(truth)
    assert found.bound is not None
    assert truth - 1e-6 * abs(truth) <= found.bound <= found.value + 2e-4 * abs(found.value)
    assert 40 - 1e-6 <= found.spend.sum() <= 160 + 1e-6


@pytest.mark.parametrize("slope", [1.0, 3.0])
@pytest.mark.parametrize("target", [2.0, 3.0, 3.2])
def test_target_return_is_reached_with_the_largest_outcome(slope: float, target: float) -> None:
    money, outcome = _grid(slope, 40.0, 160.0)
    reached = outcome >= target * money
    problem, goal = _problem((-0.6, 0.6)), Goal("target_roas", target=target)
    if not reached.any():
        with pytest.raises(BudgetError, match="target"):
            recommend("plan", _responses(slope), problem, goal)
        return
    found = recommend("plan", _responses(slope), problem, goal)
    assert found.value >= target * found.spend.sum() * (1 - 1e-9)
    assert found.value >= outcome[reached].max() * (1 - 1e-4)
    assert found.bound is not None
    assert found.bound >= outcome[reached].max() * (1 - 1e-6)


def test_a_return_that_no_budget_brings_is_refused_with_the_largest_one() -> None:
    with pytest.raises(BudgetError, match=r"brings a return of 50 \(target\); the largest found is"):
        recommend("plan", _responses(1.0), _problem((-0.6, 0.6)), Goal("target_roas", target=50.0))


@pytest.mark.parametrize("slope", [1.0, 3.0])
def test_marginal_return_that_no_budget_brings_is_refused_like_a_return(slope: float) -> None:
    words = (
        r"no money beyond the smallest budget .*40\.00.* brings 50 per unit \(target\); the next unit there brings"
    )
    with pytest.raises(BudgetError, match=words):
        recommend("plan", _responses(slope), _problem((-0.6, 0.6)), Goal("target_mroi", target=50.0))


def test_marginal_return_is_refused_where_bounds_of_cells_make_the_smallest_budget() -> None:
    cells = Cells(("tv", "search"), ("national",), _BUDGETS[None], False)
    problem = budget_problem("plan", cells, 100.0, PlatformConstraintsConfig(max_change=0.3), (-0.6, 0.6))
    with pytest.raises(BudgetError, match=r"smallest budget that keeps the limits \(70\.00\)"):
        recommend("plan", _responses(1.0), problem, Goal("target_mroi", target=50.0))


def test_a_small_target_takes_the_largest_budget() -> None:
    found = recommend("plan", _responses(1.0), _problem((-0.6, 0.6)), Goal("target_mroi", target=0.01))
    assert found.spend.sum() == pytest.approx(160.0)


def test_probability_is_reported_as_one() -> None:
    goal = Goal("probability_better", risk=RiskConfig(least_gain=0.0))
    found = recommend("plan", _responses(1.0), _problem(None), goal)
    assert found.value in (0.0, 0.5, 1.0)


def test_target_return_in_steps_over_geos_is_proven_after_few_parts() -> None:
    rng = np.random.default_rng(3)
    geos, channels = tuple(f"Geo{g}" for g in range(6)), ("tv", "search", "video", "audio")
    current = rng.uniform(20, 90, (6, 4))
    cells = Cells(channels, geos, current, True)
    limits = PlatformConstraintsConfig(
        max_change=1.0, min_spend_pct=0.08, max_spend_pct=0.35, min_geo_share=0.8, step=0.1
    )
    responses = []
    for now in current.ravel():
        spend = np.linspace(0.0, 3.5 * now, 61)
        mean = _hill(spend, float(rng.uniform(2, 6) * now), float(now), float(rng.choice([1.0, 2.0])))
        responses.append(CellResponse(spend, mean[:, None], float(now)))
    problem = budget_problem("plan", cells, float(current.sum()), limits, (-0.5, 0.5))
    found = recommend("plan", responses, problem, Goal("target_roas", target=1.9))
    assert found.bound is not None
    assert found.value >= 1.9 * found.spend.sum() * (1 - 1e-9)
    assert found.bound <= found.value * (1 + 1e-3)
    np.testing.assert_allclose(found.spend / 0.1, np.round(found.spend / 0.1), atol=1e-6)


def test_shadow_price_of_the_total_is_what_one_more_unit_brings() -> None:
    cells = Cells(("tv", "search"), ("national",), _BUDGETS[None], False)
    limits = PlatformConstraintsConfig(max_change=0.9)
    values = [
        recommend(
            "plan", _responses(1.0), budget_problem("plan", cells, total, limits), Goal("roas", tolerance=1e-7)
        )
        for total in (99.5, 100.0, 100.5)
    ]
    price = float(values[1].multipliers[0])
    assert price == pytest.approx(values[2].value - values[0].value, rel=1e-3)
