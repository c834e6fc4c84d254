"""The relaxed problem: the same whichever way it is solved, and its bound is one."""

import numpy as np
import pytest

from mmm_core.optimization import relaxation
from mmm_core.optimization.curves import ResponseCurve, interpolated
from mmm_core.optimization.limits import SumLimit, contradiction
from mmm_core.optimization.linear import maximise
from mmm_core.optimization.pieces import Piece, piece_of, spaced_levels
from mmm_core.optimization.relaxation import Relaxed, dual_bound, relax


def _curves(n_cells: int, seed: int) -> list[ResponseCurve]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_cells):
        top, half, slope = rng.lognormal(4, 1), rng.uniform(8, 60), rng.uniform(0.7, 4)
        found.append(
            interpolated(lambda x, t=top, h=half, s=slope: t * x**s / (x**s + h**s), 0.0, 100.0, half, 1e-4)
        )
    return found


def _pieces(n_cells: int, seed: int) -> list[Piece]:
    return [piece_of(curve, spaced_levels(curve, 0.0, 100.0, 33)) for curve in _curves(n_cells, seed)]


def _limits(n_cells: int, seed: int) -> list[SumLimit]:
    rng = np.random.default_rng(seed)
    plan = rng.uniform(5, 60, n_cells)
    limits = [SumLimit("total", np.arange(n_cells), float(plan.sum()), float(plan.sum()))]
    for index in range(6):
        cells = np.sort(rng.choice(n_cells, n_cells // 3, replace=False))
        limits.append(SumLimit(f"{index}", cells, 0.9 * plan[cells].sum(), 1.2 * plan[cells].sum()))
    return limits


def _solved(pieces: list[Piece], limits: list[SumLimit], cost: float = 0.0) -> Relaxed:
    found = relax(pieces, limits, cost)
    assert found is not None
    return found


def _height(pieces: list[Piece], found: Relaxed) -> float:
    return sum(piece.envelope(float(money)) for piece, money in zip(pieces, found.spend, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_segments_near_the_prices_are_enough(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    pieces, limits = _pieces(30, seed), _limits(30, seed)
    whole = _solved(pieces, limits)
    monkeypatch.setattr(relaxation, "_MANY_SEGMENTS", 0)
    monkeypatch.setattr(relaxation, "_WINDOW", 1)
    part = _solved(pieces, limits)
    assert _height(pieces, part) == pytest.approx(_height(pieces, whole), rel=1e-9)
    assert all(limit.holds(part.spend, 1e-6) for limit in limits)


@pytest.mark.parametrize("cost", [0.0, 0.8])
def test_greedy_is_the_linear_programme_with_one_limit(cost: float) -> None:
    pieces = _pieces(12, 3)
    for low, high in ((300.0, 300.0), (0.0, 1200.0), (900.0, 1000.0)):
        total = SumLimit("total", np.arange(12), low, high)
        one = _solved(pieces, [total], cost)
        both = _solved(pieces, [total, SumLimit("idle", np.arange(3), 0.0, 1e6)], cost)
        assert _height(pieces, one) - cost * one.spend.sum() == pytest.approx(
            _height(pieces, both) - cost * both.spend.sum(), rel=1e-9
        )
        assert one.multipliers[0] == pytest.approx(both.multipliers[0], rel=1e-6, abs=1e-9)


def test_any_multipliers_give_a_bound_for_the_curves_between_the_levels() -> None:
    rng = np.random.default_rng(0)
    curves, limits = _curves(4, 1), _limits(4, 1)
    pieces = [piece_of(curve, spaced_levels(curve, 0.0, 100.0, 3)) for curve in curves]
    best = -np.inf
    for plan in rng.dirichlet(np.ones(4), 4000) * limits[0].high:
        if (plan <= 100).all() and all(limit.holds(plan, 0.0) for limit in limits[1:]):
            best = max(best, sum(float(curve(plan[[m]])[0]) for m, curve in enumerate(curves)))
    assert np.isfinite(best)
    for multipliers in rng.normal(0, 3, (50, len(limits))):
        assert dual_bound(pieces, limits, multipliers) >= best


def test_rise_bounds_what_a_curve_does_between_its_levels() -> None:
    for curve in _curves(20, 7):
        piece = piece_of(curve, spaced_levels(curve, 0.0, 100.0, 9))
        share = np.linspace(0, 1, 101)
        for left, right, rise in zip(piece.levels[:-1], piece.levels[1:], piece.rises, strict=True):
            chord = curve(np.array([left])) * (1 - share) + curve(np.array([right])) * share
            assert (curve(left + share * (right - left)) - chord).max() <= rise * (1 + 1e-9) + 1e-12


def test_prices_of_a_linear_programme_are_what_one_more_unit_brings() -> None:
    gain, rows = np.array([3.0, 2.0]), np.array([[1.0, 1.0], [1.0, 0.0], [1.0, -1.0]])
    low, high = np.array([0.0, 1.0, -np.inf]), np.array([4.0, np.inf, 1.0])
    found = maximise(gain, rows, low, high, np.zeros(2), np.full(2, 10.0))
    assert found is not None
    np.testing.assert_allclose(found.x, [2.5, 1.5])
    np.testing.assert_allclose(found.prices, [2.5, 0, 0.5])
    assert maximise(gain, rows, low, np.array([0.5, np.inf, 1.0]), np.zeros(2), np.full(2, 10.0)) is None


def test_a_programme_without_variables_is_feasible_where_nothing_is_asked_for() -> None:
    none, rows = np.zeros(0), np.zeros((2, 0))
    found = maximise(none, rows, np.array([0.0, -1.0]), np.array([0.0, np.inf]), none, none)
    assert found is not None
    assert found.value == 0
    assert found.prices.tolist() == [0.0, 0.0]
    assert maximise(none, rows, np.array([0.5, -1.0]), np.array([1.0, 2.0]), none, none) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_contradiction_is_found_exactly_where_no_plan_exists(seed: int) -> None:
    rng = np.random.default_rng(seed)
    plan = rng.uniform(5, 20, 5)
    lower, upper = plan * rng.uniform(0.5, 1, 5), plan * rng.uniform(1, 1.5, 5)
    limits = [SumLimit("total", np.arange(5), float(plan.sum()), float(plan.sum()))]
    for index in range(3):
        cells = np.sort(rng.choice(5, 2, replace=False))
        limits.append(SumLimit(f"{index}", cells, 0.9 * plan[cells].sum(), 1.1 * plan[cells].sum()))
    assert contradiction(limits, lower, upper) is None
    most = float(upper[limits[1].cells].sum())
    limits[1] = SumLimit("0", limits[1].cells, most + 3.0, most + 9.0)
    found = contradiction(limits, lower, upper)
    assert found is not None
    assert found.missing >= 3 - 1e-6
    assert set(found.limits) or set(found.upper)
    named = [limits[index] for index in found.limits]
    free_lower, free_upper = np.zeros(5), np.full(5, 1e3)
    free_lower[list(found.lower)], free_upper[list(found.upper)] = (
        lower[list(found.lower)],
        upper[list(found.upper)],
    )
    assert contradiction(named, free_lower, free_upper) is not None


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_levels_are_solved_as_in_one_programme(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = np.linspace(0.0, 100.0, 801)
    pieces = [Piece(levels, curve(levels), np.zeros(800)) for curve in _curves(12, seed)]
    rng = np.random.default_rng(seed)
    plan = rng.uniform(5, 60, 12)
    limits = [SumLimit("total", np.arange(12), float(plan.sum()), float(plan.sum()))]
    limits += [
        SumLimit(f"{i}", np.arange(i, i + 3), *(plan[i : i + 3].sum() * np.array([0.99, 1.0]))) for i in (0, 3, 6)
    ]
    segments = relaxation._Segments.of(pieces)
    near = relaxation._near_coarse(segments, limits, 0.0)
    found = _solved(pieces, limits)
    monkeypatch.setattr(relaxation, "_MANY_SEGMENTS", 10**9)
    whole = _solved(pieces, limits)
    assert _height(pieces, found) == pytest.approx(_height(pieces, whole), rel=1e-9)
    assert near is not None
    assert (near[1] - near[0]).max() <= 3 * 16
    assert relaxation._restricted(segments, limits, 0.0, *near) is not None


def test_thousands_of_levels_without_a_plan_give_none() -> None:
    levels = np.linspace(0.0, 100.0, 801)
    pieces = [Piece(levels, curve(levels), np.zeros(800)) for curve in _curves(6, 0)]
    limits = [SumLimit("total", np.arange(6), 500.0, 500.0), SumLimit("some", np.arange(3), 0.0, 150.0)]
    assert relax(pieces, limits) is None
