"""Which rows of the source count."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.mapping import RowsConfig
from mmm_core.data.naming import distinct_names, name_of
from mmm_core.data.patterns import listed, nearest_of, shortened
from mmm_core.data.preparation.columns import require_column
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError


def chosen_rows(source: SourceTable, rows: RowsConfig, total_of: str | None) -> SourceTable:
    """The source without rows that `data.rows` leaves out, and a note of what they were.

    Values are compared as text without surrounding blanks.

    Args:
        source: the main table.
        rows: what counts.
        total_of: column whose totals the notes give (the KPI).

    Raises:
        DataError: a column does not exist, a wanted value is in no row, or no row remains.
    """
    kept = source
    for column, wanted in rows.where.items():
        key = f"data.rows.where.{column}"
        matches = _is_one_of(kept, column, wanted, key, needed=True)
        kept = _without(kept, ~matches, f"{key}: {column} is not {' or '.join(wanted)}", total_of)
    for column, unwanted in rows.exclude.items():
        key = f"data.rows.exclude.{column}"
        matches = _is_one_of(kept, column, unwanted, key, needed=False)
        kept = _without(kept, matches, f"{key}: {column} is {' or '.join(unwanted)}", total_of)
        absent = [value for value in unwanted if name_of(value) not in distinct_names(source.frame[column])[1]]
        if absent:
            kept = replace(
                kept, notes=(*kept.notes, f"{key}: no row of the source has {', '.join(map(repr, absent))}.")
            )
    return kept


def _is_one_of(
    source: SourceTable, column: str, values: tuple[str, ...], key: str, needed: bool
) -> NDArray[np.bool_]:
    require_column(source, column, key)
    codes, names = distinct_names(source.frame[column])
    wanted = [name_of(value) for value in values]
    missing = [value for value in wanted if value not in names]
    if missing and needed:
        there = nearest_of(missing[0], names).replace("columns:", "there are:")
        raise DataError(f"{source.origin}: no row has {missing[0]!r} in {column!r}, which {key} names; {there}")
    return np.array([name in wanted for name in names], dtype=bool)[codes]


def _without(source: SourceTable, out: NDArray[np.bool_], why: str, total_of: str | None) -> SourceTable:
    before, left_out = len(source.frame), int(out.sum())
    if left_out == before:
        raise DataError(f"{source.origin}: no row remains, because of {why}; correct data.rows.")
    totals = ""
    if total_of is not None and total_of in source.frame:
        amounts = pd.to_numeric(source.frame[total_of], errors="coerce").to_numpy(dtype=np.float64)
        whole, rest = np.nansum(amounts), np.nansum(amounts[~out])
        totals = f" Total of {total_of}: {whole:,.6g} before, {rest:,.6g} after."
    note = f"{left_out:,} of {before:,} rows were left out ({why}).{totals}"
    frame = source.frame.loc[~out].reset_index(drop=True) if left_out else source.frame
    return replace(source, frame=frame, notes=(*source.notes, note))


def names_note(names: list[list[str]]) -> tuple[str, ...]:
    """A sentence about geos whose names differ only in case, blanks or the form of their characters."""
    if not names:
        return ()
    groups = listed([" and ".join(map(repr, map(shortened, group))) for group in names])
    return (f"These geos have names that look alike and are taken as different geos: {groups}.",)
