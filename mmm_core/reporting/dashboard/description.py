"""How a table and its columns are described."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

ColumnType = Literal["text", "date", "number", "integer", "boolean"]
"""`number`: 64-bit float; `integer`: 64-bit; `date`: a day without time, ISO in CSV."""
Unit = Literal[
    "", "kpi", "money", "outcome", "media", "week", "share", "probability", "change", "return", "cost", "effect",
    "frequency", "people", "count", "seconds",
]  # fmt: skip
"""What is counted; `unit_words` gives it the names of the project."""
TableKind = Literal["fact", "dimension"]

_STATISTICS: Mapping[str, str] = {
    "mean": "{} mean",
    "q05": "5 % quantile",
    "q50": "median",
    "q95": "95 % quantile",
}


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType
    description: str
    unit: Unit = ""
    minimum: float | None = None
    """Smallest allowed value; None: no bound."""
    maximum: float | None = None
    """Largest allowed value; None: no bound."""
    allowed: tuple[str, ...] = ()
    """All values that there can be; empty: any."""
    references: str | None = None
    """`table.column` that has every value of this one."""
    nullable: bool = False
    """Whether a value may be missing."""


@dataclass(frozen=True)
class Table:
    """One table."""

    name: str
    """Name of its files without suffix."""
    description: str
    columns: tuple[Column, ...]
    """In their order; those that a table may lack stand last."""
    key: tuple[str, ...] = ()
    """Columns that identify a row; empty: none do."""
    kind: TableKind = "fact"

    def column(self, name: str) -> Column | None:
        """The column of that name, if it is described."""
        return next((column for column in self.columns if column.name == name), None)


def text(name: str, description: str, references: str | None = None, *allowed: str) -> Column:
    """A column of words."""
    return Column(name, "text", description, allowed=allowed, references=references)


def amount(
    name: str, unit: Unit, description: str, minimum: float | None = 0.0, maximum: float | None = None
) -> Column:
    """A column of numbers, by default >= 0."""
    return Column(name, "number", description, unit, minimum, maximum)


def estimate(
    prefix: str,
    unit: Unit,
    description: str,
    statistics: str = "mean q05 q95",
    minimum: float | None = None,
    maximum: float | None = None,
    suffix: str = "",
    of: str = "posterior",
) -> tuple[Column, ...]:
    """Columns of a mean and quantiles, `prefix_mean` and so on (`mean` without a prefix).

    Args:
        prefix: before the statistics; empty: none.
        unit: of all of them.
        description: of the quantity.
        statistics: of `mean`, `q05`, `q50`, `q95`, in the order of the columns.
        minimum: smallest allowed value; None: no bound.
        maximum: largest allowed value; None: no bound.
        suffix: behind the statistics.
        of: distribution that they are of, `posterior` or `prior`.
    """
    return tuple(
        Column(
            f"{prefix}{'_' if prefix else ''}{statistic}{suffix}",
            "number",
            f"{description}, {_STATISTICS[statistic].format(of)}",
            unit,
            minimum,
            maximum,
        )
        for statistic in statistics.split()
    )


def nullable(*columns: Column) -> tuple[Column, ...]:
    """The same columns, whose values may be missing."""
    return tuple(replace(column, nullable=True) for column in columns)


def unit_words(unit: Unit, kpi: str, currency: str, outcome: str) -> str:
    """The unit in the project's words, e.g. `USD per USD` for a return; empty for what has none.

    Args:
        unit: what is counted.
        kpi: what the KPI counts.
        currency: of money.
        outcome: unit of outcomes, the currency or the KPI's.
    """
    words: dict[Unit, str] = {
        "kpi": kpi,
        "money": currency,
        "outcome": outcome,
        "return": f"{outcome} per {currency}",
        "cost": f"{currency} per unit of {kpi}",
        "effect": f"{outcome} per media unit",
        "media": "media units",
        "week": "weeks",
        "share": "fraction",
        "probability": "probability",
        "change": "fraction",
        "frequency": "contacts per person reached",
    }
    return words.get(unit, str(unit))
