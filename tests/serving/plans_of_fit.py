"""Plans made from a fit's own weeks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.features.model_data import FloatArray, ModelData

WEEK = np.timedelta64(7, "D")


def plan_rows(data: ModelData, dates: Sequence[np.datetime64], spend: FloatArray) -> pd.DataFrame:
    """One row per geo, week and paid channel, from (G, T, M) spend."""
    rows = [
        {"date": pd.Timestamp(str(week)), "geo": geo, "channel": channel, "spend": float(spend[g, t, m])}
        for g, geo in enumerate(data.geos)
        for t, week in enumerate(dates)
        for m, channel in enumerate(data.paid_channels)
    ]
    return pd.DataFrame(rows)


def own_plan(data: ModelData) -> pd.DataFrame:
    """What was spent."""
    return plan_rows(data, list(data.dates), data.spend)


def coming_plan(data: ModelData, n_weeks: int = 3, factor: float = 1.0) -> pd.DataFrame:
    """Weeks after the fit, with the money of its last weeks."""
    dates = [data.dates[-1] + WEEK * (week + 1) for week in range(n_weeks)]
    return plan_rows(data, dates, data.spend[:, -n_weeks:] * factor)
