"""The plan of each scenario, judged on all draws."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.config.optimization import OptimizationConfig
from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.basis import Basis
from mmm_core.optimization.flight_media import flighted_media, flighted_outcomes
from mmm_core.optimization.flight_weeks import FlightWeeks
from mmm_core.optimization.flighting import FlightedPlan
from mmm_core.optimization.judging import plan_outcomes
from mmm_core.optimization.objectives import rescaled
from mmm_core.optimization.response import OutcomeModel
from mmm_core.optimization.solving import Solved


@dataclass(frozen=True)
class Plan:
    """What is recommended in a scenario.  G geos, M paid channels, T weeks, S draws."""

    solved: Solved
    """With the plan that is recommended: the one that was found, or the current one scaled."""
    spend: FloatArray
    """(G, M) money."""
    weekly: FloatArray
    """(G, M) money of a week: average of the weeks that have any; where money moves between weeks, the most."""
    media: FloatArray
    """(G, T, M) media of the weeks of the plan."""
    outcome: FloatArray
    """(S,) of all paid media."""
    scaled: FloatArray
    """(S,) of the current plan scaled to the same total."""
    means: FloatArray
    """(G, M) mean outcomes."""

    @property
    def total(self) -> float:
        """Money of all cells."""
        flight = self.solved.flight
        return float((self.solved.found.spend if flight is None else flight.spend).sum())


@dataclass(frozen=True)
class Judged:
    """All plans over the same draws."""

    outcome: FloatArray
    """(S,) of the current plan."""
    means: FloatArray
    """(G, M) of the current plan."""
    plans: tuple[Plan, ...]


def judged(model: OutcomeModel, solved: Sequence[Solved], config: OptimizationConfig) -> Judged:
    """What each plan brings, beside the current one and the current one scaled to the same total.

    Plans are found on curves of thinned draws; if all draws say that the scaled current plan brings more, and it
    is allowed, that is recommended (`objective: roas`, money staying in its weeks).
    """
    first = solved[0].problem.cells
    factors = [first.factors(first.spend)]
    for one in solved:
        cells = one.problem.cells
        scaled = cells.spend * (float(one.found.spend.sum()) / float(cells.spend.sum()))
        factors += [cells.factors(scaled), cells.factors(one.found.spend)]
    by_geo = [False, *(one.problem.cells.by_geo for one in solved for _ in range(2))]
    totals, means = plan_outcomes(model, np.stack(factors), config.audience_overlap, by_geo)
    plans = []
    for index, one in enumerate(solved):
        alike, own = 2 * index + 1, 2 * index + 2
        if one.flight is not None:
            plans.append(_in_weeks(model, one, one.flight, totals[alike]))
        elif _scaled_is_better(one, totals[alike], totals[own]):
            held = replace(one, found=rescaled(one.responses, one.problem, one.found, one.pairs))
            plans.append(_plan(model.basis, held, factors[alike], totals[alike], totals[alike], means[alike]))
        else:
            plans.append(_plan(model.basis, one, factors[own], totals[own], totals[alike], means[own]))
    return Judged(totals[0], means[0], tuple(plans))


def _scaled_is_better(one: Solved, scaled: FloatArray, found: FloatArray) -> bool:
    by_mean = one.request.goal.objective == "roas" and one.problem.proportional_is_feasible
    return by_mean and float(found.mean()) < float(scaled.mean())


def _plan(
    basis: Basis, one: Solved, factors: FloatArray, outcome: FloatArray, scaled: FloatArray, means: FloatArray
) -> Plan:
    """With one factor for all weeks."""
    data, n_weeks, n_paid = basis.frame.posterior.data, basis.frame.n_weeks, factors.shape[1]
    with_money = (data.spend[:, :n_weeks, :n_paid] > 0).sum(axis=1)
    weeks = np.where(basis.idle, data.present[:, :n_weeks].sum(axis=1)[:, None], with_money).clip(min=1)
    spend, media = basis.money * factors, data.media[:, :n_weeks, :n_paid] * factors[:, None]
    return Plan(one, spend, spend / weeks, media, outcome, scaled, means)


def _in_weeks(model: OutcomeModel, one: Solved, flight: FlightedPlan, scaled: FloatArray) -> Plan:
    """With factors of every week."""
    frame, cells = model.basis.frame, one.problem.cells
    weeks = FlightWeeks.of(frame, cells, 1)
    money = weeks.by_geo(weeks.factors(flight.spend))
    media = flighted_media(frame, cells, flight.spend)[:, : frame.n_weeks, : len(cells.channels)]
    outcome, means = flighted_outcomes(frame, cells, flight.spend, model.wear)
    return Plan(one, money.sum(axis=1), money.max(axis=1), media, outcome, scaled, means)
