"""Bounds, and what is said when they cannot be met."""

import re

import numpy as np
import pytest

from mmm_core.config.optimization import PlatformConstraintsConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.limits import contradiction
from mmm_core.optimization.problem import BudgetProblem, budget_problem

_CHANNELS = ("tv", "search", "radio")
_CURRENT = np.array([600.0, 300.0, 100.0])


def _cells(channels: tuple[str, ...], current: np.ndarray) -> Cells:
    return Cells(channels, ("national",), np.asarray(current)[None], False)


def _by_geo() -> Cells:
    return Cells(_CHANNELS, ("north", "south"), np.stack([0.75 * _CURRENT, 0.25 * _CURRENT]), True)


def _problem(change: float = 0.0, **limits: object) -> BudgetProblem:
    total = 1000.0 * (1 + change)
    return budget_problem("plan", _cells(_CHANNELS, _CURRENT), total, PlatformConstraintsConfig(**limits))


def test_bounds_are_the_change_around_the_scaled_plan() -> None:
    problem = _problem(change=0.2, max_change=0.5)
    assert problem.total == pytest.approx(1200)
    np.testing.assert_allclose(problem.proportional, [720, 360, 120])
    np.testing.assert_allclose(problem.lower, [360, 180, 60])
    np.testing.assert_allclose(problem.upper, [1080, 540, 180])
    assert problem.proportional_is_feasible


def test_shares_of_the_total_tighten_the_bounds() -> None:
    problem = _problem(max_change=0.5, min_spend_pct=0.12, max_spend_pct=0.55)
    np.testing.assert_allclose(problem.lower, [300, 150, 120])
    np.testing.assert_allclose(problem.upper, [550, 450, 150])
    assert not problem.proportional_is_feasible
    assert contradiction(problem.limits, problem.lower, problem.upper) is None


def test_large_change_never_allows_negative_spend() -> None:
    np.testing.assert_array_equal(_problem(max_change=3.0).lower, [0, 0, 0])


def test_channel_without_spend_stays_without() -> None:
    problem = budget_problem(
        "plan", _cells(_CHANNELS, np.array([6.0, 0.0, 4.0])), 10.0, PlatformConstraintsConfig()
    )
    assert problem.lower[1] == problem.upper[1] == 0


def test_message_names_the_channel_whose_limits_contradict() -> None:
    with pytest.raises(BudgetError) as error:
        _problem(max_change=0.5, min_spend_pct=0.2)
    for part in ("plan", "radio", "200.00", "150.00", "min_spend_pct is 0.2", "max_change is 0.5", "1,000.00"):
        assert part in str(error.value)


def test_message_names_minimums_above_the_budget() -> None:
    with pytest.raises(BudgetError) as error:
        budget_problem(
            "cut",
            _cells(("a", "b", "c"), np.ones(3)),
            3.0,
            PlatformConstraintsConfig(max_change=5, min_spend_pct=0.4),
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
            _cells(("a", "b", "c"), np.ones(3)),
            3.0,
            PlatformConstraintsConfig(max_change=1, max_spend_pct=0.8 / 3),
        )


def test_nothing_to_scale_is_refused() -> None:
    with pytest.raises(BudgetError, match="no flighting"):
        budget_problem("plan", _cells(("a",), np.zeros(1)), 1.0, PlatformConstraintsConfig())


def test_equal_shares_that_only_just_add_up_are_feasible() -> None:
    limits = PlatformConstraintsConfig(min_spend_pct=1 / 3, max_spend_pct=1 / 3)
    problem = budget_problem("equal", _cells(("a", "b", "c"), np.array([1.0, 1.1, 0.9])), 3.3, limits)
    np.testing.assert_allclose([problem.lower, problem.upper], np.full((2, 3), 1.1))


def test_own_limits_of_a_channel_come_on_top() -> None:
    own = {"tv": {"max_change": 0.1, "min_spend": 500.0}, "radio": {"max_share": 0.12, "min_change": 0.0}}
    problem = _problem(max_change=0.5, channels=own)
    np.testing.assert_allclose(problem.lower, [500, 150, 100])
    np.testing.assert_allclose(problem.upper, [660, 450, 120])


def test_fixed_channels_keep_their_current_spend_whatever_the_budget() -> None:
    problem = _problem(change=0.2, fixed=["tv"])
    assert problem.lower[0] == problem.upper[0] == 600


def test_groups_limit_sums_by_money_share_and_change() -> None:
    groups = {
        "digital": {"channels": ["search", "radio"], "max_share": 0.45, "min_spend": 350.0},
        "loud": {"channels": ["tv", "radio"], "max_change": 0.1, "min_change": -0.1},
    }
    total, digital, loud = _problem(groups=groups).limits
    assert (total.name, total.low, total.high) == ("total budget", 1000, 1000)
    assert (digital.cells.tolist(), digital.low, digital.high) == ([1, 2], 350, pytest.approx(450))
    assert (loud.cells.tolist(), loud.low, loud.high) == ([0, 2], pytest.approx(630), pytest.approx(770))


def test_limits_by_geo_are_sums_over_its_channels() -> None:
    limits = PlatformConstraintsConfig(geos={"south": {"min_share": 0.3}}, min_geo_share=0.9, fixed=["tv@north"])
    problem = budget_problem("plan", _by_geo(), 1000.0, limits)
    by_name = {limit.name: limit for limit in problem.limits}
    assert by_name["geo south"].low == pytest.approx(300)
    assert by_name["geo north"].low == pytest.approx(0.9 * 750)
    assert by_name["channel tv"].cells.tolist() == [0, 3]
    assert problem.lower[0] == problem.upper[0] == 450
    np.testing.assert_allclose(problem.upper[3:], 1.5 * 0.25 * _CURRENT)


def test_steps_move_bounds_inwards_and_the_total_down() -> None:
    problem = _problem(max_change=0.5, step=70.0, fixed=["radio"])
    np.testing.assert_allclose(problem.lower, [350, 210, 100])
    np.testing.assert_allclose(problem.upper, [840, 420, 100])
    assert problem.limits[0].low == problem.limits[0].high == pytest.approx(100 + 12 * 70)
    with pytest.raises(BudgetError, match=r"radio may get 50\.00 to 150\.00.*step"):
        _problem(max_change=0.5, step=400.0)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            {"channels": {"raido": {"min_spend": 1.0}}},
            "channels names raido, but no paid channel .* Did you mean radio",
        ),
        ({"groups": {"g": {"channels": ["tv", "print"]}}}, "groups.g.channels names print"),
        ({"fixed": ["sarch"]}, "fixed names sarch.*Did you mean search"),
        ({"geos": {"north": {"min_share": 0.2}}}, "geos names north, but no geo"),
        ({"min_geo_share": 0.5}, "min_geo_share limits geos.*geo_channel"),
        ({"fixed": ["tv@national"]}, "fixed limits geos.*geo_channel"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest_one(limits: dict[str, object], words: str) -> None:
    with pytest.raises(BudgetError, match=re.compile(f"Scenario plan.*{words}")):
        _problem(**limits)


def test_groups_that_contradict_each_other_are_named_with_their_numbers() -> None:
    groups = {
        "one": {"channels": ["tv", "search"], "max_spend": 700.0},
        "two": {"channels": ["search", "radio"], "max_spend": 300.0},
        "idle": {"channels": ["tv", "radio"], "min_spend": 10.0},
    }
    with pytest.raises(BudgetError) as error:
        _problem(max_change=0.4, groups=groups)
    for part in (
        "total budget (exactly 1,000.00)",
        "group one (at most 700.00)",
        "group two (at most 300.00)",
        "search (at least 180.00)",
        "by 180.00",
    ):
        assert part in str(error.value)
    assert "idle" not in str(error.value)


def test_a_limit_whose_ends_cross_is_refused() -> None:
    with pytest.raises(BudgetError, match=r"group digital must get at least 500\.00 but may get at most 400\.00"):
        _problem(groups={"digital": {"channels": ["search"], "min_share": 0.5, "max_spend": 400.0}})
