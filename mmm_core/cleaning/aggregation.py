"""Days to weeks."""

import numpy as np
import pandas as pd

from mmm_core.data import calendar
from mmm_core.data.panel import DATE, GEO, KPI, REVENUE_PER_KPI, summed_columns
from mmm_core.errors import DataError

_DAYS = 7


def drop_partial_weeks(daily: pd.DataFrame, week_start: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split off the days of the first and last week that the data covers only in part.

    Args:
        daily: sorted by date, days may be missing.
        week_start: `monday` ... `sunday`.

    Returns:
        The rows of whole weeks; the other rows with a `reason`.

    Raises:
        DataError: there is no whole week.
    """
    dates = pd.DatetimeIndex(daily[DATE])
    weeks = calendar.whole_weeks(dates, week_start)
    if not len(weeks):
        raise DataError(
            f"Geo {daily[GEO].iloc[0]} has {len(daily)} days and no whole week that starts on {week_start}; "
            "give more days."
        )
    before, after = dates < weeks[0], dates >= weeks[-1] + pd.Timedelta(days=_DAYS)
    reason = np.where(before, "partial first week", "partial last week")
    return daily[~(before | after)], daily.assign(reason=reason)[before | after]


def to_weeks(daily: pd.DataFrame) -> pd.DataFrame:
    """Aggregate whole weeks.

    KPI, spend and media are summed, controls and population averaged, revenue per KPI averaged with the KPI
    as weight (a plain mean in a week without KPI).

    Args:
        daily: geo, date and numbers; consecutive days, a multiple of 7, none missing.
    """
    numeric = [column for column in daily.columns if column not in (GEO, DATE)]
    days = {column: daily[column].to_numpy(dtype=np.float64).reshape(-1, _DAYS) for column in numeric}
    summed = summed_columns(numeric)
    weeks = {
        column: values.sum(axis=1) if column in summed else values.mean(axis=1) for column, values in days.items()
    }
    if REVENUE_PER_KPI in days:
        revenue, kpi = (days[REVENUE_PER_KPI] * days[KPI]).sum(axis=1), weeks[KPI]
        weeks[REVENUE_PER_KPI] = np.where(kpi > 0, revenue / np.where(kpi > 0, kpi, 1.0), weeks[REVENUE_PER_KPI])
    first_days = daily.iloc[::_DAYS]
    return pd.DataFrame({GEO: first_days[GEO].to_numpy(), DATE: first_days[DATE].to_numpy(), **weeks})
