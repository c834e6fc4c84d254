"""Amounts known for all geos together, spread over the geos."""

from dataclasses import replace

import numpy as np

from mmm_core.cleaning.change_log import Changes, cell_changes
from mmm_core.cleaning.roles import positions
from mmm_core.cleaning.rows import Rows
from mmm_core.data.mapping import ColumnMapping
from mmm_core.errors import DataError


def own_share(rows: Rows, mapping: ColumnMapping) -> tuple[Rows, list[Changes], tuple[str, ...]]:
    """Replace each national amount by the geo's share of it: amount x share of the date.

    Args:
        rows: with `national_share` where there are national columns.
        mapping: its `national` columns hold amounts of all geos together, split by `national_by`.

    Returns:
        The rows, the log, and a sentence.

    Raises:
        DataError: an amount without a share, or a raw panel from before the columns were national.
    """
    sources, by = mapping.numeric_columns, mapping.national_by
    national = [column for column in rows.columns if sources[column] in mapping.national]
    if not national:
        return rows, [], ()
    if rows.national_share is None:
        raise DataError(f"Geo {rows.geo} has national amounts but no share of them; make its raw panel anew.")
    at = positions(rows.columns.index(column) for column in national)
    before, share = rows.values[:, at], rows.national_share
    unknown = np.flatnonzero(~np.isfinite(share) & (np.nan_to_num(before) != 0).any(axis=1))
    if len(unknown):
        raise DataError(
            f"Geo {rows.geo} has national amounts but no share of them in {rows.numbered(unknown)}; complete the "
            f"column of data.national_columns.by ({by})."
        )
    values = rows.values.copy()
    values[:, at] = before * np.where(np.isfinite(share), share, 0.0)[:, None]
    after = values[:, at]
    changed = ~np.isnan(before) & (after != before)
    lines = cell_changes(
        rows.dates, national, before, after, changed, f"national amount x share of the geo by {by}"
    )
    shares = share[np.isfinite(share)]
    of = f"{100 * shares.min():.4g} to {100 * shares.max():.4g} percent" if len(shares) else "nothing"
    names = ", ".join(sources[column] for column in national)
    return replace(rows, values=values), [lines], (f"Of the national amounts in {names}, this geo gets {of}.",)
