"""One question about stability, and what its answers share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.formats import as_number, fixed, percent
from mmm_core.reporting.sections.verdict import Failed
from mmm_core.reporting.tables import Table, quantity


@dataclass(frozen=True)
class StabilityPart:
    """One question with its answer."""

    title: str
    sentence: Markup
    failed: tuple[Failed, ...]
    """Checks about it that did not pass."""
    table: Table
    chart: Markup | None = None
    legend: str = ""
    """Meaning of the chart's symbols."""


def largest(table: pd.DataFrame, column: str) -> pd.Series | None:
    """The row with the largest value of a column, whatever its sign; None if none is known."""
    sizes = table[column].astype(float).abs().to_numpy(dtype=np.float64)
    sizes = np.where(np.isfinite(sizes), sizes, -1.0)
    return table.iloc[int(sizes.argmax())] if sizes.max(initial=-1.0) >= 0 else None


def told(row: pd.Series, column: str, show: Callable[[float | None], str]) -> Markup:
    """One value of a row within a sentence."""
    value = as_number(row[column])
    return quantity(show(value), value)


def change(value: float | None) -> str:
    """0.1 -> `+10%`."""
    return percent(value, signed=True)


def deviations(value: float | None) -> str:
    """-0.528 -> `−0.53`: a change in standard deviations."""
    return fixed(value, 2)


def distance(value: float | None) -> str:
    """0.0231 -> `0.023`: a sensitivity."""
    return fixed(value, 3)
