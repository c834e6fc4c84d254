"""The solver against brute force."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from mmm_core.optimization.curves import ResponseCurve, interpolated
from mmm_core.optimization.limits import SumLimit
from mmm_core.optimization.solver import Allocation, Effort, SpendingProblem, allocate

_WIDEST = 130.0


def hill(top: float, half: float, slope: float) -> ResponseCurve:
    """An interpolated Hill curve: what the solver is given, and what brute force looks at."""
    return interpolated(lambda spend: top * spend**slope / (spend**slope + half**slope), 0.0, _WIDEST, half)


def problem_of(
    total: float, lower: Sequence[float], upper: Sequence[float], *more: SumLimit, step: float | None = None
) -> SpendingProblem:
    limit = SumLimit("total", np.arange(len(lower)), total, total)
    return SpendingProblem(np.array(lower), np.array(upper), (limit, *more), step=step)


def solved(
    curves: Sequence[ResponseCurve], problem: SpendingProblem, tolerance: float = 1e-4, *starts: np.ndarray
) -> Allocation:
    found = allocate(curves, problem, tolerance, starts)
    assert found is not None
    return found


def value(curves: Sequence[ResponseCurve], spend: np.ndarray) -> float:
    return float(sum(curve(np.array([money]))[0] for curve, money in zip(curves, spend, strict=True)))


def brute_force(curves: Sequence[ResponseCurve], problem: SpendingProblem, n_points: int = 400) -> float:
    """Largest outcome on a dense grid of the first channels; the last one takes what is left."""
    axes = [
        np.linspace(low, high, n_points) for low, high in zip(problem.lower[:-1], problem.upper[:-1], strict=True)
    ]
    spends = list(np.meshgrid(*axes, indexing="ij"))
    rest = problem.limits[0].low - sum(spends)
    allowed = (rest >= problem.lower[-1]) & (rest <= problem.upper[-1])
    spends.append(np.clip(rest, problem.lower[-1], problem.upper[-1]))
    for limit in problem.limits[1:]:
        together = sum(spends[cell] for cell in limit.cells)
        allowed &= (together >= limit.low) & (together <= limit.high)
    on_axes = [curve(axis) for curve, axis in zip(curves, axes, strict=False)]
    outcome = sum(np.meshgrid(*on_axes, indexing="ij"), start=curves[-1](spends[-1]))
    return float(np.where(allowed, outcome, -np.inf).max(initial=-np.inf))


def slsqp(curves: Sequence[ResponseCurve], problem: SpendingProblem, start: np.ndarray) -> float:
    """Largest allowed outcome that a local method finds from a plan."""
    constraints = []
    for limit in problem.limits:
        if limit.low == limit.high:
            constraints.append({"type": "eq", "fun": lambda x, of=limit: x[of.cells].sum() - of.low})
        else:
            constraints.append({"type": "ineq", "fun": lambda x, of=limit: of.high - x[of.cells].sum()})
            constraints.append({"type": "ineq", "fun": lambda x, of=limit: x[of.cells].sum() - of.low})
    found = minimize(
        lambda x: -value(curves, x),
        start,
        method="SLSQP",
        jac=lambda x: -np.array([curve.slope(money) for curve, money in zip(curves, x, strict=True)]),
        bounds=list(zip(problem.lower, problem.upper, strict=True)),
        constraints=constraints,
    )
    plan = np.clip(found.x, problem.lower, problem.upper)
    return value(curves, plan) if problem.allows(plan, 1e-7) else -np.inf


def assert_feasible(spend: np.ndarray, problem: SpendingProblem) -> None:
    assert problem.allows(spend, 1e-9)


@st.composite
def budgets(
    draw: st.DrawFn, slopes: tuple[float, float], most: int = 3
) -> tuple[list[ResponseCurve], SpendingProblem]:
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


@settings(max_examples=15, deadline=None)
@given(budgets(slopes=(0.5, 1.0)))
def test_concave_curves_reach_brute_force(case: tuple[list[ResponseCurve], SpendingProblem]) -> None:
    curves, problem = case
    found = solved(curves, problem, 1e-6)
    assert_feasible(found.spend, problem)
    assert found.value >= brute_force(curves, problem) * (1 - 2e-6)
    assert found.gap < 1e-5


@settings(max_examples=15, deadline=None)
@given(budgets(slopes=(0.3, 6.0), most=8))
def test_plan_is_feasible_proven_and_never_worse_than_the_start(
    case: tuple[list[ResponseCurve], SpendingProblem],
) -> None:
    curves, problem = case
    share = (problem.limits[0].low - problem.lower.sum()) / max((problem.upper - problem.lower).sum(), 1e-9)
    start = problem.lower + np.clip(share, 0, 1) * (problem.upper - problem.lower)
    found = solved(curves, problem, 1e-4, start)
    assert_feasible(found.spend, problem)
    assert value(curves, found.spend) == pytest.approx(found.value, rel=1e-12)
    assert found.value >= value(curves, start) * (1 - 1e-12)
    assert found.value <= found.bound * (1 + 1e-12)
    assert found.gap <= 1.01e-4


def _random_case(seed: int) -> tuple[list[ResponseCurve], SpendingProblem, np.ndarray]:
    """2 to 4 channels, concave and S-shaped, with bounds and up to two groups; and an allowed plan."""
    rng = np.random.default_rng(seed)
    n_channels = int(rng.integers(2, 5))
    curves = [
        hill(float(rng.lognormal(5, 0.8)), float(rng.uniform(8, 80)), float(rng.choice([0.7, 1.0, 2.5, 5.0])))
        for _ in range(n_channels)
    ]
    lower = rng.uniform(0, 15, n_channels) * (rng.random(n_channels) < 0.6)
    upper = rng.uniform(40, _WIDEST, n_channels)
    plan = rng.uniform(lower, upper)
    groups = []
    for index in range(int(rng.integers(0, 3))):
        cells = np.sort(rng.choice(n_channels, size=int(rng.integers(1, n_channels + 1)), replace=False))
        together = plan[cells].sum()
        groups.append(
            SumLimit(f"group {index}", cells, together * rng.uniform(0.5, 1), together * rng.uniform(1, 1.5))
        )
    return curves, problem_of(float(plan.sum()), lower.tolist(), upper.tolist(), *groups), plan


@pytest.mark.parametrize("block", range(10))
def test_two_hundred_random_problems_reach_brute_force_with_a_valid_proof(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        curves, problem, plan = _random_case(seed)
        found = solved(curves, problem, 1e-4, plan)
        truth = brute_force(curves, problem, {2: 4001, 3: 401, 4: 81}[len(curves)])
        assert_feasible(found.spend, problem)
        assert found.value >= truth * (1 - 1e-4), seed
        assert found.bound >= max(truth, found.value) * (1 - 1e-12), seed
        assert found.gap <= 1.01e-4, seed
        assert found.value >= slsqp(curves, problem, plan) * (1 - 1e-6), seed


def test_thirty_concave_channels_are_proven_optimal() -> None:
    rng = np.random.default_rng(5)
    curves = [
        hill(*args) for args in zip(rng.lognormal(5, 1, 30), rng.uniform(5, 80, 30), np.ones(30), strict=True)
    ]
    proportional = rng.uniform(5, 60, 30)
    total = float(proportional.sum())
    problem = problem_of(total, (0.5 * proportional).tolist(), (1.5 * proportional).tolist())
    found = solved(curves, problem, 1e-6)
    assert_feasible(found.spend, problem)
    assert found.gap < 1e-5


@pytest.mark.parametrize("n_geos", [3, 12])
def test_channels_and_geos_are_limited_jointly(n_geos: int) -> None:
    """Crossing limits: no tree, so that nothing but the linear programme knows the way."""
    rng = np.random.default_rng(n_geos)
    grid = np.arange(4 * n_geos).reshape(n_geos, 4)
    curves = [
        hill(float(rng.lognormal(4, 1)), float(rng.uniform(8, 60)), float(rng.uniform(0.7, 4))) for _ in grid.flat
    ]
    limits = [SumLimit(f"geo {g}", row, 60.0, 150.0) for g, row in enumerate(grid)]
    limits += [SumLimit(f"channel {m}", column, 10.0 * n_geos, 40.0 * n_geos) for m, column in enumerate(grid.T)]
    problem = problem_of(25.0 * grid.size, [2.0] * grid.size, [90.0] * grid.size, *limits)
    found = solved(curves, problem, 1e-3)
    assert_feasible(found.spend, problem)
    assert found.gap <= 1.01e-3
    assert found.value >= slsqp(curves, problem, np.full(grid.size, 25.0)) * (1 - 1e-3)


def test_limits_that_no_plan_keeps_give_none() -> None:
    apart = SumLimit("apart", np.array([0]), 60.0, 70.0)
    assert allocate([hill(9.0, 5.0, 1.0)] * 2, problem_of(100.0, [0.0, 50.0], [100.0, 100.0], apart)) is None
    assert allocate([hill(9.0, 5.0, 1.0)] * 2, problem_of(300.0, [0.0, 50.0], [100.0, 100.0])) is None


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("slope", [1.0, 4.0])
def test_steps_reach_the_best_of_all_plans_in_steps(slope: float, grouped: bool) -> None:
    curves = [hill(352.0, 30.0, slope), hill(195.0, 38.0, slope), hill(120.0, 12.0, 1.0)]
    more = (SumLimit("group", np.array([0, 2]), 33.0, 58.0),) if grouped else ()
    problem = problem_of(98.0, [7.0, 0.0, 0.0], [77.0, 70.0, 70.0], *more, step=7.0)
    found = solved(curves, problem, 1e-6)
    np.testing.assert_allclose(found.spend / 7, np.round(found.spend / 7), atol=1e-9)
    assert_feasible(found.spend, problem)
    plans = [
        np.array([7.0 * i, 7.0 * j, 98.0 - 7 * (i + j)])
        for i in range(1, 12)
        for j in range(11)
        if 4 <= i + j <= 14
    ]
    best = max(value(curves, plan) for plan in plans if problem.allows(plan))
    assert found.value == pytest.approx(best, rel=1e-6)
    assert found.bound >= best * (1 - 1e-12)


@pytest.mark.parametrize(("total", "shift"), [(80.0, 0.5), (60.0, 0.5)])
def test_multipliers_are_what_one_more_unit_of_a_limit_brings(total: float, shift: float) -> None:
    curves = [hill(300.0, 30.0, 1.0), hill(150.0, 20.0, 1.0), hill(100.0, 40.0, 1.0)]

    def at(more: float, most: float) -> Allocation:
        group = SumLimit("group", np.array([0, 1]), 0.0, most)
        return solved(curves, problem_of(total + more, [0.0] * 3, [100.0] * 3, group), 1e-8)

    prices = at(0.0, 40.0).multipliers
    assert prices[0] == pytest.approx((at(shift, 40.0).value - at(-shift, 40.0).value) / (2 * shift), rel=1e-3)
    assert prices[1] == pytest.approx((at(0, 40 + shift).value - at(0, 40 - shift).value) / (2 * shift), rel=1e-3)


def test_flexible_total_stops_where_money_no_longer_pays() -> None:
    curves = [hill(300.0, 30.0, 1.0), hill(150.0, 20.0, 1.0)]
    limit = SumLimit("total", np.arange(2), 10.0, 250.0)
    problem = SpendingProblem(np.zeros(2), np.full(2, 125.0), (limit,), cost=1.5)
    found = solved(curves, problem, 1e-7)
    grid = np.linspace(0, 125, 3001)
    best = sum(float((curve(grid) - 1.5 * grid).max()) for curve in curves)
    assert found.value == pytest.approx(best, rel=1e-5)
    assert found.bound >= best
    assert found.multipliers[0] == 0


def test_two_steep_s_shaped_curves_are_both_funded() -> None:
    """Hill-climbing by marginal return funds the first channel only and stops far below the best plan."""
    curves = [hill(352.0, 30.0, 4.0), hill(195.0, 38.0, 4.0)]
    problem = problem_of(100.0, [0.0, 0.0], [100.0, 100.0])
    greedy = np.zeros(2)
    for _ in range(100):
        gains = [value([curve], greedy[[m]] + 1.0) - value([curve], greedy[[m]]) for m, curve in enumerate(curves)]
        greedy[int(np.argmax(gains))] += 1.0
    found = solved(curves, problem)
    assert_feasible(found.spend, problem)
    assert value(curves, greedy) < 352
    assert found.value == pytest.approx(brute_force(curves, problem, 200_001), rel=1e-9)
    assert found.value > 435
    assert found.gap <= 1e-4


@pytest.mark.parametrize("total", [30.0, 60.0])
def test_budget_at_the_sum_of_bounds_leaves_no_choice(total: float) -> None:
    found = solved([hill(10.0, 5.0, 1.0)] * 2, problem_of(total, [10.0, 20.0], [20.0, 40.0]))
    np.testing.assert_allclose(found.spend, [total / 3, total * 2 / 3])


def test_single_channel_gets_everything() -> None:
    np.testing.assert_array_equal(solved([hill(1.0, 1.0, 1.0)], problem_of(7.0, [0.0], [7.0])).spend, [7.0])


def test_useless_channels_do_not_disturb_the_search() -> None:
    nothing = interpolated(np.zeros_like, 0.0, _WIDEST, 10.0)
    problem = problem_of(10.0, [0.0, 0.0, 0.0], [10.0, 10.0, 10.0])
    assert_feasible(solved([nothing] * 3, problem).spend, problem)
    found = solved([nothing, hill(9.0, 5.0, 1.0), nothing], problem)
    np.testing.assert_allclose(found.spend, [0, 10, 0], atol=1e-6)


def test_the_same_problem_has_the_same_answer() -> None:
    curves = [hill(90.0, 30.0, 3.0), hill(80.0, 25.0, 1.0), hill(85.0, 60.0, 2.0)]
    problem = problem_of(100.0, [0.0] * 3, [80.0] * 3)
    np.testing.assert_array_equal(solved(curves, problem).spend, solved(curves, problem).spend)


@pytest.mark.parametrize("most", [8.0, 25.0])
def test_steps_that_leave_one_plan_or_none(most: float) -> None:
    """Every cell has one level, so that the linear programme has no variables."""
    problem = problem_of(20.0, [10.0, 10.0], [10.0, 10.0], SumLimit("one", np.array([1]), 0.0, most), step=10.0)
    found = allocate([hill(9.0, 5.0, 1.0)] * 2, problem)
    assert (found is None) == (most < 10)
    if found is not None:
        np.testing.assert_array_equal(found.spend, [10.0, 10.0])


def _crossed(step: float | None) -> tuple[list[ResponseCurve], SpendingProblem]:
    """Five rows and four columns of concave cells, with limits on rows and columns that are no whole steps."""
    rng = np.random.default_rng(4)
    curves = [hill(float(top), float(half), 1.0) for top, half in rng.uniform(20, 90, (20, 2))]
    grid = np.arange(20).reshape(5, 4)
    limits = [SumLimit(f"row {row[0]}", row, 30.17, 90.13) for row in grid]
    limits += [SumLimit(f"column {column[0]}", column, 70.11, 130.19) for column in grid.T]
    return curves, problem_of(400.0, [0.0] * 20, [50.0] * 20, *limits, step=step)


def test_steps_under_limits_that_are_no_whole_steps_are_found_at_once() -> None:
    curves, problem = _crossed(0.25)
    found = solved(curves, problem)
    free = solved(*_crossed(None), 1e-7)
    assert found.nodes <= 5
    assert found.gap <= 1e-4
    assert problem.allows(found.spend)
    np.testing.assert_allclose(found.spend / 0.25, np.round(found.spend / 0.25), atol=1e-6)
    assert free.bound * (1 - 1e-3) <= found.value <= free.bound


def test_a_question_is_answered_with_yes_or_with_a_bound() -> None:
    curves, problem = (
        [hill(300.0, 50.0, 3.0), hill(200.0, 30.0, 3.0)],
        problem_of(100.0, [0.0, 0.0], [100.0, 100.0]),
    )
    best = solved(curves, problem, 1e-7).value
    yes = allocate(curves, problem, effort=Effort(1.0, 0.95 * best))
    no = allocate(curves, problem, effort=Effort(1.0, 1.05 * best))
    assert yes is not None
    assert no is not None
    assert 0.95 * best <= yes.value <= best * (1 + 1e-9)
    assert best * (1 - 1e-9) <= no.bound < 1.05 * best


@pytest.mark.parametrize(("n_cells", "step", "most"), [(4, None, 3000), (40, None, 1500), (40, 0.01, 500)])
def test_work_is_bounded_over_cells_and_steps(n_cells: int, step: float | None, most: int) -> None:
    problem = problem_of(10.0 * n_cells, [0.0] * n_cells, [25.0] * n_cells, step=step)
    assert 40 <= Effort().nodes(problem) <= most
    assert Effort(0.05).nodes(problem) <= max(20, most // 20)


def test_shadow_prices_are_there_where_no_plan_is_better_than_the_start() -> None:
    curves, problem = [hill(300.0, 50.0, 1.0)] * 2, problem_of(100.0, [0.0, 0.0], [100.0, 100.0])
    found = solved(curves, problem, 1e-4, np.array([50.0, 50.0]))
    assert found.multipliers[0] == pytest.approx(curves[0].slope(np.array([50.0]))[0], rel=2e-2)
