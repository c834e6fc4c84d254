"""Estimates with their intervals, amounts with their units, and names as slides show them."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from mmm_core.reporting.deck.said import Said, fact, interval, say
from mmm_core.reporting.formats import MINUS, MISSING, SPACE, compact, is_number, listed, money
from mmm_core.reporting.inputs import ReportInputs

Show = Callable[[float | None], str]
LONGEST = 26
"""Letters of a name in a chart; longer ones lose their middle."""
_LONG = 50
"""Letters of names together from which one must do for a headline."""


def amount(inputs: ReportInputs) -> Show:
    """How outcomes are shown: `USD 1.2M`, or `1.2M conversions`."""
    if inputs.has_revenue:
        return lambda value: _signed_money(value, inputs.currency)
    return lambda value: MISSING if compact(value) == MISSING else f"{compact(value)}{SPACE}{inputs.kpi_name}"


def gain(inputs: ReportInputs) -> Show:
    """The same with a sign before what is not negative."""
    show = amount(inputs)
    return lambda value: ("+" if value is not None and value > 0 else "") + show(value)


def spent(inputs: ReportInputs) -> Show:
    """How money is shown."""
    return lambda value: _signed_money(value, inputs.currency)


def _signed_money(value: float | None, currency: str) -> str:
    """The sign stands before the currency."""
    if value is None or value >= 0:
        return money(value, currency)
    return f"{MINUS}{money(-value, currency)}" if money(value, currency) != MISSING else MISSING


def measured(row: Any, name: str, show: Show, source: str) -> Said:
    """`1.6 (90% interval 1.2 to 2.0)` of the columns `name`_mean, _q05, _q95."""
    columns = (f"{name}_q05", f"{name}_q95")
    low, high = (float(row[column]) for column in columns)
    return say("{} ({})", single(row, f"{name}_mean", show, source), interval(low, high, show, source, columns))


def single(row: Any, column: str, show: Show, source: str) -> Said:
    """One value of a row."""
    value = float(row[column])
    return fact(show(value), value, f"{source}: {column}")


def of_channel(name: object) -> str:
    """Where the numbers of a channel stand."""
    return f"channel_summary.csv, channel {name}"


def short_names(names: Sequence[str], longest: int = LONGEST) -> dict[str, str]:
    """name -> the name, without its middle where it is long; different names stay different."""
    tail = longest // 2 - 1
    short = {
        name: name if len(name) <= longest else f"{name[: longest - tail - 1]}…{name[-tail:]}" for name in names
    }
    counts = pd.Series(list(short.values()), dtype=object).value_counts()
    return {
        name: f"{label} ({position})" if counts[label] > 1 else label
        for position, (name, label) in enumerate(short.items(), start=1)
    }


def outcome_per_money(inputs: ReportInputs) -> str:
    """Unit of a return."""
    return f"{inputs.outcome_unit} per {inputs.currency}{SPACE}1"


def indistinct(table: pd.DataFrame, name: str) -> list[str]:
    """Channels whose 90 % interval reaches that of the first row, in order."""
    low = float(table[f"{name}_q05"].iloc[0])
    rest = table.iloc[1:]
    return [str(channel) for channel in rest.loc[rest[f"{name}_q95"] >= low, "channel"]]


def some(names: Sequence[str], most: int = 2) -> str:
    """`a, b and c`, or `a, b and 3 others` where that is shorter."""
    if most > 1 and sum(map(len, names[:most])) > _LONG and len(names) > most:
        most = 1
    elif len(names) <= most + 1:
        return listed(names)
    return f"{', '.join(names[:most])} and {len(names) - most} others"


def numbers(values: Sequence[Any]) -> tuple[float | None, ...]:
    """Values of a series; what is not a finite number is left out of the chart."""
    return tuple(float(value) if is_number(float(value)) else None for value in values)
