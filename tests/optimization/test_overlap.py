"""Overlapping audiences: the loss against inclusion and exclusion, the search against brute force."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.optimization import OverlapConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.curves import ResponseCurve, interpolated
from mmm_core.optimization.limits import SumLimit
from mmm_core.optimization.overlap import (
    OverlapPair,
    largest_spends,
    loss_slopes,
    overlap_loss,
    overlap_pairs,
    pair_weights,
)
from mmm_core.optimization.overlap_bounds import Product, forest, plane_above, tree_top
from mmm_core.optimization.overlap_search import allocate_overlapping
from mmm_core.optimization.pieces import piece_of, spaced_levels
from mmm_core.optimization.solver import Allocation, SpendingProblem, allocate

_WIDEST = 130.0


def hill(top: float, half: float, slope: float) -> ResponseCurve:
    return interpolated(lambda spend: top * spend**slope / (spend**slope + half**slope), 0.0, _WIDEST, half)


@dataclass(frozen=True)
class Case:
    """Curves, current spend, pairs and limits."""

    curves: list[ResponseCurve]
    spend: np.ndarray
    pairs: list[OverlapPair]
    problem: SpendingProblem

    @property
    def current(self) -> np.ndarray:
        return np.array([curve(np.array([x]))[0] for curve, x in zip(self.curves, self.spend, strict=True)])

    def values(self, plans: np.ndarray) -> np.ndarray:
        """(...) of (..., N) plans."""
        outcome = np.stack([curve(plans[..., cell]) for cell, curve in enumerate(self.curves)], axis=-1)
        loss = overlap_loss(outcome, self.current, self.pairs)
        return np.asarray(outcome.sum(axis=-1) - loss - self.problem.cost * plans.sum(axis=-1))

    def solved(self, tolerance: float = 1e-4, *starts: np.ndarray) -> Allocation:
        found = allocate_overlapping(self.curves, self.current, self.pairs, self.problem, tolerance, starts)
        assert found is not None
        assert self.problem.allows(found.spend, 1e-9)
        assert found.value == pytest.approx(float(self.values(found.spend)), rel=1e-9)
        return found

    def brute_force(self, n_points: int) -> float:
        """Largest value on a grid of all cells but the last one, which takes what is left."""
        ranges = zip(self.problem.lower[:-1], self.problem.upper[:-1], strict=True)
        spends = list(np.meshgrid(*[np.linspace(*ends, n_points) for ends in ranges], indexing="ij"))
        low, high = self.problem.lower[-1], self.problem.upper[-1]
        rest = self.problem.limits[0].low - sum(spends)
        allowed = (rest >= low - 1e-9) & (rest <= high + 1e-9)
        plans = np.stack([*spends, np.clip(rest, low, high)], axis=-1)
        for limit in self.problem.limits[1:]:
            together = plans[..., limit.cells].sum(axis=-1)
            allowed &= (together >= limit.low) & (together <= limit.high)
        return float(np.where(allowed, self.values(plans), -np.inf).max())


def limited(total: float, lower: Sequence[float], upper: Sequence[float], *more: SumLimit) -> SpendingProblem:
    limit = SumLimit("total", np.arange(len(lower)), total, total)
    return SpendingProblem(np.array(lower), np.array(upper), (limit, *more))


def random_case(seed: int, n_cells: int, slopes: Sequence[float] = (0.7, 1.0, 2.5, 5.0)) -> Case:
    """Concave and S-shaped cells with any set of pairs, shares up to 0.7 and changes up to all of the spend."""
    rng = np.random.default_rng(seed)
    shapes = zip(
        rng.lognormal(5, 0.8, n_cells), rng.uniform(8, 80, n_cells), rng.choice(slopes, n_cells), strict=True
    )
    curves = [hill(float(top), float(half), float(slope)) for top, half, slope in shapes]
    spend, change = rng.uniform(10, 60, n_cells), rng.uniform(0.2, 1.0, n_cells)
    lower, upper = spend * (1 - change), spend * (1 + change)
    ends = [(a, b) for a in range(n_cells) for b in range(a + 1, n_cells)]
    chosen = rng.choice(len(ends), int(rng.integers(1, len(ends) + 1)), replace=False)
    pairs = [OverlapPair(*ends[index], float(rng.uniform(0.05, 0.7))) for index in chosen]
    plan = rng.uniform(lower, upper)
    more = []
    if rng.random() < 0.4:
        cells = np.sort(rng.choice(n_cells, 2, replace=False))
        together = float(plan[cells].sum())
        more = [SumLimit("group", cells, together * rng.uniform(0.6, 1), together * rng.uniform(1, 1.4))]
    return Case(curves, spend, pairs, limited(float(plan.sum()), lower.tolist(), upper.tolist(), *more))


@pytest.mark.parametrize("n_pairs", [1, 2, 3])
def test_loss_is_inclusion_and_exclusion_of_what_each_would_bring_alone(n_pairs: int) -> None:
    rng = np.random.default_rng(n_pairs)
    alone, plan = rng.uniform(1, 3, 3), rng.uniform(0.2, 5, (50, 3))
    kappas = {(0, 1): 0.2, (1, 2): 0.05, (0, 2): 0.1}
    kappas = dict(list(kappas.items())[:n_pairs])
    kept = np.ones(3)
    for (a, b), kappa in kappas.items():
        kept[[a, b]] -= kappa * alone[[b, a]]
    measured, pairs = alone * kept, []
    for (a, b), kappa in kappas.items():
        both = kappa * alone[a] * alone[b]
        pairs.append(OverlapPair(a, b, both / (measured[[a, b]].min() + both)))

    def together(brings: np.ndarray) -> np.ndarray:
        shared = sum(kappa * brings[..., a] * brings[..., b] for (a, b), kappa in kappas.items())
        return np.asarray(brings.sum(axis=-1) - shared)

    gain = (plan * kept).sum(axis=1) - measured.sum() - overlap_loss(plan * kept, measured, pairs)
    np.testing.assert_allclose(gain, together(plan) - together(alone), rtol=1e-12)


def test_share_is_what_the_larger_one_reaches_of_the_smaller_ones_own_audience() -> None:
    weight = pair_weights(np.array([6.0, 30.0]), [OverlapPair(0, 1, 0.4)])[0]
    both = weight * 6.0 * 30.0
    assert both / (6.0 + both) == pytest.approx(0.4)


def test_loss_vanishes_now_to_first_order_and_where_one_channel_stays() -> None:
    current, pairs = np.array([5.0, 9.0, 2.0]), [OverlapPair(0, 1, 0.3), OverlapPair(1, 2, 0.5)]
    assert overlap_loss(current, current, pairs) == 0
    assert overlap_loss(current * [1, 4, 1], current, pairs) == 0
    np.testing.assert_array_equal(loss_slopes(current, current, pairs), np.zeros(3))
    assert (
        overlap_loss(current * 1.5, current, pairs) > 0 > overlap_loss(current * [1.5, 0.5, 1.5], current, pairs)
    )


def test_slopes_are_derivatives_of_the_loss_in_every_draw() -> None:
    rng = np.random.default_rng(3)
    current, outcome = rng.uniform(1, 9, (4, 3)), rng.uniform(1, 9, (4, 3))
    pairs = [OverlapPair(0, 1, 0.3), OverlapPair(1, 2, 0.5), OverlapPair(0, 2, 0.1)]
    slopes = loss_slopes(outcome, current, pairs)
    for cell in range(3):
        step = 1e-5 * (np.arange(3) == cell)
        found = overlap_loss(outcome + step, current, pairs) - overlap_loss(outcome - step, current, pairs)
        np.testing.assert_allclose(slopes[:, cell], found / 2e-5, rtol=1e-6)


def test_channels_that_bring_nothing_now_are_no_trouble() -> None:
    pairs = [OverlapPair(0, 1, 0.5)]
    assert overlap_loss(np.array([3.0, 4.0]), np.zeros(2), pairs) == 0
    new = overlap_loss(np.array([3.0, 8.0]), np.array([0.0, 4.0]), pairs)
    assert new == pytest.approx(3.0)  # alone it would bring 6, of which twice half is reached by the doubled other


def _cells(by_geo: bool) -> Cells:
    return Cells(("tv", "video", "radio"), ("north", "south"), np.ones((2, 3)), by_geo)


def test_pairs_are_of_channels_or_of_channels_in_each_geo() -> None:
    asked = [OverlapConfig(channels=("radio", "tv"), share=0.2), OverlapConfig(channels=("tv", "video"), share=0)]
    assert overlap_pairs(_cells(False), asked) == (OverlapPair(2, 0, 0.2),)
    assert overlap_pairs(_cells(True), asked) == (OverlapPair(2, 0, 0.2), OverlapPair(5, 3, 0.2))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([("tv", "vdeo", 0.2)], r"audience_overlap\[0\].channels names vdeo.*known: tv, video, radio"),
        ([("tv", "tv", 0.2)], "names tv twice"),
        ([("tv", "video", 0.2), ("video", "tv", 0.1)], r"\[1\]: the pair video and tv is there already"),
        ([("tv", "video", 1.0)], "share is 1 for tv and video.*at most 0.9"),
    ],
)
def test_pairs_that_make_no_sense_are_refused(asked: list[tuple[str, str, float]], words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        overlap_pairs(_cells(False), [OverlapConfig(channels=(a, b), share=share) for a, b, share in asked])


@pytest.mark.parametrize("block", range(8))
def test_random_problems_reach_brute_force_with_a_valid_proof(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        case = random_case(seed, 2 + seed % 2)
        found = case.solved(1e-4, case.spend)
        truth = case.brute_force({2: 4001, 3: 401}[len(case.curves)])
        assert found.value >= truth - 1e-4 * abs(truth), seed
        assert found.bound >= truth, seed
        assert found.gap <= 1.01e-4, seed


@pytest.mark.parametrize("seed", range(4))
def test_pairs_inside_geos_reach_brute_force(seed: int) -> None:
    """Two channels in two geos, of different size."""
    case = random_case(seed, 4)
    cells = Cells(("tv", "video"), ("north", "south"), case.spend.reshape(2, 2), True)
    pairs = list(overlap_pairs(cells, [OverlapConfig(channels=("tv", "video"), share=0.5)]))
    case = Case(case.curves, case.spend, pairs, case.problem)
    found, truth = case.solved(), case.brute_force(81)
    assert found.value >= truth * (1 - 1e-4)
    assert found.bound >= truth
    assert found.gap <= 1.01e-4


def test_a_share_of_zero_is_the_plain_optimum() -> None:
    case = random_case(5, 3)
    none = overlap_pairs(_cells(False), [OverlapConfig(channels=("tv", "video"), share=0)])
    plain = allocate(case.curves, case.problem)
    found = allocate_overlapping(case.curves, case.current, none, case.problem)
    assert plain is not None
    assert found is not None
    np.testing.assert_array_equal(found.spend, plain.spend)
    nearly = Case(case.curves, case.spend, [OverlapPair(0, 1, 1e-12)], case.problem).solved()
    assert nearly.value == pytest.approx(plain.value, rel=1e-4)


def test_more_money_grows_overlapping_channels_less_than_others() -> None:
    curves, spend = [hill(100.0, 40.0, 1.0)] * 3, np.full(3, 30.0)
    problem = limited(135.0, [15.0] * 3, [90.0] * 3)
    found = Case(curves, spend, [OverlapPair(0, 1, 0.6)], problem).solved(1e-7)
    assert found.spend[2] > 45.5
    assert found.spend.sum() == pytest.approx(135)


@pytest.mark.parametrize("slope", [1.0, 4.0])
def test_steps_reach_the_best_of_all_plans_in_steps(slope: float) -> None:
    curves = [hill(352.0, 30.0, slope), hill(195.0, 38.0, slope), hill(120.0, 12.0, 1.0)]
    total = SumLimit("total", np.arange(3), 98.0, 98.0)
    problem = SpendingProblem(np.array([7.0, 0, 0]), np.array([77.0, 70, 70]), (total,), step=7.0)
    case = Case(curves, np.array([40.0, 40.0, 18.0]), [OverlapPair(0, 1, 0.4), OverlapPair(1, 2, 0.3)], problem)
    found = case.solved(1e-6)
    np.testing.assert_allclose(found.spend / 7, np.round(found.spend / 7), atol=1e-9)
    first, second = (axis.ravel() for axis in np.meshgrid(7.0 * np.arange(1, 12), 7.0 * np.arange(11)))
    plans = np.stack([first, second, 98 - first - second], axis=1)
    best = case.values(plans[(plans[:, 2] >= 0) & (plans[:, 2] <= 70)]).max()
    assert found.value == pytest.approx(best, rel=1e-9)
    assert found.bound >= best


def test_flexible_total_stops_where_money_no_longer_pays() -> None:
    curves = [hill(300.0, 30.0, 1.0), hill(150.0, 20.0, 1.0)]
    limit = SumLimit("total", np.arange(2), 10.0, 250.0)
    problem = SpendingProblem(np.zeros(2), np.full(2, 125.0), (limit,), cost=1.5)
    case = Case(curves, np.array([20.0, 20.0]), [OverlapPair(0, 1, 0.5)], problem)
    grid = np.stack(np.meshgrid(np.linspace(0, 125, 1201), np.linspace(0, 125, 1201)), axis=-1)
    allowed = (grid.sum(axis=-1) >= 10) & (grid.sum(axis=-1) <= 250)
    best = float(case.values(grid[allowed]).max())
    found = case.solved(1e-6)
    assert found.value == pytest.approx(best, rel=1e-4)
    assert found.bound >= best


def test_multipliers_are_what_one_more_unit_of_money_brings() -> None:
    curves = [hill(300.0, 30.0, 1.0), hill(150.0, 20.0, 1.0), hill(100.0, 40.0, 1.0)]
    pairs = [OverlapPair(0, 1, 0.4), OverlapPair(1, 2, 0.2)]

    def at(total: float) -> Allocation:
        return Case(curves, np.full(3, 20.0), pairs, limited(total, [0.0] * 3, [100.0] * 3)).solved(1e-8)

    assert at(80.0).multipliers[0] == pytest.approx(at(80.5).value - at(79.5).value, rel=1e-3)


def test_forty_cells_with_stars_chains_and_a_ring_are_proven_optimal() -> None:
    rng = np.random.default_rng(2)
    shapes = zip(rng.lognormal(5, 0.5, 40), rng.uniform(20, 80, 40), strict=True)
    curves, spend = [hill(float(top), float(half), 1.0) for top, half in shapes], rng.uniform(20, 60, 40)
    ends = [(0, 1), (0, 2), (0, 3), (4, 5), (5, 6), (6, 7), (10, 11), (11, 12), (10, 12)]
    pairs = [OverlapPair(a, b, 0.3) for a, b in ends]
    problem = limited(1.1 * spend.sum(), (0.6 * spend).tolist(), (1.5 * spend).tolist())
    case = Case(curves, spend, pairs, problem)
    plain = allocate(curves, problem)
    assert plain is not None
    found = case.solved(3e-4)
    assert found.gap <= 3.1e-4
    assert found.value >= case.values(plain.spend)


def test_limits_that_no_plan_keeps_give_none() -> None:
    curves = [hill(9.0, 5.0, 1.0)] * 2
    problem = limited(300.0, [0.0, 50.0], [100.0, 100.0])
    assert allocate_overlapping(curves, np.ones(2), [OverlapPair(0, 1, 0.5)], problem) is None


def test_fixed_cells_stay_and_the_same_problem_has_the_same_answer() -> None:
    case = random_case(7, 3)
    problem = limited(100.0, [20.0, 0.0, 0.0], [20.0, 90.0, 90.0])
    case = Case(case.curves, case.spend, [OverlapPair(0, 1, 0.4), OverlapPair(1, 2, 0.4)], problem)
    assert case.solved().spend[0] == 20
    np.testing.assert_array_equal(case.solved().spend, case.solved().spend)
    assert case.solved().value >= case.brute_force(3001 if len(case.curves) == 2 else 401) * (1 - 1e-4)


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(-2, 4))
def test_bound_of_a_tree_is_above_every_plan(seed: int, price: float, slope: float) -> None:
    rng = np.random.default_rng(seed)
    curves = [hill(float(rng.uniform(1, 90)), 30.0, float(rng.choice([0.7, 1.0, 4.0]))) for _ in range(4)]
    products = [
        Product(0, 1, rng.normal() / 20),
        Product(1, 2, rng.normal() / 20),
        Product(1, 3, rng.normal() / 20),
    ]
    (tree,), loose = forest(products, 4)
    low = rng.uniform(0, 60, 4)
    high = low + rng.uniform(0, 60, 4) * (rng.random(4) < 0.8)
    pieces = [
        piece_of(curve, spaced_levels(curve, a, b, 7)) for curve, a, b in zip(curves, low, high, strict=True)
    ]
    slopes, prices = slope + rng.normal(size=4), price + rng.normal(size=4)
    top = tree_top(tree, pieces, slopes.tolist(), prices.tolist())
    plans = rng.uniform(low, high, (400, 4))
    outcome = np.stack([curve(plans[:, cell]) for cell, curve in enumerate(curves)], axis=1)
    worth = outcome @ slopes - plans @ prices + np.array([tree.worth(of) for of in outcome])
    assert not loose
    assert worth.max() <= top.worth + 1e-9 * max(1.0, abs(top.worth))


@given(st.integers(0, 10_000))
def test_plane_is_nowhere_below_the_product(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (piece_of(hill(50.0, 30.0, 2.0), np.sort(rng.uniform(0, 99, 2))) for _ in range(2))
    one = Product(0, 1, float(rng.normal()))
    plane = plane_above(one, first, second)
    changes = np.stack([rng.uniform(piece.values[0], piece.values[-1], 50) for piece in (first, second)], axis=1)
    above = changes @ [plane.first, plane.second] + plane.constant
    assert (above >= np.array([one.worth(of) for of in changes]) - 1e-9).all()


def test_products_that_would_close_a_cycle_are_left_loose() -> None:
    products = [Product(0, 1, 1.0), Product(1, 2, 1.0), Product(0, 2, 1.0), Product(3, 4, 1.0)]
    trees, loose = forest(products, 6)
    assert sorted(sorted(tree.cells) for tree in trees) == [[0, 1, 2], [3, 4], [5]]
    assert loose == [products[2]]


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_money_is_kept_to_where_more_outcome_of_one_is_not_less_of_both(share: float) -> None:
    curves = [hill(300.0, 50.0, 3.0), hill(200.0, 30.0, 1.0)]
    spend, pairs = np.array([20.0, 25.0]), [OverlapPair(0, 1, share)]
    now = np.array([float(curve(np.array([x]))[0]) for curve, x in zip(curves, spend, strict=True)])
    most = largest_spends(curves, now, pairs, np.zeros(2), np.full(2, 120.0))
    then = np.array([float(curve(np.array([x]))[0]) for curve, x in zip(curves, most, strict=True)])
    slopes = 1 - loss_slopes(then, now, pairs)
    assert (slopes >= -1e-6).all()
    for cell, other in ((0, 1), (1, 0)):
        assert most[cell] == 120.0 or slopes[other] == pytest.approx(0.0, abs=1e-6)
    assert then.max() <= now[np.argmax(now)] / share * (1 + 1e-6) or now.argmax() != then.argmax()


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_usual_shares_and_changes_leave_all_of_the_room(share: float) -> None:
    curves, spend = [hill(300.0, 50.0, 1.0), hill(200.0, 30.0, 1.0)], np.array([20.0, 25.0])
    now = np.array([float(curve(np.array([x]))[0]) for curve, x in zip(curves, spend, strict=True)])
    most = largest_spends(curves, now, [OverlapPair(0, 1, share)], 0.5 * spend, 1.5 * spend)
    np.testing.assert_array_equal(most, 1.5 * spend)


def test_a_least_spend_beyond_what_can_be_computed_is_told() -> None:
    curves, spend = [hill(300.0, 50.0, 1.0)] * 2, np.array([20.0, 20.0])
    now = np.array([float(curve(np.array([x]))[0]) for curve, x in zip(curves, spend, strict=True)])
    most = largest_spends(curves, now, [OverlapPair(0, 1, 0.9)], 2 * spend, 3 * spend)
    assert (most < 2 * spend).all()


def test_thousands_of_steps_are_proven_as_any_money_in_between() -> None:
    curves, spend = [hill(300.0, 50.0, 1.0), hill(200.0, 30.0, 3.0)], np.array([40.0, 40.0])
    problem = limited(80.0, [10.0, 10.0], [70.0, 70.0])
    pairs = [OverlapPair(0, 1, 0.4)]
    free = Case(curves, spend, pairs, problem).solved(1e-7)
    steps = Case(curves, spend, pairs, replace(problem, step=0.002)).solved(1e-4)
    np.testing.assert_allclose(steps.spend / 0.002, np.round(steps.spend / 0.002), atol=1e-6)
    assert free.value * (1 - 1e-4) <= steps.value <= free.bound * (1 + 1e-12)
    assert steps.gap <= 1e-4
    assert steps.nodes <= 200
