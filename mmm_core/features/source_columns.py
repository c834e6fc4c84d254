"""Source columns that features are computed from."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.panel import CONTROL, EXTRA, TREATMENT, with_prefix
from mmm_core.errors import ConfigError
from mmm_core.features.model_data import FloatArray

_ROLES = (TREATMENT, CONTROL, EXTRA)
"""Panel columns that go by their source's name; where one has several of them, the last counts."""


def source_columns(panel: pd.DataFrame) -> dict[str, FloatArray]:
    """Source column -> (T,) weekly values, of everything that the panel carries under its source's name."""
    return {
        column.removeprefix(role): panel[column].to_numpy(dtype=np.float64)
        for role in _ROLES
        for column in with_prefix(panel.columns, role)
    }


def refuse_outcomes(columns: Iterable[str], key: str, config: Config) -> None:
    """The KPI, and what platforms attribute to themselves, must not explain the KPI.

    Raises:
        ConfigError: one of the columns is such an outcome; names the key.
    """
    data = config.data
    outcomes = {data.kpi_col, data.revenue_col, *config.features.attribution.conversions.values()}
    found = [column for column in columns if column in outcomes]
    if found:
        raise ConfigError(
            f"{key} names {', '.join(found)}, which is an outcome of media; it would hide what media does. "
            "Remove it."
        )
