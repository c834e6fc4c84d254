"""The solver against brute force."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.optimization.problem import BudgetProblem
from mmm_core.optimization.solver import allocate

Curve = Callable[[np.ndarray], np.ndarray]


def hill(top: float, half: float, slope: float) -> Curve:
    return lambda spend: top * spend**slope / (spend**slope + half**slope)


def problem_of(total: float, lower: Sequence[float], upper: Sequence[float]) -> BudgetProblem:
    n_channels = len(lower)
    return BudgetProblem(total, np.array(lower), np.array(upper), np.full(n_channels, total / n_channels))


def value(curves: Sequence[Curve], spend: np.ndarray) -> float:
    return float(sum(curve(np.array([money]))[0] for curve, money in zip(curves, spend, strict=True)))


def brute_force(curves: Sequence[Curve], problem: BudgetProblem, n_points: int = 500) -> float:
    """Largest outcome on a dense grid of the first channels; the last one takes what is left."""
    axes = [
        np.linspace(low, high, n_points) for low, high in zip(problem.lower[:-1], problem.upper[:-1], strict=True)
    ]
    spends = np.meshgrid(*axes, indexing="ij")
    rest = problem.total - sum(spends)
    allowed = (rest >= problem.lower[-1]) & (rest <= problem.upper[-1])
    outcome = sum(curve(spend) for curve, spend in zip(curves[:-1], spends, strict=True))
    outcome = outcome + curves[-1](np.clip(rest, problem.lower[-1], problem.upper[-1]))
    return float(np.where(allowed, outcome, -np.inf).max(initial=-np.inf))


def dual_bound(curves: Sequence[Curve], problem: BudgetProblem) -> float:
    """No plan can bring more than this (weak duality), whatever the shape of the curves."""
    levels = [np.linspace(low, high, 4001) for low, high in zip(problem.lower, problem.upper, strict=True)]
    outcomes = [curve(level) for curve, level in zip(curves, levels, strict=True)]

    def bound(price: float) -> float:
        best = [(outcome - price * level).max() for outcome, level in zip(outcomes, levels, strict=True)]
        return float(sum(best) + price * problem.total)

    slopes = [
        np.max(np.diff(outcome)) / (level[1] - level[0]) for outcome, level in zip(outcomes, levels, strict=True)
    ]
    low, high = 0.0, float(max(slopes))
    for _ in range(100):
        third = (high - low) / 3
        if bound(low + third) < bound(high - third):
            high -= third
        else:
            low += third
    return bound((low + high) / 2)


def assert_feasible(spend: np.ndarray, problem: BudgetProblem) -> None:
    assert spend.sum() == pytest.approx(problem.total, rel=1e-9)
    assert (spend >= problem.lower - 1e-9 * problem.total).all()
    assert (spend <= problem.upper + 1e-9 * problem.total).all()


@st.composite
def budgets(draw: st.DrawFn, slopes: tuple[float, float], most: int = 3) -> tuple[list[Curve], BudgetProblem]:
    n_channels = draw(st.integers(2, most))
    one_each = {"min_size": n_channels, "max_size": n_channels}
    tops = draw(st.lists(st.floats(1, 1000), **one_each))
    halves = draw(st.lists(st.floats(5, 80), **one_each))
    exponents = draw(st.lists(st.floats(*slopes), **one_each))
    lower = draw(st.lists(st.sampled_from([0.0, 5.0, 12.5]), **one_each))
    width = draw(st.lists(st.floats(0, 90), **one_each))
    upper = [low + more for low, more in zip(lower, width, strict=True)]
    share = draw(st.floats(0, 1))
    total = sum(lower) + share * (sum(upper) - sum(lower))
    curves = [hill(*args) for args in zip(tops, halves, exponents, strict=True)]
    return curves, problem_of(max(total, 1e-3), lower, [max(u, 1e-3) for u in upper])


@settings(max_examples=40, deadline=None)
@given(budgets(slopes=(0.5, 1.0)))
def test_concave_curves_reach_brute_force(case: tuple[list[Curve], BudgetProblem]) -> None:
    curves, problem = case
    spend = allocate(curves, problem)
    assert_feasible(spend, problem)
    assert value(curves, spend) >= brute_force(curves, problem) * (1 - 1e-7)


@settings(max_examples=40, deadline=None)
@given(budgets(slopes=(1.5, 6.0)))
def test_s_shaped_curves_reach_brute_force(case: tuple[list[Curve], BudgetProblem]) -> None:
    curves, problem = case
    spend = allocate(curves, problem)
    assert_feasible(spend, problem)
    assert value(curves, spend) >= brute_force(curves, problem) * (1 - 1e-4)


@settings(max_examples=30, deadline=None)
@given(budgets(slopes=(0.3, 6.0), most=8))
def test_plan_is_feasible_and_never_worse_than_the_start(case: tuple[list[Curve], BudgetProblem]) -> None:
    curves, problem = case
    spend = allocate(curves, problem)
    assert_feasible(spend, problem)
    assert value(curves, spend) >= value(curves, problem.feasible_start()) * (1 - 1e-12)


def test_thirty_concave_channels_reach_the_dual_bound() -> None:
    rng = np.random.default_rng(5)
    curves = [
        hill(*args) for args in zip(rng.lognormal(5, 1, 30), rng.uniform(5, 80, 30), np.ones(30), strict=True)
    ]
    proportional = rng.uniform(5, 60, 30)
    total = float(proportional.sum())
    problem = BudgetProblem(total, 0.5 * proportional, 1.5 * proportional, proportional)
    spend = allocate(curves, problem)
    assert_feasible(spend, problem)
    assert value(curves, spend) == pytest.approx(dual_bound(curves, problem), rel=1e-6)


def test_two_steep_s_shaped_curves_are_both_funded() -> None:
    """Hill-climbing by marginal return funds the first channel only and stops far below the best plan."""
    curves = [hill(352.0, 30.0, 4.0), hill(195.0, 38.0, 4.0)]
    problem = problem_of(100.0, [0.0, 0.0], [100.0, 100.0])
    greedy = np.zeros(2)
    for _ in range(100):
        gains = [curve(greedy[m] + 1.0) - curve(greedy[m]) for m, curve in enumerate(curves)]
        greedy[int(np.argmax(gains))] += 1.0
    spend = allocate(curves, problem)
    assert_feasible(spend, problem)
    assert value(curves, greedy) < 352
    assert value(curves, spend) == pytest.approx(brute_force(curves, problem, 200_001), rel=1e-9)
    assert value(curves, spend) > 435


@pytest.mark.parametrize("total", [30.0, 60.0])
def test_budget_at_the_sum_of_bounds_leaves_no_choice(total: float) -> None:
    problem = problem_of(total, [10.0, 20.0], [20.0, 40.0])
    spend = allocate([hill(10.0, 5.0, 1.0)] * 2, problem)
    np.testing.assert_allclose(spend, [total / 3, total * 2 / 3])


def test_single_channel_gets_everything() -> None:
    np.testing.assert_array_equal(allocate([hill(1.0, 1.0, 1.0)], problem_of(7.0, [0.0], [7.0])), [7.0])


def test_useless_channels_do_not_disturb_the_search() -> None:
    def nothing(spend: np.ndarray) -> np.ndarray:
        return np.zeros_like(spend)

    problem = problem_of(10.0, [0.0, 0.0, 0.0], [10.0, 10.0, 10.0])
    assert_feasible(allocate([nothing] * 3, problem), problem)
    np.testing.assert_allclose(allocate([nothing, hill(9.0, 5.0, 1.0), nothing], problem), [0, 10, 0], atol=1e-6)


def test_the_same_problem_has_the_same_answer() -> None:
    curves = [hill(90.0, 30.0, 3.0), hill(80.0, 25.0, 1.0), hill(85.0, 60.0, 2.0)]
    problem = problem_of(100.0, [0.0] * 3, [80.0] * 3)
    np.testing.assert_array_equal(allocate(curves, problem), allocate(curves, problem))
