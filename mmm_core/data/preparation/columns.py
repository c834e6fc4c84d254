"""New columns beside those of the source."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from mmm_core.data.geo_rows import named_rows
from mmm_core.data.numbers import numbers_or_text
from mmm_core.data.patterns import nearest_of
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError


def with_columns(source: SourceTable, new: Mapping[str, np.ndarray], notes: tuple[str, ...] = ()) -> SourceTable:
    """The source with further columns at its end, and further notes; the frame given stays as it is."""
    columns = {str(name): source.frame[name] for name in source.frame.columns}
    added = {name: pd.Series(values, index=source.frame.index) for name, values in new.items()}
    frame = pd.DataFrame(columns | added, copy=False)
    result = replace(source, frame=frame, notes=(*source.notes, *notes))
    result.found.update(source.found)
    return result


def require_column(source: SourceTable, column: str, key: str) -> None:
    """Refuse a column that there is not.

    Raises:
        DataError: naming the source, the configuration key, and the nearest column.
    """
    if column not in source.frame:
        raise DataError(
            f"{source.origin} has no column {column!r}, which {key} names; "
            f"{nearest_of(column, map(str, source.frame.columns))}"
        )


def require_new(source: SourceTable, column: str, key: str) -> None:
    """Refuse a new column whose name is taken.

    Raises:
        ConfigError: naming the configuration key.
    """
    if column in source.frame:
        raise ConfigError(f"{key}: {source.origin} has a column {column!r} already; choose another name.")


def numbers_of(source: SourceTable, column: str, key: str) -> np.ndarray:
    """(N,) numbers of a column, NaN where missing.

    Raises:
        DataError: it holds text, or an infinite number; names rows.
    """
    values = numbers_or_text(source.frame[column])
    if not pd.api.types.is_numeric_dtype(values):
        wrong = np.flatnonzero(pd.to_numeric(values, errors="coerce").isna() & values.notna())
        shown = f"{values.iloc[wrong[0]]!r:.60} in {named_rows(source, wrong)}"
        raise DataError(
            f"{source.origin}: column {column!r}, which {key} uses, holds text ({shown}); give numbers."
        )
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.flatnonzero(np.isinf(numbers))
    if len(infinite):
        raise DataError(
            f"{source.origin}: column {column!r}, which {key} uses, is infinite in "
            f"{named_rows(source, infinite)}; correct it."
        )
    return numbers
