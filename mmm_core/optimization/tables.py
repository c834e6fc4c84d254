"""Tables of what was recommended."""

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.objectives import Recommendation
from mmm_core.optimization.problem import BudgetProblem
from mmm_core.optimization.recommended import Plan
from mmm_core.optimization.scenarios import probability_above

SHADOW_COLUMNS = ("scenario", "limit", "low", "high", "spend", "binding", "shadow_price", "unit")
_COMPARISON_COLUMNS = (
    *("scenario", "other", "difference_mean", "difference_q05", "difference_q95", "probability_better"),
)
_FRONTIER_COLUMNS = (
    *(
        "change",
        "budget",
        "outcome_mean",
        "outcome_q05",
        "outcome_q95",
        "roi",
        "shadow_price",
        "shadow_price_unit",
    ),
)
_ROUND_OFF = 1e-9
_AT_BOUND = 1e-6
"""Part of the total within which a spend counts as at its bound."""


def plan_table(
    cells: Cells,
    plans: Mapping[str, tuple[FloatArray, FloatArray, FloatArray, FloatArray]],
    largest: FloatArray,
) -> pd.DataFrame:
    """One row per scenario, geo and channel.

    A recommendation is `extrapolated` where its spend of a week is more than the channel had in any week of that
    geo: there the response curve is the model's, not the data's.

    Args:
        cells: names and current spend.
        plans: scenario -> (G, M) spend, spend of a week, current mean outcome, mean outcome.
        largest: (G, M) most money that a week ever had.
    """
    n_scenarios, (n_geos, n_channels) = len(plans), cells.current.shape

    def of_all(part: int) -> FloatArray:
        return np.array([plan[part] for plan in plans.values()], dtype=np.float64).ravel()

    return pd.DataFrame(
        {
            "scenario": np.repeat(np.array(list(plans), dtype=object), n_geos * n_channels),
            "geo": np.tile(np.repeat(np.array(cells.geos, dtype=object), n_channels), n_scenarios),
            "channel": np.tile(np.array(cells.channels, dtype=object), n_scenarios * n_geos),
            "current_spend": np.tile(cells.current.ravel(), n_scenarios),
            "optimal_spend": of_all(0),
            "current_outcome": of_all(2),
            "optimal_outcome": of_all(3),
            "extrapolated": of_all(1) > np.tile(largest.ravel(), n_scenarios) * (1 + _ROUND_OFF),
        }
    )


def shadow_prices(scenario: str, problem: BudgetProblem, found: Recommendation, unit: str) -> pd.DataFrame:
    """One row per limit on a sum and per bound of a cell: what one more unit of money of it would bring.

    A limit that does not bind has the price 0; a low end that binds has a negative price, what raising it costs.

    Args:
        scenario: its name.
        problem: limits and bounds.
        found: the plan.
        unit: of the objective.
    """
    slack = _AT_BOUND * problem.total
    rows: list[tuple[object, ...]] = []
    prices = np.full(len(found.spend), found.cost)
    for limit, price in zip(problem.limits, found.multipliers.tolist(), strict=True):
        prices[limit.cells] += price
        spend = float(found.spend[limit.cells].sum())
        rows.append((scenario, limit.name, *_row(limit.low, limit.high, spend, price, slack), unit))
    for cell, name in enumerate(_cell_names(problem)):
        spend, low, high = (float(values[cell]) for values in (found.spend, problem.lower, problem.upper))
        price = float(found.slopes[cell] - prices[cell])
        rows.append((scenario, name, *_row(low, high, spend, price, slack), unit))
    return pd.DataFrame(rows, columns=list(SHADOW_COLUMNS))


def _cell_names(problem: BudgetProblem) -> list[str]:
    """(N,) what the rows of cells are called: a cell that has the name of a limit is `cell NAME`."""
    taken = {limit.name for limit in problem.limits}
    found: list[str] = []
    for name in problem.cells.names:
        while name in taken:
            name = f"cell {name}"
        taken.add(name)
        found.append(name)
    return found


def _row(low: float, high: float, spend: float, price: float, slack: float) -> tuple[object, ...]:
    at_low, at_high = spend <= low + slack, spend >= high - slack
    binding = "high" if at_high and (price >= 0 or not at_low) else "low" if at_low else ""
    return low, high, spend, binding, price if binding else 0.0


def comparison_table(outcomes: Mapping[str, FloatArray]) -> pd.DataFrame:
    """How sure we are that one scenario brings more than another, for all ordered pairs.

    Args:
        outcomes: scenario -> (S,) outcomes.
    """
    rows = []
    for one, other in permutations(outcomes, 2):
        difference = outcomes[one] - outcomes[other]
        low, high = np.quantile(difference, (0.05, 0.95))
        probability = probability_above(outcomes[one], outcomes[other])
        rows.append((one, other, float(difference.mean()), float(low), float(high), probability))
    return pd.DataFrame(rows, columns=list(_COMPARISON_COLUMNS))


def frontier_table(plans: Sequence[Plan], unit: str) -> pd.DataFrame:
    """Best outcome by budget, with its central 90 % interval.

    Args:
        plans: of the frontier.
        unit: of the shadow prices of the total.
    """
    rows = []
    for plan in plans:
        budget, mean = plan.total, float(plan.outcome.mean())
        low, high = np.quantile(plan.outcome, (0.05, 0.95))
        price, change = float(plan.solved.found.multipliers[0]), plan.solved.request.change
        rows.append((change, budget, mean, float(low), float(high), mean / budget, price, unit))
    return pd.DataFrame(rows, columns=list(_FRONTIER_COLUMNS)).sort_values("budget", ignore_index=True)
