"""All geos on the same weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.panel import DATE
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


def align(geos: Sequence[str], frames: Sequence[pd.DataFrame]) -> AlignedPanel:
    """Put geos on all weeks from the first to the last that any of them has.

    Args:
        geos: G names.
        frames: their features, one row per week, weeks of all geos beginning on the same weekday.
    """
    first = min(frame[DATE].min() for frame in frames)
    last = max(frame[DATE].max() for frame in frames)
    weeks = pd.date_range(first, last, freq="7D")
    aligned = [frame.set_index(DATE).reindex(weeks) for frame in frames]
    columns = [column for column in aligned[0].columns if pd.api.types.is_numeric_dtype(aligned[0][column])]
    return AlignedPanel(
        geos=tuple(geos),
        weeks=weeks,
        values={
            column: np.stack([frame[column].to_numpy(dtype=np.float64) for frame in aligned])
            for column in columns
            if all(column in frame for frame in aligned)
        },
        present=np.stack([weeks.isin(frame[DATE]) for frame in frames]),
    )
