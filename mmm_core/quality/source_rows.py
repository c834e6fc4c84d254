"""The source table as its checks see it: rows by geo and date."""

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.naming import geo_codes
from mmm_core.data.numbers import as_text, numbers_or_text, parsed_dates
from mmm_core.data.panel import SPEND
from mmm_core.data.sources.table import SourceTable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class SourceRows:
    """N rows that have a geo and a date, sorted by geo, then by date.  G geos.

    Rows without either are left out here; other checks name them.  So is the geo that holds national amounts.
    """

    def __init__(self, source: SourceTable, mapping: ColumnMapping) -> None:
        self.source, self.mapping = source, mapping
        codes, labels = geo_codes(source.frame, mapping.keys)
        dates = parsed_dates(source.frame[mapping.date], mapping.date_format)
        days = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
        kept = (codes >= 0) & dates.notna().to_numpy()
        if mapping.national_geo in labels:
            kept &= codes != labels.index(mapping.national_geo)
        self.blocks = _number_of_blocks(codes[kept])
        """Stretches of rows of the same geo, in the order of the file."""
        at = np.flatnonzero(kept)
        self.order = at[np.lexsort((days[kept], codes[kept]))]
        """(N,) position in the file of each row."""
        present, numbers = np.unique(codes[self.order], return_inverse=True)
        self.geos = [labels[code] for code in present]
        self.geo_of = numbers.astype(np.int64)
        """(N,) number of each row's geo."""
        self.days = days[self.order]
        """(N,) days since 1970-01-01."""
        self.starts = np.searchsorted(self.geo_of, np.arange(len(self.geos)))
        """(G,) first row of each geo."""

    @cached_property
    def ends(self) -> IntArray:
        """(G,) last row of each geo."""
        return np.append(self.starts, len(self.days))[1:].astype(np.int64) - 1

    @cached_property
    def first_days(self) -> IntArray:
        """(G,) first day of each geo."""
        return np.asarray(self.days[self.starts], dtype=np.int64)

    @cached_property
    def last_days(self) -> IntArray:
        """(G,) last day of each geo."""
        return np.asarray(self.days[self.ends], dtype=np.int64)

    @cached_property
    def steps(self) -> IntArray:
        """(G,) usual distance of a geo's rows in days; 7 for a single date."""
        distances = np.diff(self.days)
        inside = (np.diff(self.geo_of) == 0) & (distances > 0)
        geos = self.geo_of[1:][inside]
        weekly = np.bincount(geos, weights=distances[inside] >= 7, minlength=len(self.geos))
        counts = np.bincount(geos, minlength=len(self.geos))
        return np.where(2 * weekly >= counts, 7, 1)

    def numbers(self, column: str) -> FloatArray:
        """(N,) a source column, NaN where missing or no number."""
        values = self.source.frame[column]
        if not pd.api.types.is_numeric_dtype(values):
            values = pd.to_numeric(numbers_or_text(values), errors="coerce")
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan)[self.order], dtype=np.float64)

    @cached_property
    def kpi(self) -> FloatArray:
        """(N,) the KPI."""
        return self.numbers(self.mapping.kpi)

    @cached_property
    def spend(self) -> FloatArray:
        """(N,) spend of all channels together, missing ones as 0."""
        total = np.zeros(len(self.order))
        for panel, column in self.mapping.numeric_columns.items():
            if panel.startswith(SPEND):
                total += np.nan_to_num(self.numbers(column))
        return total

    @cached_property
    def key_parts(self) -> tuple[tuple[str, ...], ...]:
        """(G,) value of each key column."""
        rows = self.source.frame[list(self.mapping.keys)].iloc[self.order[self.starts]]
        parts = [as_text(rows[key]).str.strip().fillna("") for key in self.mapping.keys]
        return tuple(zip(*parts, strict=True))


def day_text(day: int) -> str:
    """A day as ISO text."""
    return str(np.datetime64(int(day), "D"))


def _number_of_blocks(codes: NDArray[np.intp]) -> int:
    return int((np.diff(codes) != 0).sum()) + 1 if len(codes) else 0
