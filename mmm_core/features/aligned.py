"""All geos on the same weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.panel import DATE
from mmm_core.errors import DataError
from mmm_core.features.model_data import FloatArray


@dataclass(frozen=True)
class AlignedPanel:
    """G geos on the same T weeks; NaN where a geo has no row."""

    geos: tuple[str, ...]
    weeks: pd.DatetimeIndex
    values: Mapping[str, FloatArray]
    """Column -> (G, T)"""
    present: NDArray[np.bool_]
    """(G, T) whether the geo has a row."""

    def of(self, column: str) -> FloatArray:
        """(G, T) values of one column."""
        return self.values[column]

    def cube(self, columns: Sequence[str]) -> FloatArray:
        """(G, T, C) values of C columns."""
        if not columns:
            return np.zeros((*self.present.shape, 0))
        return np.stack([self.values[column] for column in columns], axis=2)

    def cut(self, part: slice) -> AlignedPanel:
        """Some of the weeks."""
        values = {column: array[:, part] for column, array in self.values.items()}
        return AlignedPanel(self.geos, self.weeks[part], values, self.present[:, part])


def align(
    geos: Sequence[str], frames: Sequence[pd.DataFrame], columns: Sequence[str] | None = None
) -> AlignedPanel:
    """Put geos on all weeks from the first to the last that any of them has.

    Args:
        geos: G names.
        frames: their features, one row per week, weeks of all geos beginning on the same weekday.
        columns: what to take, numbers that every frame has; None: all such columns.

    Raises:
        DataError: a geo has a week twice.
    """
    days = [frame[DATE].to_numpy().astype("datetime64[D]") for frame in frames]
    first, last = min(own.min() for own in days), max(own.max() for own in days)
    weeks = pd.DatetimeIndex(np.arange(first, last + 1, 7).astype("datetime64[ns]"))
    names = _shared_numbers(frames) if columns is None else list(columns)
    values = np.full((len(names), len(geos), len(weeks)), np.nan)
    present = np.zeros((len(geos), len(weeks)), dtype=bool)
    for g, (geo, own, frame) in enumerate(zip(geos, days, frames, strict=True)):
        weeks_after = (own - first).astype(np.int64)
        there = weeks_after % 7 == 0
        position = weeks_after[there] // 7
        if len(np.unique(position)) < len(position):
            raise DataError(
                f"Features of geo {geo} have a week twice; materialize clean_panel and features again."
            )
        present[g, position] = True
        values[:, g, position] = frame[names].to_numpy(dtype=np.float64)[there].T
    return AlignedPanel(tuple(geos), weeks, dict(zip(names, values, strict=True)), present)


def _shared_numbers(frames: Sequence[pd.DataFrame]) -> list[str]:
    """Columns of numbers that every frame has, in the order of the first."""
    first = frames[0]
    shared = set(first.columns).intersection(*(frame.columns for frame in frames))
    return [column for column in first if column in shared and pd.api.types.is_numeric_dtype(first[column])]
