"""What a budget must obey: a fixed total and bounds per channel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.config.outputs import PlatformConstraintsConfig
from mmm_core.errors import BudgetError
from mmm_core.features.model_data import FloatArray

_KEYS = "optimization.platform_constraints"
_ROUND_OFF = 1e-9
"""Part of the total budget by which sums and bounds may disagree before a problem counts as infeasible."""


@dataclass(frozen=True)
class BudgetProblem:
    """Split a total over M channels.  Feasible: `sum(lower) <= total <= sum(upper)`, up to round-off."""

    total: float
    """Money for all channels together, > 0."""
    lower: FloatArray
    """(M,) least money per channel."""
    upper: FloatArray
    """(M,) most money per channel, >= lower."""
    proportional: FloatArray
    """(M,) the current split of the current budget, scaled to the total; not always feasible."""

    @property
    def proportional_is_feasible(self) -> bool:
        """Whether scaling the current plan obeys the bounds."""
        slack = _ROUND_OFF * self.total
        within = (self.proportional >= self.lower - slack) & (self.proportional <= self.upper + slack)
        return bool(within.all())

    def feasible_start(self) -> FloatArray:
        """(M,) a feasible split near the proportional one, and equal to it where that is feasible."""
        spend = np.clip(self.proportional, self.lower, self.upper)
        missing = self.total - spend.sum()
        room = self.upper - spend if missing > 0 else spend - self.lower
        if abs(missing) <= _ROUND_OFF * self.total or room.sum() == 0:
            return spend
        return np.asarray(np.clip(spend + missing * room / room.sum(), self.lower, self.upper), dtype=np.float64)


def budget_problem(
    scenario: str,
    channels: Sequence[str],
    current: FloatArray,
    change: float,
    constraints: PlatformConstraintsConfig,
) -> BudgetProblem:
    """Bounds of one scenario.

    A channel may get between `min_spend_pct` and `max_spend_pct` of the total, and between
    `1 - max_change` and `1 + max_change` times its current spend scaled with the total.  A channel
    without current spend has no flighting to scale, so it stays without.

    Args:
        scenario: its name, for messages.
        channels: M names.
        current: (M,) current spend, money.
        change: relative change of the total budget, > -1.
        constraints: configured limits.

    Raises:
        BudgetError: nothing is spent now, or the limits contradict each other (names keys and numbers).
    """
    total = float(current.sum()) * (1 + change)
    if not total > 0:
        raise BudgetError(
            f"Scenario {scenario}: the current plan spends {current.sum():,.2f}, so there is no flighting to "
            "scale; a budget plan needs spend in the fit window."
        )
    proportional = current * (1 + change)
    lower = np.maximum(constraints.min_spend_pct * total, proportional * max(0.0, 1 - constraints.max_change))
    upper = np.minimum(constraints.max_spend_pct * total, proportional * (1 + constraints.max_change))
    _refuse_crossed_bounds(scenario, channels, lower, upper, proportional, total, constraints)
    _refuse_impossible_sums(scenario, lower, upper, total, constraints)
    return BudgetProblem(total, np.minimum(lower, upper), upper, proportional)


def _refuse_crossed_bounds(
    scenario: str,
    channels: Sequence[str],
    lower: FloatArray,
    upper: FloatArray,
    proportional: FloatArray,
    total: float,
    constraints: PlatformConstraintsConfig,
) -> None:
    for m, channel in enumerate(channels):
        if lower[m] > upper[m] + _ROUND_OFF * total:
            raise BudgetError(
                f"Scenario {scenario}: channel {channel} must get at least {lower[m]:,.2f} but may get at most "
                f"{upper[m]:,.2f} of the total budget {total:,.2f}. {_limits(constraints)} Its current spend, "
                f"scaled to this budget, is {proportional[m]:,.2f}, from which {_KEYS}.max_change allows "
                f"{proportional[m] * max(0.0, 1 - constraints.max_change):,.2f} to "
                f"{proportional[m] * (1 + constraints.max_change):,.2f}. Widen one of these limits, or leave "
                "the channel out of data.channel_map."
            )


def _refuse_impossible_sums(
    scenario: str, lower: FloatArray, upper: FloatArray, total: float, constraints: PlatformConstraintsConfig
) -> None:
    if lower.sum() > total * (1 + _ROUND_OFF):
        raise BudgetError(
            f"Scenario {scenario}: the smallest spends of the channels add up to {lower.sum():,.2f}, above the "
            f"total budget {total:,.2f}. {_limits(constraints)} Lower {_KEYS}.min_spend_pct or raise "
            f"{_KEYS}.max_change."
        )
    if upper.sum() < total * (1 - _ROUND_OFF):
        raise BudgetError(
            f"Scenario {scenario}: the largest spends of the channels add up to {upper.sum():,.2f}, below the "
            f"total budget {total:,.2f}. {_limits(constraints)} Raise {_KEYS}.max_spend_pct or "
            f"{_KEYS}.max_change."
        )


def _limits(constraints: PlatformConstraintsConfig) -> str:
    return (
        f"{_KEYS}.min_spend_pct is {constraints.min_spend_pct:g} and max_spend_pct {constraints.max_spend_pct:g} "
        f"of the total, {_KEYS}.max_change is {constraints.max_change:g}."
    )
