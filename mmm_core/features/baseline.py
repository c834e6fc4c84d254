"""What moves the KPI besides media and the calendar: trend, prices, distribution, macro series.

Prices, distribution and macro series are measured against the geo's own mean over all of its weeks, so a refresh
with more weeks changes old values.  A price and a distribution move by one amount in all weeks of a geo, which
the geo's intercept takes up.  A macro series also changes by a factor: in a national model its coefficient takes
that up, in a pooled one only as far as coefficients differ by geo.  Either way the shift is the change of a mean
over years, and answers about media do not depend on it; the series' own contribution counts from its mean, which
moves with any refresh.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.panel import BASELINE
from mmm_core.data.patterns import matching_columns
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.model_data import FloatArray
from mmm_core.features.source_columns import refuse_outcomes

_DAYS_PER_YEAR = 365.25
_KEY = "features.baseline"
_TREND = f"{BASELINE}trend"
_SQUARED = f"{BASELINE}trend_squared"


def trend_terms(
    dates: NDArray[np.datetime64], kind: str, origin: np.datetime64 | None = None
) -> dict[str, FloatArray]:
    """`baseline__trend` -> (T,) years since the first week, and `baseline__trend_squared` where quadratic.

    Weeks that are appended leave earlier values alone.

    Args:
        dates: (T,) first day of each week.
        kind: `none`, `linear` or `quadratic`.
        origin: where years count from; None: the first date.
    """
    if kind == "none":
        return {}
    start = dates.min() if origin is None else origin
    years = (dates.astype("datetime64[D]") - start.astype("datetime64[D]")).astype(np.float64) / _DAYS_PER_YEAR
    return {_TREND: years} | ({_SQUARED: years**2} if kind == "quadratic" else {})


def baseline_series(
    weeks: pd.DatetimeIndex, geo: str, source: Mapping[str, FloatArray], config: Config
) -> dict[str, FloatArray]:
    """`baseline__<source column>` -> (T,) prices, distribution and macro series, in this order.

    Price: log(value / mean); distribution: value - mean; macro: (value - mean) / standard deviation, each over the
    geo's weeks.  A series that is constant in a geo is 0 there.

    Args:
        weeks: T first days of weeks.
        geo: whose weeks they are.
        source: source column -> (T,) values.
        config: `features.baseline`.

    Raises:
        ConfigError: a column that does not exist, is an outcome, or is in two of the lists.
        DataError: a price that is not above 0, or a missing value; names geo, column and weeks.
    """
    baseline = config.features.baseline
    series: dict[str, FloatArray] = {}
    for key, items, transformed in (
        ("price_cols", baseline.price_cols, _log_ratio),
        ("distribution_cols", baseline.distribution_cols, _centred),
        ("macro_cols", baseline.macro_cols, _standardised),
    ):
        for column in _columns(items, f"{_KEY}.{key}", source, config):
            if f"{BASELINE}{column}" in series:
                raise ConfigError(
                    f"{_KEY}.{key} names {column}, which is in another list of {_KEY} too; keep one of them."
                )
            _refuse_impossible(source[column], weeks, f"{_KEY}.{key}: column {column} of geo {geo}", key)
            series[f"{BASELINE}{column}"] = transformed(source[column])
    return series


def _columns(items: Sequence[str], key: str, source: Mapping[str, FloatArray], config: Config) -> tuple[str, ...]:
    if not items:
        return ()
    columns = matching_columns(items, list(source), key, "the clean panel")
    unknown = [column for column in columns if column not in source]
    if unknown:
        raise ConfigError(
            f"{key} names {', '.join(unknown)}, which the clean panel does not have; materialize it again, or "
            "correct the name."
        )
    refuse_outcomes(columns, key, config)
    return columns


def _refuse_impossible(values: FloatArray, weeks: pd.DatetimeIndex, what: str, key: str) -> None:
    missing = weeks[~np.isfinite(values)]
    if len(missing):
        raise DataError(f"{what} has no value in {calendar.iso(missing)}; complete it in the source.")
    free = weeks[values <= 0]
    if key == "price_cols" and len(free):
        raise DataError(
            f"{what} is not above 0 in {calendar.iso(free)}, and a price enters as a logarithm; correct it in the "
            "source, or move the column to features.baseline.distribution_cols."
        )


def _log_ratio(values: FloatArray) -> FloatArray:
    return np.zeros_like(values) if _is_constant(values) else np.log(values / values.mean())


def _centred(values: FloatArray) -> FloatArray:
    return np.zeros_like(values) if _is_constant(values) else values - values.mean()


def _standardised(values: FloatArray) -> FloatArray:
    if _is_constant(values):
        return np.zeros_like(values)
    scaled = values / np.abs(values).max()  # the squares of very small numbers would be 0
    return np.asarray((scaled - scaled.mean()) / scaled.std(), dtype=np.float64)


def _is_constant(values: FloatArray) -> bool:
    """Exactly the same in all weeks, where a mean would leave rounding errors."""
    return bool(np.ptp(values) == 0)
