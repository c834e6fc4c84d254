"""Bounds, and what is said when they cannot be met."""

import numpy as np
import pytest

from mmm_core.config.outputs import PlatformConstraintsConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.problem import BudgetProblem, budget_problem

_CHANNELS = ("tv", "search", "radio")
_CURRENT = np.array([600.0, 300.0, 100.0])


def _problem(change: float = 0.0, **limits: float) -> BudgetProblem:
    return budget_problem("plan", _CHANNELS, _CURRENT, change, PlatformConstraintsConfig(**limits))


def test_bounds_are_the_change_around_the_scaled_plan() -> None:
    problem = _problem(change=0.2, max_change=0.5)
    assert problem.total == pytest.approx(1200)
    np.testing.assert_allclose(problem.proportional, [720, 360, 120])
    np.testing.assert_allclose(problem.lower, [360, 180, 60])
    np.testing.assert_allclose(problem.upper, [1080, 540, 180])
    assert problem.proportional_is_feasible
    np.testing.assert_array_equal(problem.feasible_start(), problem.proportional)


def test_shares_of_the_total_tighten_the_bounds() -> None:
    problem = _problem(max_change=0.5, min_spend_pct=0.12, max_spend_pct=0.55)
    np.testing.assert_allclose(problem.lower, [300, 150, 120])
    np.testing.assert_allclose(problem.upper, [550, 450, 150])
    assert not problem.proportional_is_feasible
    start = problem.feasible_start()
    assert start.sum() == pytest.approx(1000)
    assert ((start >= problem.lower) & (start <= problem.upper)).all()


def test_large_change_never_allows_negative_spend() -> None:
    np.testing.assert_array_equal(_problem(max_change=3.0).lower, [0, 0, 0])


def test_channel_without_spend_stays_without() -> None:
    problem = budget_problem("plan", _CHANNELS, np.array([6.0, 0.0, 4.0]), 0.0, PlatformConstraintsConfig())
    assert problem.lower[1] == problem.upper[1] == 0


def test_message_names_the_channel_whose_limits_contradict() -> None:
    with pytest.raises(BudgetError) as error:
        _problem(max_change=0.5, min_spend_pct=0.2)
    for part in ("plan", "radio", "200.00", "150.00", "min_spend_pct is 0.2", "max_change is 0.5", "1,000.00"):
        assert part in str(error.value)


def test_message_names_minimums_above_the_budget() -> None:
    with pytest.raises(BudgetError) as error:
        budget_problem(
            "cut", ("a", "b", "c"), np.ones(3), 0.0, PlatformConstraintsConfig(max_change=5, min_spend_pct=0.4)
        )
    for part in ("cut", "add up to 3.60", "total budget 3.00", "min_spend_pct is 0.4", "Lower"):
        assert part in str(error.value)


def test_message_names_maximums_below_the_budget() -> None:
    with pytest.raises(BudgetError) as error:
        _problem(max_change=0.5, max_spend_pct=0.25)
    for part in ("plan", "max_spend_pct", "1,000.00", "650.00" if "add up" in str(error.value) else "300.00"):
        assert part in str(error.value)
    with pytest.raises(BudgetError, match=r"add up to 2\.40, below the total budget 3\.00"):
        budget_problem(
            "rise",
            ("a", "b", "c"),
            np.ones(3),
            0.0,
            PlatformConstraintsConfig(max_change=1, max_spend_pct=0.8 / 3),
        )


def test_nothing_to_scale_is_refused() -> None:
    with pytest.raises(BudgetError, match="no flighting"):
        budget_problem("plan", ("a",), np.zeros(1), 0.0, PlatformConstraintsConfig())


def test_equal_shares_that_only_just_add_up_are_feasible() -> None:
    limits = PlatformConstraintsConfig(min_spend_pct=1 / 3, max_spend_pct=1 / 3)
    problem = budget_problem("equal", ("a", "b", "c"), np.array([1.0, 1.1, 0.9]), 0.1, limits)
    np.testing.assert_allclose(problem.feasible_start(), [1.1, 1.1, 1.1])
