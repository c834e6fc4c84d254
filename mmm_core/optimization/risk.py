"""Plans that are best for a measure of all draws, which no sum over cells can express.

A bundle method (Kelley 1960, with a trust region): the measure is linearised at every plan visited, the linear
programme over these cuts proposes the next plan, and the region shrinks where the model was wrong.  It starts
from the plan with the largest mean, from those of other weights of the draws, from the current one, and from the
best of many plans all over what is allowed.

For concave measures the weights w of the last linear programme prove a bound: no plan exceeds the optimum of
the separable problem with the curves `w @ draws`, and that optimum is bounded by `solver.allocate`.  Its plan is
the next start.  For other measures there is no proof, and the best of all starts is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.limits import limit_rows
from mmm_core.optimization.linear import maximise
from mmm_core.optimization.measures import Measure
from mmm_core.optimization.overlap import OverlapPair, loss_slopes, overlap_loss
from mmm_core.optimization.response import CellResponse
from mmm_core.optimization.solver import Allocation, SpendingProblem, allocate

_MOST_STEPS = 80
_MOST_CUTS = 40
_FIRST_REACH, _LAST_REACH = 0.25, 1e-5
"""Size of the trust region, relative to the cells' ranges."""
_MOST_PROOFS = 6
_MANY_CELLS = 100
_SCATTERED, _MOST_STARTS, _SEED = 500, 4, 1
"""Plans tried all over what is allowed, how many of them are climbed from, and the seed."""
_NEARNESS = (1.0, 0.3, 0.1, 0.03)
"""Parts of the way from the best plan to them that are tried, one after the other."""


@dataclass(frozen=True)
class CarefulPlan:
    """The best plan found."""

    spend: FloatArray
    """(N,) money per cell."""
    value: float
    """Of the measure."""
    bound: float | None
    """No allowed plan has a larger value; None where the measure is not concave, or audiences overlap."""
    multipliers: FloatArray
    """(R,) shadow prices of the limits, for these weights."""
    weights: FloatArray
    """(S,) gradient of the measure with respect to the draws at the plan; where it has a kink, the mixture of
    gradients around it that the prices belong to."""


@dataclass(frozen=True)
class DrawnOutcomes:
    """Outcome of all cells together in every draw, less what overlapping audiences lose."""

    responses: Sequence[CellResponse]
    current: FloatArray
    """(N,) current spend."""
    pairs: Sequence[OverlapPair] = ()

    def outcome(self, spend: FloatArray) -> FloatArray:
        """(S,) outcome of a plan."""
        if self.pairs:
            cells = self._by_cell(spend)
            return np.asarray(cells.sum(axis=1) - overlap_loss(cells, self._now, self.pairs))
        total = np.zeros(self.responses[0].draws.shape[1])
        for response, money in zip(self.responses, spend.tolist(), strict=True):
            total += response.at(money)
        return total

    def outcomes(self, plans: FloatArray) -> FloatArray:
        """(P, S) of (P, N) plans."""
        if self.pairs:
            return np.stack([self.outcome(plan) for plan in plans])
        total = np.zeros((len(plans), self.responses[0].draws.shape[1]))
        for response, money in zip(self.responses, plans.T, strict=True):
            total += response.at(money)
        return total

    def gradient(self, spend: FloatArray, weights: FloatArray) -> FloatArray:
        """(N,) change of the weighted sum of the draws per unit of money in each cell."""
        plan = list(zip(self.responses, spend.tolist(), strict=True))
        if not self.pairs:
            return np.array([response.slope_at(money) @ weights for response, money in plan])
        kept = weights[:, None] * (1 - loss_slopes(self._by_cell(spend), self._now, self.pairs))
        return np.array(
            [response.slope_at(money) @ of for (response, money), of in zip(plan, kept.T, strict=True)]
        )

    def _by_cell(self, spend: FloatArray) -> FloatArray:
        plan = zip(self.responses, spend.tolist(), strict=True)
        return np.stack([response.at(money) for response, money in plan], axis=1)

    @cached_property
    def _now(self) -> FloatArray:
        """(S, N)"""
        return self._by_cell(self.current)


@dataclass(frozen=True)
class _Cut:
    """The measure, linearised."""

    at: FloatArray
    value: float
    gradient: FloatArray
    weights: FloatArray

    def height(self, spend: FloatArray) -> float:
        return float(self.value + self.gradient @ (spend - self.at))


def careful_plan(
    draws: DrawnOutcomes,
    problem: SpendingProblem,
    measure: Measure,
    tolerance: float,
    starts: Sequence[FloatArray] = (),
) -> CarefulPlan | None:
    """The plan with the largest measure of its draws, or None if the limits cannot be met.

    Args:
        draws: of N cells.
        problem: bounds and limits.
        measure: what is maximised.
        tolerance: relative gap between bound and value that is aimed at.
        starts: (N,) plans to start from as well; those that are not allowed are not looked at.
    """
    return _Climb(draws, problem, measure, tolerance).run(starts)


class _Climb:
    def __init__(
        self,
        draws: DrawnOutcomes,
        problem: SpendingProblem,
        measure: Measure,
        tolerance: float,
    ) -> None:
        self._draws, self._responses, self._problem, self._measure = draws, draws.responses, problem, measure
        self._tolerance = tolerance
        self._is_bounded = measure.is_concave and not draws.pairs
        self._best: _Cut | None = None
        self._bound = np.inf
        self._multipliers = np.zeros(len(problem.limits))
        self._rows = limit_rows(problem.limits, len(draws.responses))

    def run(self, starts: Sequence[FloatArray]) -> CarefulPlan | None:
        n_draws = self._responses[0].draws.shape[1]
        even = np.full(n_draws, 1 / n_draws)
        first = self._separable(even)
        if first is None:
            return None
        weights = self._climb(first.spend)
        for start in starts:
            if self._problem.allows(start) and self._problem.step is None:
                self._climb(start)
        proofs = 2 if len(self._responses) > _MANY_CELLS else _MOST_PROOFS
        for _ in range(proofs):
            if self._is_proven():
                break
            found = self._separable(weights)
            if found is None:
                break
            before = self._value
            weights = self._climb(found.spend) if self._measure.is_concave else self._mixed(found.spend, weights)
            if self._value <= before and self._best is not None:
                weights = 0.5 * (weights + self._best.weights)
        if not self._is_proven():
            self._search_widely()
        if self._best is None:
            return None
        weights = self._best.weights if self._problem.step is not None else self._climb(self._best.at)
        bound = max(self._bound, self._value) if self._is_bounded else None
        return CarefulPlan(self._best.at, self._value, bound, self._multipliers, weights)

    @property
    def _value(self) -> float:
        return -np.inf if self._best is None else self._best.value

    def _is_proven(self) -> bool:
        return self._bound - self._value <= self._tolerance * abs(self._value)

    def _mixed(self, start: FloatArray, weights: FloatArray) -> FloatArray:
        """Climb from a start; then weights between even ones and those at the best plan, as another start."""
        self._climb(start)
        best = weights if self._best is None else self._best.weights
        total = max(float(np.abs(best).sum()), 1e-300)
        return np.asarray(0.5 * best / total + 0.5 / len(best))

    def _search_widely(self) -> None:
        """Climb from the best of many plans all over what is allowed, then of plans ever nearer to the best."""
        plans = self._scattered()
        for near in _NEARNESS if len(plans) else ():
            best = plans[0] if self._best is None else self._best.at
            tried = best + near * (plans - best)
            values = [self._measure.value(outcome) for outcome in self._draws.outcomes(tried)]
            for index in np.argsort(values)[::-1][: _MOST_STARTS if near == 1 else 1]:
                self._climb(tried[index])

    def _scattered(self) -> FloatArray:
        """(P, N) mixtures of random corners of what is allowed; none where that would take too long."""
        problem, n_cells = self._problem, len(self._responses)
        if n_cells > _MANY_CELLS or problem.step is not None:
            return np.zeros((0, n_cells))
        rng = np.random.default_rng(_SEED)
        low, high = (np.array([getattr(limit, end) for limit in problem.limits]) for end in ("low", "high"))
        found = [
            maximise(gain, self._rows, low, high, problem.lower, problem.upper)
            for gain in rng.normal(size=(2 * n_cells + 4, n_cells))
        ]
        corners = np.array([one.x for one in found if one is not None])
        if not len(corners):
            return np.zeros((0, n_cells))
        return np.asarray(rng.dirichlet(np.full(len(corners), 0.2), _SCATTERED) @ corners)

    def _separable(self, weights: FloatArray) -> Allocation | None:
        """The best plan for fixed weights of the draws; proves a bound where the measure is concave."""
        curves = [response.weighted(weights) for response in self._responses]
        found = allocate(curves, self._problem, 0.1 * self._tolerance)
        if found is not None:
            if self._is_bounded:
                self._bound = min(self._bound, found.bound)
            before = self._value
            self._look(found.spend)
            if self._value > before:
                self._multipliers = found.multipliers
        return found

    def _look(self, spend: FloatArray) -> _Cut:
        """The measure and its gradient at a plan; kept if it is the best so far."""
        spend = np.clip(spend, self._problem.lower, self._problem.upper)
        outcome = self._draws.outcome(spend)
        weights = self._measure.weights(outcome)
        gradient = self._draws.gradient(spend, weights)
        cut = _Cut(spend, self._measure.value(outcome), gradient, weights)
        if cut.value > self._value:
            self._best = cut
        return cut

    def _climb(self, start: FloatArray) -> FloatArray:
        """Climb from a plan; (S,) weights of the draws at the end, mixed from the cuts that bind there."""
        here = self._look(start)
        if self._problem.step is not None:
            return here.weights
        cuts, reach, mixed = [here], _FIRST_REACH, here.weights
        most = 12 if len(start) > _MANY_CELLS else _MOST_STEPS
        for _ in range(most):
            proposed = self._proposal(cuts, here.at, reach)
            if proposed is None:
                break
            spend, height, mixed, self._multipliers = proposed
            hoped = height - here.value
            if hoped <= 1e-8 * abs(here.value):
                if reach <= 100 * _LAST_REACH or self._measure.is_concave:
                    break
                reach /= 4
                continue
            there = self._look(spend)
            gained = there.value - here.value
            cuts.append(there)
            if gained > 0:
                here = there
            reach = min(2 * reach, _FIRST_REACH) if gained > 0.5 * hoped else reach
            if gained <= 0.05 * hoped:
                reach /= 2
            if reach < _LAST_REACH:
                break
            cuts = [
                cut for cut in cuts[-_MOST_CUTS:] if cut.height(here.at) >= here.value - 1e-12 * abs(here.value)
            ]
            if not cuts or cuts[-1] is not here:
                cuts.append(here)
        return mixed

    def _proposal(
        self, cuts: Sequence[_Cut], here: FloatArray, reach: float
    ) -> tuple[FloatArray, float, FloatArray, FloatArray] | None:
        """Best plan for the cuts near here: plan, height, mixed weights, multipliers of the limits."""
        from scipy.sparse import csr_matrix, hstack, vstack

        problem, n_cuts = self._problem, len(cuts)
        width = problem.upper - problem.lower
        money = max(float(problem.upper.sum()), 1e-300)
        base = cuts[-1].value
        gradients = np.stack([cut.gradient for cut in cuts]) * money
        worth = max(abs(base), float(np.abs(gradients).max()), 1e-300)
        gradients = gradients / worth
        heights = np.array([cut.height(here) - base for cut in cuts]) / worth
        total = np.array([here[limit.cells].sum() for limit in problem.limits])
        low, high = (np.array([getattr(limit, end) for limit in problem.limits]) for end in ("low", "high"))
        under_cuts = hstack([csr_matrix(-gradients), csr_matrix(np.ones((n_cuts, 1)))])
        within_limits = hstack([self._rows, csr_matrix((len(problem.limits), 1))])
        found = maximise(
            np.append(np.zeros(len(here)), 1.0),
            vstack([under_cuts, within_limits]),
            np.append(np.full(n_cuts, -np.inf), np.minimum((low - total) / money, 0)),
            np.append(heights, np.maximum((high - total) / money, 0)),
            np.append(np.minimum(np.maximum(problem.lower - here, -reach * width) / money, 0), -np.inf),
            np.append(np.maximum(np.minimum(problem.upper - here, reach * width) / money, 0), np.inf),
        )
        if found is None:
            return None
        shares = found.prices[:n_cuts].clip(min=0)
        weights = np.stack([cut.weights for cut in cuts])
        return (
            here + found.x[:-1] * money,
            float(found.x[-1]) * worth + base,
            np.asarray(shares @ weights / shares.sum()),
            found.prices[n_cuts:] * worth / money,
        )
