"""A quick proof that no rule of a stage's schema can be broken.

Pandera judges every panel that is not proven here: it runs each rule on each column, which takes a tenth of a
second per geo; the proof looks at all columns at once.  It may fail to prove a panel that is sound (then pandera
says so), but it never proves one that is not.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.contracts import LARGEST, LARGEST_RAW, value_range
from mmm_core.data.panel import DATE, GEO, KPI

FloatArray = NDArray[np.float64]


def is_sound_raw(panel: pd.DataFrame, numeric: Sequence[str], masked: bool) -> bool:
    """Whether one geo's raw panel certainly satisfies `contracts.raw_panel_schema`.

    Args:
        panel: geo, date, numeric columns.
        numeric: panel columns that hold numbers.
        masked: whether the KPI may be missing.
    """
    values = _values(panel, numeric)
    if values is None or not _is_named(panel) or not _has_dates(panel):
        return False
    if KPI in numeric and not masked and np.isnan(values[:, list(numeric).index(KPI)]).any():
        return False
    return _in_range(values, numeric, LARGEST_RAW)


def is_sound_weekly(panel: pd.DataFrame, numeric: Sequence[str], masked: bool) -> bool:
    """Whether one geo's weekly panel certainly satisfies `contracts.weekly_schema`.

    Args:
        panel: geo, date, numeric columns.
        numeric: columns that hold numbers.
        masked: whether the KPI may be missing.
    """
    values = _values(panel, numeric)
    if values is None or not _is_named(panel) or not _has_dates(panel) or not panel[DATE].is_unique:
        return False
    may_be_missing = np.array([masked and column == KPI for column in numeric], dtype=bool)
    fine = np.isfinite(values) | (may_be_missing & np.isnan(values))
    return bool(fine.all()) and _in_range(values, numeric, LARGEST)


def _values(panel: pd.DataFrame, numeric: Sequence[str]) -> FloatArray | None:
    """(N, C) numbers, None if a column is missing, there twice, or not float64."""
    if not len(panel) or not panel.columns.is_unique or panel.columns.isin([GEO, DATE]).sum() != 2:
        return None
    dtypes = panel.dtypes
    if any(column not in dtypes.index or dtypes[column] != np.float64 for column in numeric):
        return None
    return panel[list(numeric)].to_numpy(dtype=np.float64)


def _is_named(panel: pd.DataFrame) -> bool:
    """Every row has a geo that is not blank."""
    return all(isinstance(name, str) and name.strip() for name in panel[GEO].unique())


def _has_dates(panel: pd.DataFrame) -> bool:
    return panel[DATE].dtype == "datetime64[ns]" and not panel[DATE].isna().any()


def _in_range(values: FloatArray, numeric: Iterable[str], largest: float) -> bool:
    """Every number that is there is within its column's range (`contracts.value_range`) and not larger."""
    ranges = np.array([value_range(column) for column in numeric]).clip(-largest, largest)
    if not len(ranges):
        return True
    with np.errstate(invalid="ignore"):
        lowest, highest = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
        return not ((lowest < ranges[:, 0]).any() or (highest > ranges[:, 1]).any())
