"""Limits on sums of spend, and which of them contradict each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.linear import maximise

ROUND_OFF = 1e-9
"""Part of the total budget by which sums and bounds may disagree before a problem counts as infeasible."""
_PRICED = 1e-9
_SPARE = 1e-3
_OFF_STEP = 1e-6
"""Part of a step by which a limit may miss a whole one."""


@dataclass(frozen=True)
class SumLimit:
    """The spend of some cells together stays between two amounts."""

    name: str
    """What it is, for messages and for the table of shadow prices."""
    cells: NDArray[np.intp]
    """Indices of the cells."""
    low: float
    """Least money together."""
    high: float
    """Most money together; may be infinite."""

    def holds(self, spend: FloatArray, slack: float) -> bool:
        """Whether a plan keeps it, up to `slack` in money."""
        total = float(spend[self.cells].sum())
        return self.low - slack <= total <= self.high + slack


def binding_limits(limits: Sequence[SumLimit], lower: FloatArray, upper: FloatArray) -> list[int]:
    """Indices of the limits that the bounds of the cells do not already imply."""
    slack = ROUND_OFF * max(float(upper.sum()), 1e-300)
    return [
        index
        for index, limit in enumerate(limits)
        if lower[limit.cells].sum() < limit.low - slack or upper[limit.cells].sum() > limit.high + slack
    ]


def tightened(limits: Sequence[SumLimit], lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N,) bounds narrowed to what the limits leave if all other cells are at their bounds.

    A little wider than that, so that it is the limit that binds and has the price, and not the bound.
    """
    for limit in limits:
        of = limit.cells
        room = limit.high - lower[of].sum()
        need = limit.low - upper[of].sum()
        least, most = np.maximum(lower[of], upper[of] + need), np.minimum(upper[of], lower[of] + max(room, 0.0))
        least, most = np.minimum(least, upper[of]), np.maximum(most, lower[of])
        spare = _SPARE * (most - least).clip(min=0) + ROUND_OFF * np.abs(most)
        lower, upper = lower.copy(), upper.copy()
        lower[of], upper[of] = np.maximum(lower[of], least - spare), np.minimum(upper[of], most + spare)
    return np.minimum(lower, upper), upper


def on_steps(
    limits: Sequence[SumLimit], lower: FloatArray, upper: FloatArray, step: float
) -> tuple[SumLimit, ...]:
    """Limits narrowed to what whole steps of money can reach; cells whose bounds are equal keep what they have.

    No plan in whole steps is lost, and where every cell counts in two limits at most (a channel's and a geo's)
    the linear programme then ends on whole steps.
    """
    held = np.where(upper > lower, 0.0, lower)
    slack = _OFF_STEP + ROUND_OFF * max(float(upper.sum()), 1e-300) / step
    narrowed = []
    for limit in limits:
        base = float(held[limit.cells].sum())
        low = base + step * np.ceil((limit.low - base) / step - slack)
        high = base + step * np.floor((limit.high - base) / step + slack)
        narrowed.append(replace(limit, low=float(low), high=float(high)))
    return tuple(narrowed)


def limit_rows(limits: Sequence[SumLimit], n_cells: int) -> Any:
    """(R, N) sparse matrix: 1 where the limit counts the cell."""
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(limits)), [len(limit.cells) for limit in limits])
    columns = np.concatenate([limit.cells for limit in limits]) if limits else np.zeros(0, dtype=np.intp)
    return csr_matrix((np.ones(len(columns)), (rows, columns)), shape=(len(limits), n_cells))


def least_money(limits: Sequence[SumLimit], lower: FloatArray, upper: FloatArray) -> float:
    """The smallest sum of all cells that bounds and limits allow; infinite if they allow no plan."""
    unit = max(float(upper.sum()), 1e-300)
    low, high = (np.array([getattr(limit, end) for limit in limits]) / unit for end in ("low", "high"))
    rows = limit_rows(limits, len(lower))
    found = maximise(-np.ones(len(lower)), rows, low, high, lower / unit, upper / unit)
    return np.inf if found is None else -found.value * unit


@dataclass(frozen=True)
class Contradiction:
    """Limits and bounds that no plan can keep together."""

    limits: tuple[int, ...]
    """Indices of limits."""
    lower: tuple[int, ...]
    """Cells whose least spend takes part."""
    upper: tuple[int, ...]
    """Cells whose largest spend takes part."""
    missing: float
    """Money by which the limits together must be broken."""


def contradiction(limits: Sequence[SumLimit], lower: FloatArray, upper: FloatArray) -> Contradiction | None:
    """Why no plan exists, or None if one does.

    The linear programme of the smallest total violation; by Farkas' lemma the constraints with a price in it
    cannot be kept together.
    """
    from scipy.sparse import eye, hstack

    unit = max(float(upper.sum()), 1e-300)
    n_cells, n_limits = len(lower), len(limits)
    slack = eye(n_limits, format="csr")
    low, high = (np.array([getattr(limit, end) for limit in limits]) / unit for end in ("low", "high"))
    found = maximise(
        np.concatenate([np.zeros(n_cells), -np.ones(2 * n_limits)]),
        hstack([limit_rows(limits, n_cells), -slack, slack]),
        low,
        high,
        np.append(lower / unit, np.zeros(2 * n_limits)),
        np.append(upper / unit, np.full(2 * n_limits, np.inf)),
    )
    if found is None or -found.value <= ROUND_OFF * max(1, n_limits):
        return None
    return Contradiction(
        tuple(np.flatnonzero(np.abs(found.prices) > _PRICED).tolist()),
        tuple(np.flatnonzero(found.at_lower[:n_cells] < -_PRICED).tolist()),
        tuple(np.flatnonzero(found.at_upper[:n_cells] > _PRICED).tolist()),
        -found.value * unit,
    )
