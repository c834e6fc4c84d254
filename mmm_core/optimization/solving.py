"""Scenarios as problems, and their plans on curves that are computed once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.config.optimization import FlightingConfig, Objective, OptimizationConfig
from mmm_core.errors import BudgetError
from mmm_core.optimization.basis import Basis
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.flighting import FlightedPlan, flighted
from mmm_core.optimization.limits import contradiction
from mmm_core.optimization.objectives import Recommendation, recommend
from mmm_core.optimization.overlap import OverlapPair, largest_spends, overlap_pairs
from mmm_core.optimization.problem import BudgetProblem, budget_problem
from mmm_core.optimization.response import CellResponse, OutcomeModel, cell_responses
from mmm_core.optimization.scenarios import ScenarioRequest

_FLIGHTED: tuple[Objective, ...] = ("roas", "kpi", "profit")
"""Objectives for which money moves between cells and weeks at once; others keep the money of each cell."""


@dataclass(frozen=True)
class Solved:
    """A scenario and the best plan for it."""

    request: ScenarioRequest
    problem: BudgetProblem
    found: Recommendation
    responses: Sequence[CellResponse]
    pairs: Sequence[OverlapPair] = ()
    """Cells whose audiences overlap."""
    flight: FlightedPlan | None = None
    """The plan with money moved between weeks too, where `optimization.flighting` asks for it."""


def problem_of(basis: Basis, request: ScenarioRequest) -> BudgetProblem:
    """What a scenario's budget must obey.

    Raises:
        BudgetError: as `budget_problem`, with what a preset has changed.
    """
    return problem_for(Cells.of(basis, request.allocation == "geo_channel"), request)


def problem_for(cells: Cells, request: ScenarioRequest) -> BudgetProblem:
    """The same for given cells.

    Raises:
        BudgetError: as `budget_problem`, with what a preset has changed.
    """
    total = request.total(float(cells.spend.sum()))
    try:
        return budget_problem(request.name, cells, total, request.constraints, request.budget_range)
    except BudgetError as error:
        if not request.preset:
            raise
        raise BudgetError(f"{error} {request.preset}") from error


def solve_all(
    model: OutcomeModel,
    requests: Sequence[ScenarioRequest],
    problems: Sequence[BudgetProblem],
    config: OptimizationConfig,
) -> list[Solved]:
    """The best plans; responses are computed once for all scenarios with the same cells and unit of outcome.

    Raises:
        BudgetError: a target cannot be reached, steps of money leave no plan, no plan is within what overlapping
            audiences can be computed for, or money is to move between weeks where it cannot.
    """
    for request in requests:
        _refuse_flighting(request, config)
    pairs = [overlap_pairs(problem.cells, config.audience_overlap) for problem in problems]
    kinds = [
        (problem.cells.by_geo, request.goal.objective == "kpi")
        for request, problem in zip(requests, problems, strict=True)
    ]
    responses = {}
    for kind in dict.fromkeys(kinds):
        same = [problem for problem, other in zip(problems, kinds, strict=True) if other == kind]
        cells = same[0].cells
        lower = np.min([cells.spend, *(problem.lower for problem in same)], axis=0)
        upper = np.max([cells.spend, *(problem.upper for problem in same)], axis=0)
        responses[kind] = cell_responses(model.in_kpi if kind[1] else model, cells, lower, upper)
    found = []
    for request, problem, kind, overlaps in zip(requests, problems, kinds, pairs, strict=True):
        problem = _within_overlap(request.name, problem, responses[kind], overlaps)
        plan = recommend(request.name, responses[kind], problem, request.goal, overlaps)
        flight = None
        if config.flighting is not None:
            flight = _flighted(model.in_kpi if kind[1] else model, request, problem, plan, config.flighting)
        found.append(Solved(request, problem, plan, responses[kind], overlaps, flight))
    return found


def _within_overlap(
    scenario: str, problem: BudgetProblem, responses: Sequence[CellResponse], pairs: Sequence[OverlapPair]
) -> BudgetProblem:
    """The problem with cells of overlapping audiences kept to spends for which the overlap can be computed.

    Raises:
        BudgetError: the limits leave no plan then; names the pair and its share.
    """
    if not pairs:
        return problem
    curves = [response.mean for response in responses]
    outcome = zip(curves, problem.cells.spend, strict=True)
    now = np.array([float(curve(np.array([money]))[0]) for curve, money in outcome])
    most = largest_spends(curves, now, pairs, problem.lower, problem.upper)
    changed = most < problem.upper
    if not changed.any():
        return problem
    upper = np.where(changed, most, problem.upper)
    if problem.step is not None:
        upper = np.where(changed, np.floor(most / problem.step) * problem.step, upper)
    if (upper < problem.lower).any() or contradiction(problem.limits, problem.lower, upper) is not None:
        worst = max(
            (pair for pair in pairs if changed[[pair.first, pair.second]].any()), key=lambda one: one.share
        )
        one, other = (problem.cells.names[cell] for cell in (worst.first, worst.second))
        raise BudgetError(
            f"Scenario {scenario}: the limits leave no plan for which the overlap of {one} and {other} "
            f"(optimization.audience_overlap, share {worst.share:g}) can be computed: neither may bring more than "
            f"about {1 / worst.share:.3g} times today's outcome. State a smaller share, or plan a smaller budget "
            "or wider limits of other channels."
        )
    return replace(problem, upper=upper)


def _refuse_flighting(request: ScenarioRequest, config: OptimizationConfig) -> None:
    if config.flighting is None:
        return
    if config.audience_overlap:
        raise BudgetError(
            "optimization.flighting and optimization.audience_overlap are both set, but overlap is of whole "
            "plans, not of weeks; remove one of them."
        )


def _flighted(
    model: OutcomeModel,
    request: ScenarioRequest,
    problem: BudgetProblem,
    plan: Recommendation,
    config: FlightingConfig,
) -> FlightedPlan:
    """Money of cells and weeks; where the total is flexible, it is the one that is best without moving weeks.

    Objectives other than those of the mean keep the money that each cell was recommended: only weeks change.
    """
    if request.goal.objective not in _FLIGHTED:
        problem = replace(problem, lower=plan.spend, upper=plan.spend)
    try:
        return flighted(model.basis.frame, problem, config, request.goal.tolerance, plan.spend, model.wear)
    except BudgetError as error:
        raise BudgetError(f"Scenario {request.name}: {error}") from error
