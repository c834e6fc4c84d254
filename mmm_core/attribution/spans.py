"""Stretches of weeks: calendar periods and windows of the data."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.outputs import AttributionConfig, PeriodKind
from mmm_core.errors import InputError

SpanKind = Literal["total", "year", "quarter", "month", "window"]


@dataclass(frozen=True)
class Span:
    """Consecutive weeks; a week belongs to the period in which its first day is."""

    kind: SpanKind
    name: str
    """"2023", "2023-Q1", "2023-03", the name of a window, or "all" for the total."""
    first: int
    """Index of the first week."""
    stop: int
    """Index after the last week."""


def spans(dates: NDArray[np.datetime64], attribution: AttributionConfig) -> tuple[Span, ...]:
    """The total, the calendar periods that are asked for (in their order in time), and the windows.

    Args:
        dates: (T,) first day of each week, ascending.
        attribution: `periods` and `windows`.

    Raises:
        InputError: a window ends before it starts, or no week of the data starts in it.
    """
    found = [Span("total", "all", 0, len(dates))]
    for kind in dict.fromkeys(attribution.periods):
        found += _calendar(dates, kind)
    for name, window in attribution.windows.items():
        weeks = weeks_between(dates, window.start, window.end, f"attribution.windows.{name}")
        found.append(Span("window", name, weeks.start, weeks.stop))
    return tuple(found)


def require_weeks(dates: NDArray[np.datetime64], attribution: AttributionConfig) -> None:
    """Refuse windows and counterfactuals that no week of the data is in; can be asked before a fit.

    Args:
        dates: (T,) first day of each week, ascending.
        attribution: its `windows` and `counterfactuals`.

    Raises:
        InputError: naming the key, its days, and the weeks of the data.
    """
    spans(dates, attribution)
    for name, asked in attribution.counterfactuals.items():
        weeks_between(dates, asked.start, asked.end, f"attribution.counterfactuals.{name}")


def weeks_between(dates: NDArray[np.datetime64], start: date | None, end: date | None, key: str) -> slice:
    """The weeks whose first day is between two days, both included.

    Args:
        dates: (T,) first day of each week, ascending.
        start: first day; None: from the first week.
        end: last day; None: to the last week.
        key: configuration key, for messages.

    Raises:
        InputError: the end is before the start, or no week of the data starts in between.
    """
    if start is not None and end is not None and end < start:
        raise InputError(f"{key}: end {end} is before start {start}; swap them, or correct one of them.")
    days = dates.astype("datetime64[D]")
    first = 0 if start is None else int(np.searchsorted(days, np.datetime64(start), side="left"))
    stop = len(days) if end is None else int(np.searchsorted(days, np.datetime64(end), side="right"))
    if first >= stop:
        raise InputError(
            f"{key}: no week of the data starts between {start or days[0]} and {end or days[-1]}; its weeks start "
            f"from {days[0]} to {days[-1]}, so choose start and end among them."
        )
    return slice(first, stop)


def _calendar(dates: NDArray[np.datetime64], kind: PeriodKind) -> list[Span]:
    days = pd.DatetimeIndex(dates)
    if kind == "year":
        names = [f"{day.year}" for day in days]
    elif kind == "quarter":
        names = [f"{day.year}-Q{day.quarter}" for day in days]
    else:
        names = [f"{day.year}-{day.month:02d}" for day in days]
    starts = [week for week in range(len(names)) if week == 0 or names[week] != names[week - 1]]
    stops = [*starts[1:], len(names)]
    return [Span(kind, names[first], first, stop) for first, stop in zip(starts, stops, strict=True)]
