"""Which rows of a further table belong to which rows of the main one."""

import numpy as np

from mmm_core.config.ingest import TableConfig
from mmm_core.data.naming import distinct_names
from mmm_core.data.patterns import listed, shortened
from mmm_core.data.preparation.periods import IntArray
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError


def matched_keys(
    source: SourceTable, other: SourceTable, table: TableConfig, key: str
) -> tuple[IntArray, IntArray, list[str]]:
    """Numbers of the keys' values in both tables.

    Returns:
        (N,) of the main table's rows, -1 where the further table has no such values; (P,) of the further table's
        rows, -1 likewise; sentences about what is only in one of them.

    Raises:
        DataError: no value of a key is in both.
    """
    main_key = np.zeros(len(source.frame), dtype=np.int64)
    table_key = np.zeros(len(other.frame), dtype=np.int64)
    notes: list[str] = []
    for column, main in table.keys.items():
        main_codes, main_names = distinct_names(source.frame[main])
        table_codes, table_names = distinct_names(other.frame[column])
        number = {name: position for position, name in enumerate(table_names) if name}
        of_main = np.array([number.get(name, -1) for name in main_names], dtype=np.int64)[main_codes]
        there = set(main_names)
        of_table = np.array(
            [position if name and name in there else -1 for position, name in enumerate(table_names)],
            dtype=np.int64,
        )[table_codes]
        if not (of_main >= 0).any():
            raise DataError(
                f"{key}: no value of {column!r} in {other.origin} ({listed(table_names[:5])}) is in {main!r} of "
                f"{source.origin} ({listed(main_names[:5])}); correct {key}.keys."
            )
        notes += _unmatched(column, [name for name in table_names if name not in there], "the table", "the source")
        notes += _unmatched(main, [name for name in main_names if name not in number], "the source", "the table")
        main_key = np.where((main_key < 0) | (of_main < 0), -1, main_key * len(table_names) + of_main)
        table_key = np.where((table_key < 0) | (of_table < 0), -1, table_key * len(table_names) + of_table)
    return main_key, table_key, notes


def _unmatched(column: str, names: list[str], where: str, lacking: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(repr(shortened(name)) for name in names[:10]) + (
        f" and {len(names) - 10} more" if len(names) > 10 else ""
    )
    return [f"Values of {column} in {where} that {lacking} does not have: {shown}."]
