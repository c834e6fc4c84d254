"""Days to weeks."""

from dataclasses import replace

import numpy as np

from mmm_core.cleaning.change_log import Changes, FloatArray, cell_changes
from mmm_core.cleaning.periods import Periods
from mmm_core.cleaning.roles import Roles

_DAYS = 7


def to_weeks(daily: Periods, roles: Roles) -> tuple[Periods, list[Changes]]:
    """Aggregate whole weeks.

    KPI, spend, media, reach and attributed conversions are summed, everything else is averaged; revenue per
    KPI with the KPI as weight, and frequency with reach as weight (a plain mean in a week without any).  A
    week with a day without KPI has no KPI.

    Args:
        daily: consecutive days, a multiple of 7; only the KPI may be NaN.
        roles: of the columns.

    Returns:
        The weeks, dated by their first day; and a line for the KPI of each day that is left out because
        another day of its week has none.
    """
    days = daily.values.reshape(-1, _DAYS, len(daily.columns))
    weeks = days.mean(axis=1)
    weeks[:, roles.summed] = days[:, :, roles.summed].sum(axis=1)
    if roles.revenue_per_kpi is not None:
        at = roles.revenue_per_kpi
        weeks[:, at] = _weighted(days[:, :, at], np.nan_to_num(days[:, :, roles.kpi]))
    for channel in roles.channels:
        if channel.frequency is not None and channel.units is not None:
            weeks[:, channel.frequency] = _weighted(days[:, :, channel.frequency], days[:, :, channel.units])
    weekly = replace(
        daily,
        dates=daily.dates[::_DAYS],
        values=weeks,
        absent=np.logical_and.reduce(daily.absent.reshape(-1, _DAYS), axis=1),
        days=_DAYS,
    )
    kpi = daily.values[:, [roles.kpi]]
    lost = ~np.isnan(kpi) & np.repeat(np.isnan(weeks[:, roles.kpi]), _DAYS)[:, None]
    rule = "another day of the week has no KPI: the week is left out of the fit"
    return weekly, [cell_changes(daily.dates, [daily.columns[roles.kpi]], kpi, float("nan"), lost, rule)]


def _weighted(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(weeks,) mean over the 7 days, weighted where the weights are not all 0."""
    total = weights.sum(axis=1)
    mean = (values * weights).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, values.mean(axis=1))
