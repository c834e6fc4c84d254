"""Bars with 90 % intervals, one group per channel, and the cells of a table beside them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mmm_core.reporting.deck.phrases import numbers, short_names, single
from mmm_core.reporting.deck.said import Said, say
from mmm_core.reporting.deck.slides import Box, Chart, Series
from mmm_core.reporting.formats import ratio, span


def interval_bars(
    table: pd.DataFrame, pairs: Sequence[tuple[str, str, str]], unit: str, box: Box, file: str
) -> Chart:
    """Horizontal bars.

    Args:
        table: channel, and `prefix`_mean, `prefix`_q05, `prefix`_q95 of every pair.
        pairs: (prefix of columns, label, colour) of every series.
        unit: of the values.
        box: where it stands.
        file: exported table that the values are in.
    """
    names = [str(channel) for channel in table["channel"]]
    series = tuple(
        Series(
            label,
            numbers(table[f"{name}_mean"].tolist()),
            color,
            numbers(table[f"{name}_q05"].tolist()),
            numbers(table[f"{name}_q95"].tolist()),
        )
        for name, label, color in pairs
    )
    first = pairs[0][0]
    words = "; ".join(
        f"{row['channel']} {ratio(row[f'{first}_mean'])} "
        f"({span(ratio(row[f'{first}_q05']), ratio(row[f'{first}_q95']))})"
        for row in table.to_dict("records")
    )
    labels = short_names(names)
    return Chart(
        box=box,
        kind="bars",
        categories=tuple(labels[name] for name in names),
        series=series,
        unit=f"{unit} (lines: 90% interval)",
        alt=f"Bars with 90% intervals, {unit}: {words}.",
        source=f"{file}, " + ", ".join(f"{name}_mean, {name}_q05, {name}_q95" for name, _, _ in pairs),
    )


def channel_cells(rows: Sequence[tuple[Any, str]]) -> tuple[Said, ...]:
    """Names of the channels of (row, source)."""
    names = [str(row["channel"]) for row, _ in rows]
    labels = short_names(names)
    return tuple(Said(labels[name]) for name in names)


def ends(row: Any, name: str, source: str) -> Said:
    """`1.2 to 2.0` of the columns `name`_q05 and `name`_q95."""
    return say(span("{}", "{}"), *(single(row, f"{name}_{end}", ratio, source) for end in ("q05", "q95")))
