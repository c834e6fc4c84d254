"""Money moved between weeks as well: the best flighting of all cells together, with a proof.

1. The mean outcome and its two derivatives by the money of every cell and period (`flight_outcome`).
2. Newton's method within the limits (`flight_ascent`, `flight_quadratic`), first on few draws.
3. Where a draw is S-shaped (or an effect below 0), the same for concave functions above the outcome, and the
   search for it starts from several flights, bursts among them (`flight_patterns`).
4. No plan is better than the tangent of a concave function allows: a linear programme.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mmm_core.config.optimization import FlightingConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.flight_ascent import Ascent, Function, ascend, bound_from
from mmm_core.optimization.flight_outcome import FlightOutcome, Outcome
from mmm_core.optimization.flight_patterns import best_patterns, kicks
from mmm_core.optimization.flight_quadratic import QuadraticStep
from mmm_core.optimization.flight_space import FlightSpace
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.optimization.problem import BudgetProblem
from mmm_core.planning.frame import PlanningFrame

_MOST_EVALUATIONS = 40_000_000
"""Draws x geos x weeks x channels on which a plan is sought."""
_FEWEST_DRAWS = 200
_FIRST_DRAWS = 48
"""Draws of the first search."""
_ALLOWED = 1e-7
_MOST_ROUNDS = 40
_POLISHING_ROUNDS = 6
_FIRST_ACCURACY, _SHARPER, _LAST_ACCURACY = 1e-3, 1e-2, 1e-8
"""Parts of the tolerance to which the plan is right while its bound is closed: the first, the next, the last."""
_SAME = 1e-7
"""Relative gain below which a plan is no better."""
_MOST_KICKS, _MOST_KICKED = 40, 2000
"""Single periods that are moved to their limits, at most; and times the number of factors."""
_SEED, _CORNERS = 20260102, 4
"""Corners of what is allowed from which a search starts too; one where there are more factors than that."""
_SEARCHES = 3
"""Times that other flights are tried around the best plan."""


@dataclass(frozen=True)
class FlightedPlan:
    """Money of every cell in every week.  N cells, W weeks."""

    spend: FloatArray
    """(N, W) money."""
    value: float
    """Mean outcome over the draws on which plans are sought: what the plan brings."""
    bound: float
    """No allowed plan has a larger value, on the same draws."""

    @property
    def gap(self) -> float:
        """Relative distance of the bound, >= 0."""
        return max(0.0, self.bound - self.value) / max(abs(self.bound), 1e-300)


def flighted(
    frame: PlanningFrame,
    problem: BudgetProblem,
    config: FlightingConfig,
    tolerance: float,
    start: FloatArray,
    wear: Mapping[str, float] | None = None,
) -> FlightedPlan:
    """The money of every cell and week with the largest mean outcome.

    Cells and periods are chosen together within the limits of the problem (on the sums over weeks) and of the
    periods.  A flexible total stays that of the start; money in whole steps stays in its cell.  Periods without
    planned money stay without.  In the fit window once more, media before the window counts as often as the cell's
    whole money; before coming weeks it stays.  The result is never worse than the start where that is allowed.

    Args:
        frame: the weeks; with an even flighting where idle cells may get money (`Basis.frame`).
        problem: limits of cells.
        config: limits of periods.
        tolerance: relative distance to the bound at which the search may end.
        start: (N,) money of cells.
        wear: channel -> how fast its creatives wear out.

    Raises:
        BudgetError: no plan keeps the limits of cells and of periods together.
    """
    weeks = FlightWeeks.of(frame, problem.cells, config.period_weeks)
    space = FlightSpace.of(weeks, problem, config, start)
    unit = weeks.unit[:, None]
    given = np.where(unit > 0, np.divide(start[:, None], unit, where=unit > 0, out=np.ones_like(unit)), 1.0)
    given = np.where(weeks.planned > 0, given, 1.0)
    first = _nearest(space, given, config)
    few, many = (FlightOutcome(frame, weeks, draws, wear or {}) for draws in _draws(frame))
    rough = 0.2 * tolerance
    if many.is_concave:
        found = ascend(few, space, first, 10 * rough, _MOST_ROUNDS, True)
        found, bound = _proven(many, space, found.factors, tolerance)
    else:
        above = ascend(_above(few, space), space, first, 10 * rough, _MOST_ROUNDS, True)
        above, bound = _proven(_above(many, space), space, above.factors, tolerance)
        found = _searched(few, many, space, [first, above.factors], tolerance)
    factors, value = _better(many, space, found, first)
    return FlightedPlan(weeks.spend(factors), value, max(bound, value))


def _draws(frame: PlanningFrame) -> tuple[slice, slice]:
    """Every k-th draw: for the first search, and for plan and proof."""
    n_draws = frame.posterior.n_draws
    kept = max(_FEWEST_DRAWS, _MOST_EVALUATIONS // frame.posterior.data.media.size)
    few, many = (slice(None, None, max(1, -(-n_draws // most))) for most in (_FIRST_DRAWS, kept))
    return few, many


def _above(outcome: FlightOutcome, space: FlightSpace) -> Function:
    """The concave function above the outcome."""

    def above(factors: FloatArray, order: int) -> Outcome:
        return outcome(factors, order, space.range)

    return above


def _nearest(space: FlightSpace, given: FloatArray, config: FlightingConfig) -> FloatArray:
    """The plan itself where it is allowed, otherwise the allowed one nearest to it."""
    if space.violation(given) <= _ALLOWED:
        return given
    vertex = space.best(np.zeros_like(given))
    if vertex is None:
        raise BudgetError(
            "No flighting keeps the limits of optimization.flighting (period_weeks "
            f"{config.period_weeks}, max_change {config.max_change:g}, min_period_share "
            f"{config.min_period_share:g}, max_period_share {config.max_period_share}) and of "
            "optimization.platform_constraints together; widen max_change or the shares of periods, or the limits."
        )
    blocks = np.broadcast_to(np.eye(given.shape[1]), (*given.shape, given.shape[1])).copy()
    nearest = QuadraticStep(space).best(given, np.zeros_like(given) + 1e-12, blocks, 1e-10)
    return nearest if space.violation(nearest) <= _ALLOWED else vertex


def _proven(function: Function, space: FlightSpace, start: FloatArray, tolerance: float) -> tuple[Ascent, float]:
    """The best plan of a concave function, and the bound of its tangent, which closes as the plan gets there."""
    accuracy = tolerance * _FIRST_ACCURACY
    while True:
        found = ascend(function, space, start, accuracy, _POLISHING_ROUNDS, True)
        bound = bound_from(function, space, found)
        accuracy *= _SHARPER
        if bound - found.outcome.total <= 0.5 * tolerance * abs(bound) or accuracy < tolerance * _LAST_ACCURACY:
            return found, bound
        start = found.factors


def _searched(
    few: FlightOutcome,
    many: FlightOutcome,
    space: FlightSpace,
    starts: list[FloatArray],
    tolerance: float,
) -> Ascent:
    """The best of several ascents, on few draws, then on all."""
    starts = [*starts, *(best_patterns(few, space, start) for start in starts), *_corners(space)]
    ends = [ascend(few, space, start, tolerance, _MOST_ROUNDS, False) for start in starts]
    best = max(ends, key=lambda end: end.outcome.total)
    for _ in range(_SEARCHES):
        pattern = best_patterns(few, space, best.factors)
        again = ascend(few, space, pattern, tolerance, _MOST_ROUNDS, False)
        if not again.outcome.total > best.outcome.total * (1 + _SAME):
            break
        best = again
    best = _kicked(few, space, best, tolerance)
    return ascend(many, space, best.factors, 0.2 * tolerance, _POLISHING_ROUNDS, False)


def _kicked(few: FlightOutcome, space: FlightSpace, best: Ascent, tolerance: float) -> Ascent:
    """The same after single periods were moved to their limits and everything else followed; in small problems."""
    left = min(_MOST_KICKS, _MOST_KICKED // best.factors.size)
    while left > 0:
        better = None
        for plan in kicks(few, space, best.factors, left):
            left -= 1
            again = ascend(few, space, plan, tolerance, _MOST_ROUNDS, False)
            if again.outcome.total > best.outcome.total * (1 + _SAME):
                better = again
                break
        if better is None:
            break
        best = better
    return best


def _corners(space: FlightSpace) -> Iterator[FloatArray]:
    """Allowed plans far apart, which split the money between cells in other ways."""
    rng = np.random.default_rng(_SEED)
    for _ in range(_CORNERS if space.lower.size <= _MOST_KICKED else 1):
        corner = space.best(rng.normal(size=space.lower.shape) * space.weeks.planned)
        if corner is not None:
            yield corner


def _better(
    outcome: Callable[[FloatArray, int], Outcome], space: FlightSpace, found: Ascent, first: FloatArray
) -> tuple[FloatArray, float]:
    """The plan that was found, put within its limits exactly, or the first one, whichever brings more."""
    factors = space.clipped(found.factors)
    value, before = outcome(factors, 0).total, outcome(first, 0).total
    return (factors, value) if value >= before else (first, before)
