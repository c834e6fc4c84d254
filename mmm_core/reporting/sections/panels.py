"""One chart per geo behind a drop-down list, with the numbers for tooltips."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.reporting.charts.svg import verbatim
from mmm_core.reporting.inputs import ReportInputs


@dataclass(frozen=True)
class LegendItem:
    """One entry of a legend."""

    label: str
    color: str
    shape: Literal["square", "line", "dot"] = "square"


@dataclass(frozen=True)
class Panels:
    """Charts of the same kind, the first shown at the beginning."""

    name: str
    """Stable name, `fit` or `contributions`."""
    options: tuple[str, ...]
    """What each chart is about."""
    charts: tuple[Markup, ...]
    legend: tuple[LegendItem, ...]
    data: Markup
    """JSON for tooltips."""
    choice: str = "Geo"
    """What a reader chooses."""


MAX_GEOS = 50
"""Geos that can be chosen; more would make the file slow to open."""


def shown_geos(inputs: ReportInputs) -> tuple[str, ...]:
    """The geos that can be chosen, in their order: all, or those with the largest KPI."""
    if len(inputs.geos) <= MAX_GEOS:
        return inputs.geos
    sizes = inputs.fit.groupby(inputs.fit["geo"].astype(str))["actual"].sum().sort_values(ascending=False)
    largest = set(sizes.index[:MAX_GEOS])
    return tuple(geo for geo in inputs.geos if geo in largest)


def shown_note(inputs: ReportInputs) -> str:
    """Which geos can be chosen, if not all."""
    if len(inputs.geos) <= MAX_GEOS:
        return ""
    return f"The {MAX_GEOS} largest of {len(inputs.geos)} geos can be chosen; all are in the CSV files."


def tooltip_data(
    dates: pd.DatetimeIndex,
    labels: Sequence[str],
    colors: Sequence[str],
    panels: Sequence[NDArray[np.float64]],
) -> Markup:
    """Compact JSON: dates (T), labels and colors (L), and per panel (L, T) numbers with 4 digits."""
    return embedded_json(
        {
            "dates": [f"{date:%Y-%m-%d}" for date in dates],
            "labels": list(labels),
            "colors": list(colors),
            "panels": [[[_short(value) for value in series] for series in panel] for panel in panels],
        }
    )


def embedded_json(value: Any) -> Markup:
    """JSON that cannot end the script element that it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return verbatim(text)


def _short(value: float) -> float | int | None:
    """The number with 4 significant digits, None unless finite."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.4g}")
    return int(rounded) if rounded.is_integer() else rounded
