"""Days to weeks."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data import calendar
from mmm_core.data.panel import DATE, FREQUENCY, GEO, KPI, REACH, REVENUE_PER_KPI, summed_columns, with_prefix
from mmm_core.errors import DataError

FloatArray = NDArray[np.float64]
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

    KPI, spend, media and reach are summed; controls, treatments and population averaged; revenue per KPI
    averaged with the KPI as weight, and frequency with reach as weight (a plain mean in a week without any).
    A week with a day without KPI has no KPI.

    Args:
        daily: geo, date and numbers; consecutive days, a multiple of 7; only the KPI may be NaN.
    """
    numeric = [column for column in daily.columns if column not in (GEO, DATE)]
    days = {column: daily[column].to_numpy(dtype=np.float64).reshape(-1, _DAYS) for column in numeric}
    summed = summed_columns(numeric)
    weeks = {
        column: values.sum(axis=1) if column in summed else values.mean(axis=1) for column, values in days.items()
    }
    if REVENUE_PER_KPI in days:
        weeks[REVENUE_PER_KPI] = _weighted(days[REVENUE_PER_KPI], np.nan_to_num(days[KPI]))
    for column in with_prefix(numeric, FREQUENCY):
        weeks[column] = _weighted(days[column], days[f"{REACH}{column.removeprefix(FREQUENCY)}"])
    first_days = daily.iloc[::_DAYS]
    return pd.DataFrame({GEO: first_days[GEO].to_numpy(), DATE: first_days[DATE].to_numpy(), **weeks})


def _weighted(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(weeks,) mean over the 7 days, weighted where the weights are not all 0."""
    total = weights.sum(axis=1)
    mean = (values * weights).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.where(total > 0, mean, values.mean(axis=1))
