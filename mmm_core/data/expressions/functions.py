"""What formulas can do with columns.  A missing value (NaN) stays missing unless `fill` replaces it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmm_core.data.expressions.nodes import Elementwise, FloatArray

MAX_ROWS = 520
"""Largest number of rows that `lag` and the like reach."""
_MANY = 100


@dataclass(frozen=True)
class Function:
    """A function of formulas."""

    apply: Elementwise
    least: int
    """Fewest arguments, without the number of rows."""
    most: int
    usage: str
    """How it is called, for messages."""
    rows: Literal["none", "optional", "required"] = "none"
    """Whether a number of rows follows the arguments."""

    @property
    def ordered(self) -> bool:
        """Whether it needs the rows of one geo, sorted by date."""
        return self.rows != "none" or self.apply is standardise


def logical_and(left: FloatArray, right: FloatArray) -> FloatArray:
    """1 where both hold, 0 where one of them does not, missing where that cannot be told."""
    one, two = _truth(left), _truth(right)
    return np.where((one == 0) | (two == 0), 0.0, one * two)


def logical_or(left: FloatArray, right: FloatArray) -> FloatArray:
    """1 where one of them holds, 0 where none does, missing where that cannot be told."""
    one, two = _truth(left), _truth(right)
    return np.where((one == 1) | (two == 1), 1.0, one + two)


def logical_not(value: FloatArray) -> FloatArray:
    """1 where it does not hold, 0 where it does."""
    return 1.0 - _truth(value)


def comparison(compare: Callable[[FloatArray, FloatArray], NDArray[np.bool_]]) -> Elementwise:
    """A comparison that gives 1, 0, or missing where one side is missing."""

    def compared(left: FloatArray, right: FloatArray) -> FloatArray:
        missing = np.isnan(left) | np.isnan(right)
        return np.where(missing, np.nan, compare(left, right).astype(np.float64))

    return compared


def standardise(values: FloatArray) -> FloatArray:
    """(value - mean) / standard deviation over the rows; 0 for a constant column."""
    known = values[~np.isnan(values)]
    if not len(known) or known.min() == known.max():
        return np.where(np.isnan(values), np.nan, 0.0)
    result: FloatArray = (values - known.mean()) / known.std()
    return result


def _truth(values: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), np.nan, (values != 0).astype(np.float64))


def _where(condition: FloatArray, yes: FloatArray, no: FloatArray) -> FloatArray:
    truth = _truth(condition)
    return np.where(np.isnan(truth), np.nan, np.where(truth == 1, yes, no))


def _fill(values: FloatArray, replacement: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), replacement, values)


def _extreme(pick: Callable[[FloatArray, FloatArray], FloatArray]) -> Elementwise:
    def extreme(first: FloatArray, *others: FloatArray) -> FloatArray:
        for other in others:
            first = pick(first, other)
        return first

    return extreme


def _lag(values: FloatArray, rows: int) -> FloatArray:
    lagged: FloatArray = np.concatenate([np.repeat(values[:1], min(rows, len(values))), values[:-rows]])
    return lagged


def _lead(values: FloatArray, rows: int) -> FloatArray:
    led: FloatArray = np.concatenate([values[rows:], np.repeat(values[-1:], min(rows, len(values)))])
    return led


def _diff(values: FloatArray, rows: int = 1) -> FloatArray:
    return values - _lag(values, rows)


def _rolling_sum(values: FloatArray, rows: int) -> FloatArray:
    before = np.concatenate([np.zeros(rows - 1), values])
    windows: FloatArray = np.lib.stride_tricks.sliding_window_view(before, rows).sum(axis=1)
    return windows


def _rolling_mean(values: FloatArray, rows: int) -> FloatArray:
    used = np.minimum(np.arange(1, len(values) + 1), rows).astype(np.float64)
    means: FloatArray = _rolling_sum(values, rows) / used
    return means


FUNCTIONS = {
    "log": Function(np.log, 1, 1, "log(x)"),
    "log1p": Function(np.log1p, 1, 1, "log1p(x)"),
    "exp": Function(np.exp, 1, 1, "exp(x)"),
    "sqrt": Function(np.sqrt, 1, 1, "sqrt(x)"),
    "abs": Function(np.abs, 1, 1, "abs(x)"),
    "min": Function(_extreme(np.minimum), 2, _MANY, "min(x, y, …)"),
    "max": Function(_extreme(np.maximum), 2, _MANY, "max(x, y, …)"),
    "clip": Function(np.clip, 3, 3, "clip(x, low, high)"),
    "where": Function(_where, 3, 3, "where(condition, x, y)"),
    "fill": Function(_fill, 2, 2, "fill(x, value)"),
    "lag": Function(_lag, 1, 1, "lag(x, rows)", "required"),
    "lead": Function(_lead, 1, 1, "lead(x, rows)", "required"),
    "diff": Function(_diff, 1, 1, "diff(x) or diff(x, rows)", "optional"),
    "rolling_mean": Function(_rolling_mean, 1, 1, "rolling_mean(x, rows)", "required"),
    "rolling_sum": Function(_rolling_sum, 1, 1, "rolling_sum(x, rows)", "required"),
    "standardise": Function(standardise, 1, 1, "standardise(x)"),
}
"""Before the first row, `lag` and `diff` take the first value, after the last `lead` takes the last; rolling
windows use the rows that there are."""


def _month(dates: NDArray[np.datetime64]) -> FloatArray:
    months = dates.astype("datetime64[M]").astype(np.int64)
    return _known(dates, months % 12 + 1)


def _year(dates: NDArray[np.datetime64]) -> FloatArray:
    return _known(dates, dates.astype("datetime64[Y]").astype(np.int64) + 1970)


def _week_of_year(dates: NDArray[np.datetime64]) -> FloatArray:
    """ISO 8601: the week belongs to the year of its Thursday."""
    days = dates.astype("datetime64[D]").astype(np.int64)
    thursday = days - (days + 3) % 7 + 3
    first = thursday.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return _known(dates, (thursday - first) // 7 + 1)


def _known(dates: NDArray[np.datetime64], values: NDArray[np.int64]) -> FloatArray:
    return np.where(np.isnat(dates), np.nan, values.astype(np.float64))


DATE_FUNCTIONS = {"month": _month, "week_of_year": _week_of_year, "year": _year}
"""Functions of the row's date, without arguments."""
