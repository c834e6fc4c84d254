"""Seasonal terms of the calendar."""

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.panel import SEASON
from mmm_core.features.model_data import FloatArray

_DAYS_PER_YEAR = 365.25
_EPOCH = np.datetime64("1970-01-01", "D")


def seasonal_terms(dates: NDArray[np.datetime64], order: int) -> dict[str, FloatArray]:
    """Column name -> (T,) values of annual Fourier terms.

    For k = 1 ... order: `season__sin_k` and `season__cos_k`, sine and cosine of 2 pi k d / 365.25, d the days
    from 1970-01-01 to the week's first day.  The phase is the calendar's, so a refresh with more weeks does
    not change the old ones.

    Args:
        dates: (T,) first day of each week.
        order: pairs of terms, >= 0.
    """
    days = (dates.astype("datetime64[D]") - _EPOCH).astype(np.float64)
    terms: dict[str, FloatArray] = {}
    for k in range(1, order + 1):
        angle = 2 * np.pi * k * days / _DAYS_PER_YEAR
        terms[f"{SEASON}sin_{k}"] = np.sin(angle)
        terms[f"{SEASON}cos_{k}"] = np.cos(angle)
    return terms
