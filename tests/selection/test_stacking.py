"""Stacking weights against a grid and against known answers."""

import itertools

import numpy as np
import pytest

from mmm_core.selection.stacking import draws_per_candidate, stacking_weights


def mixture_score(log_scores: np.ndarray, weights: np.ndarray) -> float:
    return float(np.mean(np.log(np.exp(log_scores) @ weights)))


@pytest.mark.parametrize("seed", range(5))
def test_no_mixture_on_a_grid_scores_better(seed: int) -> None:
    log_scores = np.random.default_rng(seed).normal(-3, 1.5, (60, 3))
    best = mixture_score(log_scores, stacking_weights(log_scores))
    steps = np.linspace(0, 1, 101)
    grid = [
        mixture_score(log_scores, np.array([a, b, 1 - a - b]))
        for a, b in itertools.product(steps, steps)
        if a + b <= 1
    ]
    assert best >= max(grid) - 1e-6
    assert best == pytest.approx(max(grid), abs=1e-3)


def test_a_candidate_that_is_always_better_takes_all() -> None:
    worse = np.random.default_rng(1).normal(-3, 1, 50)
    weights = stacking_weights(np.stack([worse, worse + 0.5], axis=1))
    assert weights == pytest.approx([0, 1], abs=1e-4)


def test_candidates_that_are_right_about_different_halves_share() -> None:
    log_scores = np.log(np.repeat([[0.9, 0.1], [0.1, 0.9]], [30, 30], axis=0))
    assert stacking_weights(log_scores) == pytest.approx([0.5, 0.5])


def test_very_low_densities_do_not_underflow() -> None:
    log_scores = np.array([[-2000.0, -2001.0], [-3001.0, -3000.0]])
    assert stacking_weights(log_scores) == pytest.approx([0.5, 0.5])


def test_equal_candidates_keep_equal_weights() -> None:
    assert stacking_weights(np.full((10, 4), -1.0)) == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(
    ("weights", "total", "expected"),
    [([0.5, 0.5], 3, (2, 1)), ([0.98, 0.02], 10, (10, 0)), ([1 / 3] * 3, 10, (4, 3, 3)), ([0.0, 1.0], 7, (0, 7))],
)
def test_draws_are_shared_in_proportion(weights: list[float], total: int, expected: tuple[int, ...]) -> None:
    counts = draws_per_candidate(np.array(weights), total)
    assert counts == expected
    assert sum(counts) == total
