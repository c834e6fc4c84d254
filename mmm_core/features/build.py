"""Columns that are computed from the calendar."""

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.panel import DATE, SEASON

_DAYS_PER_YEAR = 365.25
_EPOCH = pd.Timestamp("1970-01-01")


def build_features(clean: pd.DataFrame, config: Config) -> pd.DataFrame:
    """The clean panel of one geo plus annual seasonality terms.

    For k = 1 ... `features.seasonality.annual_fourier_order`: `season__sin_k` and `season__cos_k`, sine and
    cosine of 2 pi k d / 365.25, d the days from 1970-01-01 to the week's first day.  The phase is the
    calendar's, so a refresh with more weeks does not change the old ones.

    Args:
        clean: one geo's clean panel, T weeks.
        config: `features.seasonality`.

    Returns:
        A new frame: the panel's columns, then the terms.
    """
    days = (pd.DatetimeIndex(clean[DATE]) - _EPOCH).days.to_numpy(dtype=np.float64)
    terms: dict[str, np.ndarray] = {}
    for order in range(1, config.features.seasonality.annual_fourier_order + 1):
        angle = 2 * np.pi * order * days / _DAYS_PER_YEAR
        terms[f"{SEASON}sin_{order}"] = np.sin(angle)
        terms[f"{SEASON}cos_{order}"] = np.cos(angle)
    return clean.assign(**terms)
