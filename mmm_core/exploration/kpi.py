"""How the KPI is spread over geos, values and the year.  G geos, T weeks."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.exploration.completeness import state_counts
from mmm_core.exploration.relations import relative_kpi
from mmm_core.exploration.spend import usual_kpi
from mmm_core.features.model_data import ModelData

_QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
_BINS = 30
_MIDDLE = np.timedelta64(3, "D")
"""From the first day of a week to its middle, which decides to which week of the year it belongs."""


def has_population(data: ModelData) -> bool:
    """Whether the source knows the size of geos (ones stand in for it otherwise)."""
    return bool((data.population != 1.0).any())


def geo_table(data: ModelData, found: NDArray[np.int8]) -> pd.DataFrame:
    """Scale, spread and completeness per geo: see `Exploration.geos`.

    Args:
        data: the cube.
        found: (G, T) states of its cells.
    """
    known = data.observed.any(axis=1)
    quantiles = np.full((len(_QUANTILES), len(data.geos)), np.nan)
    quantiles[:, known] = np.nanquantile(data.kpi[known], list(_QUANTILES.values()), axis=1)
    size = data.population if has_population(data) else np.full(len(data.geos), np.nan)
    return pd.DataFrame(
        {
            "geo": np.array(data.geos, dtype=object),
            "population": size.astype(np.float64),
            "spend": data.spend.sum(axis=(1, 2)),
            "kpi": np.nansum(data.kpi, axis=1),
            "mean": usual_kpi(data),
            **dict(zip(_QUANTILES, quantiles, strict=True)),
            **state_counts(found),
        }
    )


def kpi_histogram(data: ModelData) -> pd.DataFrame:
    """low, high, weeks: known geo-weeks by their KPI as a multiple of the geo's mean week."""
    relative = relative_kpi(data)
    values = relative[np.isfinite(relative)]
    top = float(values.max(initial=1.0))
    counts, edges = np.histogram(values, bins=_BINS, range=(min(float(values.min(initial=0.0)), 0.0), top))
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "weeks": counts.astype(np.int64)})


def seasonality_table(data: ModelData) -> pd.DataFrame:
    """date, year, week, index: KPI of the known geos over what is usual in those geos; NaN if none is known."""
    usual = np.where(data.observed, usual_kpi(data)[:, None], 0.0).sum(axis=0)
    index = np.nansum(data.kpi, axis=0) / np.where(usual > 0, usual, np.nan)
    middle = pd.DatetimeIndex(data.dates.astype("datetime64[ns]") + _MIDDLE).isocalendar()
    return pd.DataFrame(
        {
            "date": data.dates.astype("datetime64[ns]"),
            "year": middle["year"].to_numpy(dtype=np.int64),
            "week": middle["week"].to_numpy(dtype=np.int64),
            "index": np.where(usual > 0, index, np.nan),
        }
    )
