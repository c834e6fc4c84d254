"""Several rows of one date."""

from dataclasses import replace

import numpy as np

from mmm_core.cleaning.change_log import (
    BoolArray,
    Changes,
    FloatArray,
    IntArray,
    ObjectArray,
    cell_changes,
    changes_of_dropped_rows,
    row_changes,
)
from mmm_core.cleaning.combining import combined
from mmm_core.cleaning.roles import Roles
from mmm_core.cleaning.rows import Rows, not_cleanable
from mmm_core.config.cleaning import Combine, DuplicatesConfig
from mmm_core.config.keys import nearest
from mmm_core.data.mapping import ColumnMapping
from mmm_core.errors import ConfigError

_KEY = "enhanced_cleaning.duplicates"
COPY = "exact copy of another row"


def one_row_per_date(
    rows: Rows, roles: Roles, mapping: ColumnMapping, settings: DuplicatesConfig
) -> tuple[Rows, list[Changes], IntArray]:
    """Drop exact copies and combine the other rows of one date, as far as the policy allows.

    Args:
        rows: sorted by date.
        roles: of the columns.
        mapping: gives the source columns that `rules` name.
        settings: policy and rules.  A copy is equal in every column that is used, and in its currency.

    Returns:
        Rows without a date twice; the log; source lines of the copies that were dropped.

    Raises:
        DataError: a date occurs twice and the policy does not say what to do about it.
        ConfigError: a rule names an unknown column, or sums a column of a further table.
    """
    how = combination_rules(roles, mapping, settings) if settings.policy == "aggregate" else []
    nothing = np.zeros(0, dtype=np.intp)
    repeated = rows.dates[1:] == rows.dates[:-1]
    if not repeated.any():
        return rows, [], nothing
    changes: list[Changes] = []
    dropped = nothing
    if settings.policy == "drop_identical" or (
        settings.policy == "aggregate" and settings.identical_rows == "drop"
    ):
        copies = _copies(rows, repeated)
        gone = rows.take(np.flatnonzero(copies))
        changes += changes_of_dropped_rows(gone.dates, gone.source_rows, gone.columns, gone.values, COPY)
        dropped = gone.source_rows
        rows = rows.take(np.flatnonzero(~copies))
    repeated = rows.dates[1:] == rows.dates[:-1]
    if repeated.any() and settings.policy != "aggregate":
        twice = np.flatnonzero(np.append(repeated, False) | np.insert(repeated, 0, False))
        raise not_cleanable(
            rows.geo, f"a date occurs twice, in {rows.numbered(twice)}, {_KEY}.policy is {settings.policy}"
        )
    if repeated.any():
        rows, combinations = _combine(rows, roles, how)
        changes += combinations
    return rows, changes, dropped


def combination_rules(roles: Roles, mapping: ColumnMapping, settings: DuplicatesConfig) -> list[Combine]:
    """How each of the C columns is combined, by `rules` or else by what the column is.

    Amounts are added up, but for those that every row of the date repeats: columns of further tables, and
    amounts of all geos together.

    Raises:
        ConfigError: a rule names an unknown column, or sums a column that is repeated.
    """
    sources = [mapping.numeric_columns[column] for column in roles.columns]
    for name, rule in settings.rules.items():
        if name not in sources:
            close = nearest(name, sources)
            hint = f" Did you mean {close}?" if close else ""
            raise ConfigError(
                f"{_KEY}.rules.{name}: no column of that name is used; allowed: "
                f"{', '.join(dict.fromkeys(sources))}.{hint}"
            )
        if rule == "sum" and name in mapping.repeated:
            raise ConfigError(
                f"{_KEY}.rules.{name}: received 'sum', but every row of a date repeats {name} (it comes from a "
                "further table, or is known for all geos together), so it would count several times; use mean or "
                "max."
            )
    summed = set(roles.summed.tolist())
    defaults: list[Combine] = [
        "sum" if position in summed and source not in mapping.repeated else "mean"
        for position, source in enumerate(sources)
    ]
    return [settings.rules.get(source, default) for source, default in zip(sources, defaults, strict=True)]


def _copies(rows: Rows, repeated: BoolArray) -> BoolArray:
    """(N,) whether an earlier row of the same date has the same values."""
    copies = np.zeros(len(rows.dates), dtype=bool)
    seen: set[tuple[bytes, object]] = set()
    for position in np.flatnonzero(np.append(repeated, False) | np.insert(repeated, 0, False)):
        if position == 0 or not repeated[position - 1]:
            seen = set()
        content = (rows.values[position] + 0.0).tobytes()
        what = (content, None if rows.currency is None else rows.currency[position])
        copies[position] = what in seen
        seen.add(what)
    return copies


def _combine(rows: Rows, roles: Roles, how: list[Combine]) -> tuple[Rows, list[Changes]]:
    starts = np.flatnonzero(np.append(True, rows.dates[1:] != rows.dates[:-1]))
    weights = _weights(roles, how)
    result = combined(rows.values, starts, how, weights)
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(rows.dates))))
    return replace(rows.take(starts), values=result), _log(rows, roles, how, weights, starts, group, result)


def _weights(roles: Roles, how: list[Combine]) -> dict[int, int]:
    """Column that is averaged -> column with its weights: frequency by reach, revenue per KPI by KPI."""
    pairs = {
        channel.frequency: channel.units
        for channel in roles.channels
        if channel.frequency is not None and channel.units is not None
    }
    if roles.revenue_per_kpi is not None:
        pairs[roles.revenue_per_kpi] = roles.kpi
    return {column: weight for column, weight in pairs.items() if how[column] == "mean"}


def _log(
    rows: Rows,
    roles: Roles,
    how: list[Combine],
    weights: dict[int, int],
    starts: IntArray,
    group: IntArray,
    result: FloatArray,
) -> list[Changes]:
    """The first row of a date goes on with the combined values, those of the others are in it.

    Cells that lose nothing have no line: an amount of 0, and a level that the combined row has as well.
    """
    first = np.zeros(len(rows.dates), dtype=bool)
    first[starts] = True
    after = np.where(first[:, None], result[group], np.nan)
    same = (rows.values == result[group]) | (np.isnan(rows.values) & np.isnan(result[group]))
    amounts = np.array([rule == "sum" for rule in how])
    amounts[roles.summed] = True
    nothing_lost = np.isnan(rows.values) | np.where(amounts, rows.values == 0, same)
    changed = np.where(first[:, None], ~same, ~nothing_lost)
    others = np.flatnonzero(~first)
    lines = row_changes(
        rows.dates[others],
        rows.source_rows[others],
        rows.source_rows[starts][group[others]],
        "combined with the other rows of its date",
    )
    rules = _rule_texts(rows, roles, how, weights, starts, group, changed)
    return [lines, cell_changes(rows.dates, rows.columns, rows.values, after, changed, rules)]


def _rule_texts(
    rows: Rows,
    roles: Roles,
    how: list[Combine],
    weights: dict[int, int],
    starts: IntArray,
    group: IntArray,
    changed: BoolArray,
) -> ObjectArray:
    """(K,) text of each changed cell."""
    named = [
        f"{rule} weighted by {roles.columns[weights[position]]}" if position in weights else rule
        for position, rule in enumerate(how)
    ]
    table = np.array(
        [
            [f"rows of one date combined: {name}" for name in named],
            [f"rows of one date combined: {name} of those with a value" for name in named],
        ],
        dtype=object,
    )
    incomplete = np.logical_or.reduceat(np.isnan(rows.values), starts, axis=0)
    row, column = np.nonzero(changed)
    texts: ObjectArray = table[incomplete[group[row], column].astype(int), column]
    return texts
