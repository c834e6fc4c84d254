"""Terms that the configuration defines by formulas over columns."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.expressions import Expression, parse
from mmm_core.data.panel import TERM
from mmm_core.errors import DataError
from mmm_core.features.model_data import FloatArray
from mmm_core.features.source_columns import refuse_outcomes

_KEY = "features.custom_terms"


def custom_terms(
    weeks: pd.DatetimeIndex, geo: str, source: Mapping[str, FloatArray], config: Config
) -> dict[str, FloatArray]:
    """`term__<name>` -> (T,) values of the formula on the geo's weeks.

    `lag` and the like reach back into all weeks of the panel, those before the fitted window included; at the
    panel's ends they repeat its first or last value.

    Args:
        weeks: T first days of weeks, consecutive.
        geo: whose weeks they are.
        source: source column -> (T,) values.
        config: `features.custom_terms`.

    Raises:
        ConfigError: a formula that is wrong, names a column that does not exist, or uses an outcome.
        DataError: a value that is no finite number, naming geo, key and weeks.
    """
    terms: dict[str, FloatArray] = {}
    for name, text in config.features.custom_terms.items():
        key = f"{_KEY}.{name}"
        expression = _parsed(text, key)
        refuse_outcomes(expression.columns, key, config)
        values = expression.evaluate(source, weeks.to_numpy())
        _refuse_holes(values, weeks, geo, f"{key} ({text})")
        terms[f"{TERM}{name}"] = values
    return terms


@lru_cache(maxsize=1024)
def _parsed(text: str, key: str) -> Expression:
    """Read once for all geos."""
    return parse(text, key)


def _refuse_holes(values: FloatArray, weeks: pd.DatetimeIndex, geo: str, what: str) -> None:
    holes = weeks[~np.isfinite(values)]
    if len(holes):
        raise DataError(
            f"{what} has no finite value in geo {geo}, {calendar.iso(holes)}; complete its columns there, or "
            "write it so that it always has one: `fill(x, 0)` for missing values, `max(x, 1)` before a logarithm."
        )
