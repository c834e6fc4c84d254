"""Uphill over plans of cells and periods: Newton's method within the limits, and a bound of all plans."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.flight_outcome import Outcome
from mmm_core.optimization.flight_quadratic import QuadraticStep
from mmm_core.optimization.flight_space import FlightSpace

Function = Callable[[FloatArray, int], Outcome]
"""Outcome of (N, Q) factors with derivatives up to an order."""
_FLOOR, _LEAST_FLOOR = 1e-5, 1e-8
"""Least bend of a step's model, in parts of the cell's and of any cell's largest slope: linear responses have
none."""
_ENOUGH = 1e-3
"""Part of the expected gain that a step must bring."""
_HALVINGS = 12


@dataclass(frozen=True)
class Ascent:
    """Where it ended."""

    factors: FloatArray
    outcome: Outcome
    """With slopes."""


def ascend(
    function: Function, space: FlightSpace, start: FloatArray, accuracy: float, rounds: int, concave: bool
) -> Ascent:
    """Steps of Newton's method within the limits, each with a line search.

    Where the outcome bends upwards, the step's model bends down as much (saddle-free Newton, Dauphin et al. 2014).

    Args:
        function: what is maximised.
        space: the limits.
        start: (N, Q) allowed factors.
        accuracy: relative gain of a step below which it ends.
        rounds: most steps.
        concave: whether it bends downwards everywhere.
    """
    solver, factors = QuadraticStep(space), start
    now = function(factors, 2)
    for _ in range(rounds):
        enough = accuracy * max(abs(now.total), 1e-300)
        target = solver.best(factors, now.slope, _blocks(now, concave), 0.05 * enough)
        direction = target - factors
        expected = float((now.slope * direction).sum())
        if not expected > enough:
            break
        found = _along(function, factors, now, direction, expected)
        if found is None:
            break
        gained = found[1].total - now.total
        factors, now = found
        if gained < 0.1 * enough:
            break
    return Ascent(factors, now)


def _along(
    function: Function, factors: FloatArray, now: Outcome, direction: FloatArray, expected: float
) -> tuple[FloatArray, Outcome] | None:
    """The first of ever shorter steps that brings enough."""
    length = 1.0
    for _ in range(_HALVINGS):
        there = factors + length * direction
        found = function(there, 2)
        gain = found.total - now.total
        if gain >= _ENOUGH * length * expected:
            return there, found
        curve = 2 * (length * expected - gain)
        length *= float(np.clip(length * expected / curve, 0.1, 0.5)) if curve > 0 else 0.5
    return None


def _blocks(now: Outcome, concave: bool) -> FloatArray:
    """(N, Q, Q) positive definite bends of the step's model."""
    if now.bend is None:
        raise ValueError("A step needs second derivatives.")
    steepest = np.abs(now.slope).max(axis=1)
    floor = _FLOOR * steepest + _LEAST_FLOOR * max(float(steepest.max()), 1e-300)
    blocks = -now.bend
    if not concave:
        values, vectors = np.linalg.eigh(blocks)
        blocks = (vectors * np.abs(values)[:, None, :]) @ vectors.transpose(0, 2, 1)
    index = np.arange(blocks.shape[1])
    blocks[:, index, index] += floor[:, None]
    return np.asarray(blocks)


def bound_from(function: Function, space: FlightSpace, at: Ascent) -> float:
    """No allowed plan has more of a concave function: its tangent's largest value (a linear programme)."""
    best = space.best(at.outcome.slope)
    if best is None:
        return np.inf
    return at.outcome.total + max(0.0, float((at.outcome.slope * (best - at.factors)).sum()))
