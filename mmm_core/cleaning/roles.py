"""What each numeric column of a panel stands for, by position."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmm_core.cleaning.change_log import IntArray
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.panel import (
    EVENT,
    FREQUENCY,
    KPI,
    MEDIA,
    REACH,
    REVENUE_PER_KPI,
    SPEND,
    activity_columns,
    summed_columns,
)


@dataclass(frozen=True)
class Channel:
    """Positions of the columns of one paid or organic channel."""

    name: str
    spend: int | None
    units: int | None
    """Media units or people reached, where they are recorded."""
    frequency: int | None
    paid: bool

    @property
    def amounts(self) -> tuple[int, ...]:
        """Spend and units, as far as there are any: the channel is on where one of them is above 0."""
        return tuple(position for position in (self.spend, self.units) if position is not None)

    @property
    def all(self) -> tuple[int, ...]:
        """Every column of the channel."""
        return (*self.amounts, *(() if self.frequency is None else (self.frequency,)))


@dataclass(frozen=True)
class Roles:
    """Positions of the C numeric columns of a panel."""

    columns: tuple[str, ...]
    kpi: int
    revenue_per_kpi: int | None
    summed: IntArray
    """Amounts per period: KPI, spend, media, reach, attributed conversions."""
    activity: IntArray
    """0 where nothing is recorded: spend, media, reach, frequency, attributed conversions, events."""
    levels: IntArray
    """Known at any time, recorded or not: everything else but the KPI."""
    channels: tuple[Channel, ...]
    """Paid, then organic."""


def roles_of(columns: Sequence[str], mapping: ColumnMapping) -> Roles:
    """What the numeric columns of this mapping's panels stand for."""
    at = {column: position for position, column in enumerate(columns)}
    activity = set(activity_columns(columns)) | {column for column in columns if column.startswith(EVENT)}
    levels = [column for column in columns if column not in activity and column != KPI]
    return Roles(
        columns=tuple(columns),
        kpi=at[KPI],
        revenue_per_kpi=at.get(REVENUE_PER_KPI),
        summed=positions(at[column] for column in summed_columns(columns)),
        activity=positions(at[column] for column in columns if column in activity),
        levels=positions(at[column] for column in levels),
        channels=tuple(
            Channel(
                name=name,
                spend=at.get(f"{SPEND}{name}"),
                units=at.get(f"{MEDIA}{name}", at.get(f"{REACH}{name}")),
                frequency=at.get(f"{FREQUENCY}{name}"),
                paid=name in mapping.channels,
            )
            for name in (*mapping.channels, *mapping.organic)
        ),
    )


def positions(numbers: Iterable[int]) -> IntArray:
    """Positions as an index array, which may be empty."""
    return np.fromiter(numbers, dtype=np.intp)
