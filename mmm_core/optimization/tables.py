"""Tables of what was recommended."""

import math
from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.optimization.objectives import Recommendation
from mmm_core.optimization.problem import BudgetProblem
from mmm_core.optimization.response import CellResponse
from mmm_core.optimization.scenarios import probability_above

SHADOW_COLUMNS = ("scenario", "limit", "low", "high", "spend", "binding", "shadow_price")
_COMPARISON_COLUMNS = (
    *("scenario", "other", "difference_mean", "difference_q05", "difference_q95", "probability_better"),
)
_FRONTIER_COLUMNS = ("change", "budget", "outcome_mean", "outcome_q05", "outcome_q95", "roi", "shadow_price")
_AT_BOUND = 1e-6
"""Part of the total within which a spend counts as at its bound."""


def plan_table(cells: Cells, plans: Mapping[str, tuple[FloatArray, FloatArray, FloatArray]]) -> pd.DataFrame:
    """One row per scenario, geo and channel.

    Args:
        cells: names and current spend.
        plans: scenario -> (G, M) spend, current mean outcome, mean outcome.
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
            "current_outcome": of_all(1),
            "optimal_outcome": of_all(2),
        }
    )


def shadow_prices(
    scenario: str, problem: BudgetProblem, found: Recommendation, responses: Sequence[CellResponse]
) -> pd.DataFrame:
    """One row per limit on a sum and per bound of a cell: what one more unit of money of it would bring.

    A limit that does not bind has the price 0; a low end that binds has a negative price, what raising it costs.
    """
    slack = _AT_BOUND * problem.total
    rows: list[tuple[object, ...]] = []
    prices = np.full(len(found.spend), found.cost)
    for limit, price in zip(problem.limits, found.multipliers.tolist(), strict=True):
        prices[limit.cells] += price
        spend = float(found.spend[limit.cells].sum())
        rows.append((scenario, limit.name, *_row(limit.low, limit.high, spend, price, slack)))
    for cell, response in enumerate(responses):
        spend, low, high = (float(values[cell]) for values in (found.spend, problem.lower, problem.upper))
        price = float(response.mean.slope(np.array([spend]))[0] - prices[cell])
        rows.append((scenario, problem.cells.names[cell], *_row(low, high, spend, price, slack)))
    return pd.DataFrame(rows, columns=list(SHADOW_COLUMNS))


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


def frontier_table(points: Sequence[tuple[float, Recommendation]], outcomes: FloatArray) -> pd.DataFrame:
    """Best outcome by budget, with its central 90 % interval.

    Args:
        points: relative change of the budget and its plan.
        outcomes: (P, S) outcomes of these plans.
    """
    rows = []
    for (change, found), draws in zip(points, outcomes, strict=True):
        budget, mean = float(found.spend.sum()), float(draws.mean())
        low, high = np.quantile(draws, (0.05, 0.95))
        rows.append((change, budget, mean, float(low), float(high), mean / budget, float(found.multipliers[0])))
    return pd.DataFrame(rows, columns=list(_FRONTIER_COLUMNS)).sort_values("budget", ignore_index=True)


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows that JSON can hold: what is not a finite number is None."""
    return [
        {
            str(key): value if not isinstance(value, float) or math.isfinite(value) else None
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]
