"""The rows of each geo in the file of coming weeks, proven to be usable."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.mapping import geo_names, raw_panel
from mmm_core.data.panel import (
    CURRENCY,
    DATE,
    GEO,
    KPI,
    NATIONAL_SHARE,
    POPULATION,
    REVENUE_PER_KPI,
    SOURCE_ROW,
    activity_columns,
)
from mmm_core.data.patterns import listed
from mmm_core.errors import DataError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.planning.plan_table import KEY, PlanTable

_SHOWN = 5
_LARGEST = 1e18
"""What is larger (or infinite) is a slip: no week has so much of anything."""
_NOT_PLANNED = (GEO, DATE, CURRENCY, SOURCE_ROW, KPI, NATIONAL_SHARE)


@dataclass(frozen=True)
class PlanRows:
    """N rows of one geo."""

    geo: str
    days: NDArray[np.datetime64]
    """(N,) distinct dates."""
    columns: tuple[str, ...]
    """C panel columns; the same for all geos."""
    values: FloatArray
    """(N, C) numbers, NaN where the cell is empty; amounts are the geo's own."""


def plan_rows(table: PlanTable, fitted: ModelData) -> list[PlanRows]:
    """The rows of every geo of the fit, in its order; those of geos that were left out of it count for nothing.

    Raises:
        DataError: geos are missing or unknown; a date is none or there twice; a value is no number, infinite, or
            negative where it must not be.
    """
    _check_geos(table, fitted)
    return [_rows_of(table, geo) for geo in fitted.geos]


def _check_geos(table: PlanTable, fitted: ModelData) -> None:
    origin, names = table.source.origin, geo_names(table.source, table.mapping)
    unknown = [name for name in names if name not in fitted.geos and name not in fitted.excluded_geos]
    missing = [name for name in fitted.geos if name not in names]
    if len(missing) == len(fitted.geos):
        raise DataError(
            f"{origin} has no geo of the fit ({KEY}): its geos are {listed(names)}, those of the fit "
            f"{listed(fitted.geos)}."
        )
    if unknown:
        raise DataError(
            f"{origin} has geos that the fit does not know ({KEY}): {listed(unknown)}; remove their rows "
            "(data.rows.exclude), or fit again with their data."
        )
    if missing:
        raise DataError(
            f"{origin} has no rows of {listed(missing)}, which the fit has ({KEY}); add them, with 0 where "
            "nothing is planned."
        )


def _rows_of(table: PlanTable, geo: str) -> PlanRows:
    frame = raw_panel(table.source, table.mapping, geo)
    problems = _Problems(table, geo, frame[SOURCE_ROW].to_numpy())
    days = _days(frame[DATE], problems)
    columns = tuple(str(name) for name in frame.columns if name not in _NOT_PLANNED)
    values = _numbers(frame, columns, problems)
    problems.refuse(np.abs(values) > _LARGEST, columns, f"is beyond {_LARGEST:g}", "correct it")
    amounts = {REVENUE_PER_KPI, *activity_columns(columns)}
    problems.refuse((values < 0) & _are(columns, amounts), columns, "is negative", "give 0 or more")
    people = (values <= 0) & _are(columns, {POPULATION})
    problems.refuse(people, columns, "is not above 0", "correct it, or leave it empty")
    if NATIONAL_SHARE in frame:
        sources = table.mapping.numeric_columns
        national = _are(columns, {column for column in columns if sources[column] in table.mapping.national})
        values = np.where(national, values * frame[NATIONAL_SHARE].fillna(0.0).to_numpy()[:, None], values)
    return PlanRows(geo, days, columns, values)


def _days(dates: pd.Series, problems: "_Problems") -> NDArray[np.datetime64]:
    is_text = not pd.api.types.is_datetime64_any_dtype(dates)
    written = pd.to_datetime(dates, format="%Y-%m-%d", errors="coerce") if is_text else dates
    problems.refuse(written.isna().to_numpy()[:, None], (DATE,), "holds no date", "write YYYY-MM-DD")
    days = written.to_numpy().astype("datetime64[D]")
    twice = pd.Series(days).duplicated().to_numpy()
    problems.refuse(twice[:, None], (DATE,), "has a date twice", "keep one row per date")
    return np.asarray(days)


def _numbers(frame: pd.DataFrame, columns: Sequence[str], problems: "_Problems") -> FloatArray:
    for column in columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            text = pd.to_numeric(frame[column], errors="coerce").isna() & frame[column].notna()
            problems.refuse(text.to_numpy()[:, None], (column,), "holds text", "give numbers")
    numbers = frame[list(columns)].apply(pd.to_numeric, errors="coerce")
    return np.asarray(numbers.to_numpy(dtype=np.float64))


def _are(columns: Sequence[str], wanted: set[str]) -> NDArray[np.bool_]:
    return np.array([column in wanted for column in columns], dtype=bool)


@dataclass(frozen=True)
class _Problems:
    """Says which cells of a geo's rows are wrong."""

    table: PlanTable
    geo: str
    numbers: NDArray[np.int64]
    """(N,) rows of the file."""

    def refuse(self, wrong: NDArray[np.bool_], columns: Sequence[str], what: str, remedy: str) -> None:
        """Raise for the first column with an (N, C) cell that is wrong."""
        for position in np.flatnonzero(wrong.any(axis=0))[:1].tolist():
            rows = self.numbers[wrong[:, position]]
            column = self.table.mapping.source_column(columns[position])
            shown = ", ".join(map(str, rows[:_SHOWN])) + (", …" if len(rows) > _SHOWN else "")
            raise DataError(
                f"{self.table.source.origin}, geo {self.geo}: column {column!r} {what} in row {shown} "
                f"({len(rows)} in all); {remedy}."
            )
