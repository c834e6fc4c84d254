"""How far the recommended budgets have moved since the last accepted fit."""

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray

PLAN_COLUMNS = ["scenario", "channel", "current_spend", "optimal_spend"]
_VALUES = ("current_spend", "optimal_spend", "share", "recommended_change")
BUDGET_COLUMNS = [
    "scenario",
    "channel",
    *(f"{value}_{when}" for value in _VALUES for when in ("before", "now")),
    "share_change",
]


def plan_by_channel(budget_plan: pd.DataFrame) -> pd.DataFrame:
    """`PLAN_COLUMNS`: a budget plan summed over geos."""
    sums = budget_plan.groupby(["scenario", "channel"], sort=False)[PLAN_COLUMNS[2:]].sum()
    return sums.reset_index()


def budget_changes(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Each scenario and channel in the plan of this fit and of the last accepted one.

    Plans are about windows of different length, so shares are compared rather than money.

    Args:
        now: `plan_by_channel` of today.
        before: of the last accepted fit.

    Returns:
        `BUDGET_COLUMNS`: current_spend and optimal_spend (money of the plan's weeks), share (of the scenario's
        optimal spend), recommended_change (optimal / current - 1, missing without current spend), each before and
        now; share_change (now less before).  Missing where only one plan has the row.
    """
    plans = [_with_shares(plan) for plan in (before, now)]
    order = {name: i for i, name in enumerate([*now["scenario"], *before["scenario"]][::-1])}
    both = plans[1].merge(
        plans[0], on=["scenario", "channel"], how="outer", suffixes=("_now", "_before"), sort=False
    )
    both = both.sort_values("scenario", key=lambda names: -names.map(order), kind="stable").reset_index(drop=True)
    both["share_change"] = both["share_now"] - both["share_before"]
    return both[BUDGET_COLUMNS]


def _with_shares(plan: pd.DataFrame) -> pd.DataFrame:
    current, optimal = (plan[name].to_numpy(dtype=np.float64) for name in PLAN_COLUMNS[2:])
    total = plan.groupby("scenario")["optimal_spend"].transform("sum").to_numpy(dtype=np.float64)
    return plan[PLAN_COLUMNS].assign(share=_ratio(optimal, total), recommended_change=_ratio(optimal, current) - 1)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))
