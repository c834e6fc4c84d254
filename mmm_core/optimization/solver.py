"""Split a budget over channels with any non-decreasing response curves, concave or S-shaped.

Dynamic programming over a grid of money finds the right region, whatever the shape of the curves; the
same dynamic programme on ever finer grids around the solution then makes it exact.

Accuracy, against the true optimum of the given curves: for concave curves the relative error of the
outcome is below 1e-6.  For S-shaped curves the choice between regions is made on a grid of about 1/400 of
the free budget, three times from different origins; regions whose best outcomes differ by less than that
grid resolves may be confused, so the relative error is below 1e-4 for curves that are smooth on it.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.problem import BudgetProblem

Curve = Callable[[FloatArray], FloatArray]
"""Outcome of one channel at each of many spends, non-decreasing."""

_GRID_LEVELS = 400
"""Steps of the coarse grid over the widest channel's range."""
_GRID_STATES = 6000
"""Most steps of the coarse grid over all channels' ranges together; bounds time with many channels."""
_COARSE_STEPS = (1.0, 0.809, 0.618)
"""Sizes of the coarse grid's step in its repetitions: incommensurable, so that their origins differ."""
_LOCAL_REACH = 4
"""Steps that a channel may move at once on a fine grid."""
_REFINEMENT = 4.0
_FINEST = 1e-9
"""Last step, relative to the first."""
_SAME = 1e-14
"""Relative gain below which two outcomes count as equal, so that ties cannot cycle."""


def allocate(curves: Sequence[Curve], problem: BudgetProblem) -> FloatArray:
    """(M,) spend per channel with the largest total outcome.

    Feasible: adds up to the total to 1e-9 relative, within bounds to 1e-9 of the total; never worse than
    `problem.feasible_start()`, hence than the current plan where that is feasible.

    Args:
        curves: M response curves, defined at least within the bounds.
        problem: total and bounds.
    """
    spend = problem.feasible_start()
    lower, upper = _reachable(problem)
    width = upper - lower
    step = max(float(width.max()) / _GRID_LEVELS, float(width.sum()) / _GRID_STATES)
    if step <= _FINEST * problem.total:
        return spend
    for factor in _COARSE_STEPS:
        spend = _improve(curves, spend, factor * step, lower, upper, reach=None)
        spend = _polish(curves, spend, factor * step, lower, upper)
    return _add_up(spend, problem)


def _reachable(problem: BudgetProblem) -> tuple[FloatArray, FloatArray]:
    """Bounds tightened to what the other channels' bounds leave."""
    to_add = max(0.0, problem.total - problem.lower.sum())
    to_take = max(0.0, problem.upper.sum() - problem.total)
    lower = np.maximum(problem.lower, problem.upper - to_take)
    return np.minimum(lower, problem.upper), np.minimum(problem.upper, problem.lower + to_add)


def _polish(
    curves: Sequence[Curve], spend: FloatArray, step: float, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """The best spend nearby: on each grid until nothing improves, then on a finer one."""
    last = step * _FINEST
    while step > last:
        better = _improve(curves, spend, step, lower, upper, _LOCAL_REACH)
        if better is spend:
            step /= _REFINEMENT
        spend = better
    return spend


def _improve(
    curves: Sequence[Curve],
    spend: FloatArray,
    step: float,
    lower: FloatArray,
    upper: FloatArray,
    reach: int | None,
) -> FloatArray:
    """The best of all spends that differ from the given one by whole steps; the same object if none is better."""
    down = np.maximum(np.floor((spend - lower) / step), 0).astype(int)
    up = np.maximum(np.floor((upper - spend) / step), 0).astype(int)
    if reach is not None:
        down, up = np.minimum(down, reach), np.minimum(up, reach)
    levels = [
        np.clip(money + step * np.arange(-few, many + 1), low, high)
        for money, few, many, low, high in zip(spend, down, up, lower, upper, strict=True)
    ]
    outcomes = [curve(level) for curve, level in zip(curves, levels, strict=True)]
    chosen = _best_levels(outcomes, int(down.sum()))
    gain = sum(outcome[i] - outcome[few] for outcome, i, few in zip(outcomes, chosen, down, strict=True))
    reference = sum(abs(outcome[few]) for outcome, few in zip(outcomes, down, strict=True))
    if gain <= _SAME * reference:
        return spend
    return np.array([level[i] for level, i in zip(levels, chosen, strict=True)])


def _best_levels(outcomes: Sequence[FloatArray], total: int) -> list[int]:
    """One level per channel, the numbers adding up to `total`, with the largest sum of outcomes.

    Max-plus convolution, channel by channel: `best[s]` is the largest outcome of the channels so far with
    level numbers adding up to s.
    """
    best = np.zeros(1)
    choices: list[NDArray[np.intp]] = []
    for outcome in outcomes:
        n_levels = len(outcome)
        edge = np.full(n_levels - 1, -np.inf)
        earlier = np.lib.stride_tricks.sliding_window_view(np.concatenate([edge, best, edge]), n_levels)
        totals = earlier + outcome[::-1]
        choice = totals.argmax(axis=1)
        best = totals[np.arange(len(totals)), choice]
        choices.append(n_levels - 1 - choice)
    chosen: list[int] = []
    for choice in reversed(choices):
        chosen.append(int(choice[total]))
        total -= chosen[-1]
    return chosen[::-1]


def _add_up(spend: FloatArray, problem: BudgetProblem) -> FloatArray:
    """Give the round-off to the channel with the most room, and stay within bounds."""
    missing = problem.total - spend.sum()
    room = problem.upper - spend if missing > 0 else spend - problem.lower
    adjusted = spend.copy()
    adjusted[int(np.argmax(room))] += missing
    return np.asarray(np.clip(adjusted, problem.lower, problem.upper), dtype=np.float64)
