"""What knowing a test's result is worth for the split of the budget over channels.

The plan that is best now is compared with the plan that would be best after each of several equally likely
results, both judged by the curves after that result:

    value of information = mean_y max_x f_y(x) - max_x mean_y f_y(x) >= 0,    f_y(x) = E[outcome(x) | y]

(Raiffa and Schlaifer 1961: expected value of sample information), x over the best plans now and after each result,
so that what the solver leaves open does not count as gain.  `E[. | y]` is the linear update of the draws of
the response curves (`preposterior.linear_weights`).  It is about the current total budget of the fit window, split
over channels within the limits of every channel and of groups; limits of geos, audience overlap and careful
objectives are left aside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.config.optimization import OptimizationConfig, PlatformConstraintsConfig
from mmm_core.errors import BudgetError
from mmm_core.experiment_planning.preposterior import linear_weights, simulated_results
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.basis import basis_of
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.problem import budget_problem
from mmm_core.optimization.response import CellResponse, OutcomeModel, cell_responses, objective_draws
from mmm_core.optimization.solver import SpendingProblem, allocate
from mmm_core.planning.frame import fit_window

_RESULTS = 16
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Decision:
    """The budget decision that tests may change."""

    responses: Sequence[CellResponse]
    """Per paid channel, outcome by spend, per draw."""
    problem: SpendingProblem
    draws: slice
    """Which draws the responses have."""
    years: float
    """Length of the window in years of 52 weeks."""

    @classmethod
    def of(cls, posterior: Posterior, config: OptimizationConfig) -> "Decision":
        """The current budget of the fit window.

        Raises:
            BudgetError: nothing is spent, a name is unknown, or limits contradict each other.
        """
        basis = basis_of(fit_window(posterior))
        cells = Cells.of(basis, False)
        limits = _of_channels(config.platform_constraints)
        problem = budget_problem("value of tests", cells, float(cells.spend.sum()), limits)
        model = OutcomeModel(basis, config.creative_fatigue)
        least, most = np.minimum(problem.lower, cells.spend), np.maximum(problem.upper, cells.spend)
        responses = cell_responses(model, cells, least, most)
        years = len(posterior.data.dates) / 52
        return cls(responses, problem.spending(), objective_draws(posterior), years)

    def value_of_information(self, effect: FloatArray, se: float, seed: int) -> float:
        """Expected gain in outcome per year from choosing the plan after a test instead of now; >= 0.

        Args:
            effect: (S,) draws of what the test measures, one per draw of the posterior.
            se: its standard error, > 0.
            seed: of the results.
        """
        if (self.problem.upper <= self.problem.lower).all():
            return 0.0
        effect = effect[self.draws]
        now = self._best(np.full(len(effect), 1 / len(effect)), ())
        results = simulated_results(effect, se, _RESULTS, seed)
        after = linear_weights(results, effect, se)
        plans = np.stack([now, *(self._best(weights, (now,)) for weights in after)])
        values = after @ self._outcomes(plans).T
        return max(0.0, float(values.max(axis=1).mean() - values.mean(axis=0).max())) / self.years

    def _best(self, weights: FloatArray, starts: Sequence[FloatArray]) -> FloatArray:
        curves = [response.weighted(weights) for response in self.responses]
        found = allocate(curves, self.problem, _TOLERANCE, starts)
        if found is None:
            raise BudgetError(
                "The value of tests: no plan keeps all limits of optimization.platform_constraints; widen them."
            )
        return found.spend

    def _outcomes(self, plans: FloatArray) -> FloatArray:
        """(P, S) outcome of each draw under (P, N) plans."""
        total = np.zeros((len(plans), self.responses[0].draws.shape[1]))
        for response, spend in zip(self.responses, plans.T, strict=True):
            total += response.at(spend)
        return total


def _of_channels(limits: PlatformConstraintsConfig) -> PlatformConstraintsConfig:
    """The limits without those of geos."""
    fixed = tuple(name for name in limits.fixed if "@" not in name)
    return limits.model_copy(update={"geos": {}, "min_geo_share": 0.0, "fixed": fixed})
