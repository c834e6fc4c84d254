"""Linear programmes, with prices of their constraints (HiGHS, through SciPy)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm_core.features.model_data import FloatArray

_OPTIONS = {"presolve": False, "primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""Without presolve: our programmes have many columns and few rows, where it takes 50 times as long as solving."""
_EQUAL = 1e-13
_NOTHING = 1e-10
"""By how much a limit may be missed where there is nothing to choose: the solver's own tolerance."""


@dataclass(frozen=True)
class Optimum:
    """Solution of a linear programme that maximises."""

    x: FloatArray
    """(V,) variables."""
    value: float
    """The largest gain."""
    prices: FloatArray
    """(R,) gain from one more unit of each row's limit: >= 0 where its high end binds, <= 0 where its low end."""
    at_lower: FloatArray
    """(V,) the same for the variables' lower bounds, <= 0."""
    at_upper: FloatArray
    """(V,) and for their upper bounds, >= 0."""


def maximise(
    gain: FloatArray, rows: Any, low: FloatArray, high: FloatArray, lower: FloatArray, upper: FloatArray
) -> Optimum | None:
    """The x with the largest `gain @ x`, `low <= rows @ x <= high`, `lower <= x <= upper`; None if there is none.

    Args:
        gain: (V,) gain per unit of each variable.
        rows: (R, V) sparse matrix.
        low: (R,) may be minus infinity.
        high: (R,) may be infinite.
        lower: (V,) may be minus infinity.
        upper: (V,) may be infinite.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, vstack

    if not len(gain):
        kept = bool((low <= _NOTHING).all() and (high >= -_NOTHING).all())
        return Optimum(gain, 0.0, np.zeros(len(low)), gain, gain) if kept else None
    solve: Any = linprog
    rows = csr_matrix(rows)
    finite = np.isfinite(low) & np.isfinite(high)
    equal = np.zeros(len(low), dtype=bool)
    equal[finite] = (high - low)[finite] <= _EQUAL * np.maximum(1.0, np.abs(high[finite]))
    above, below = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    found = solve(
        -gain,
        A_ub=vstack([rows[above], -rows[below]], format="csr"),
        b_ub=np.concatenate([high[above], -low[below]]),
        A_eq=rows[equal],
        b_eq=high[equal],
        bounds=np.stack([lower, upper], axis=1),
        method="highs",
        options=_OPTIONS,
    )
    if found.status != 0:
        return None
    prices, n_above = np.zeros(len(low)), int(above.sum())
    prices[above] -= found.ineqlin.marginals[:n_above]
    prices[below] += found.ineqlin.marginals[n_above:]
    prices[equal] = -found.eqlin.marginals
    return Optimum(found.x, -float(found.fun), prices, -found.lower.marginals, -found.upper.marginals)
