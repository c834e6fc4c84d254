"""One geo's rows and what several of their checks need to know about them."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.data import calendar
from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.numbers import parsed_dates
from mmm_core.data.panel import DATE, GEO, KPI, SOURCE_ROW
from mmm_core.quality.check import CheckResult, Severity
from mmm_core.quality.violations import MAX_TABLE_ROWS

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
WARNINGS = frozenset(
    {
        "preferred_history",
        "missing_values",
        "spend_without_media",
        "media_without_spend",
        "reach_without_frequency",
    }
)
"""Checks of raw panels that inform unless the configuration says otherwise; the others block."""
_MASKING = ("mask", "campaign_aware")
_ALIGNABLE_DAYS = 5
"""Usual distance from which on dates are moved to their week (as in `cleaning.alignment`)."""


class RawRows:
    """Rows of one geo, N of them, as the checks see them."""

    def __init__(self, panel: pd.DataFrame, mapping: ColumnMapping, config: Config, origin: str) -> None:
        self.panel, self.mapping, self.config = panel, mapping, config
        self.where = f"{origin}, geo {panel[GEO].iloc[0]}"
        self.columns = mapping.numeric_columns
        """Panel column -> source column."""
        self.written = parsed_dates(panel[DATE], mapping.date_format)
        """NaT where a date is not readable (the schema check names those)."""
        self.masked = config.enhanced_cleaning.missing_data.strategy in _MASKING

    @cached_property
    def dates(self) -> pd.Series:
        """The written dates; where weekly dates are aligned, the first day of their week."""
        known = pd.DatetimeIndex(self.written.dropna())
        if self.config.enhanced_cleaning.week_alignment != "align" or not len(known):
            return self.written
        if calendar.grain_of(known) != "weekly" and calendar.usual_distance_days(known) < _ALIGNABLE_DAYS:
            return self.written
        starts = calendar.week_starts(pd.DatetimeIndex(self.written), self.config.data.week_start)
        return pd.Series(starts, index=self.panel.index)

    @cached_property
    def grain(self) -> calendar.Grain:
        """How far apart the dates are."""
        return calendar.grain_of(self.known_dates)

    @cached_property
    def known_dates(self) -> pd.DatetimeIndex:
        """Dates that can be read."""
        return pd.DatetimeIndex(self.dates.dropna())

    @cached_property
    def expected_dates(self) -> pd.DatetimeIndex:
        """Dates that there would be without gaps; empty if there is no readable date."""
        if not len(self.known_dates):
            return self.known_dates
        return calendar.expected_dates(self.known_dates, self.grain, self.config.data.week_start)

    @cached_property
    def numbers(self) -> FloatArray:
        """(N, C) values of the numeric columns, NaN where missing or no number."""
        frame = self.panel[list(self.columns)]
        if not all(dtype == np.float64 for dtype in frame.dtypes):
            frame = frame.apply(pd.to_numeric, errors="coerce")
        return frame.to_numpy(dtype=np.float64)

    def of(self, column: str) -> FloatArray:
        """(N,) numbers of one panel column."""
        return self.numbers[:, list(self.columns).index(column)]

    @cached_property
    def missing(self) -> Mapping[str, int]:
        """Panel column -> number of empty cells; text that is no number is not empty."""
        counts = self.panel[list(self.columns)].isna().sum()
        return {str(column): int(count) for column, count in counts.items()}

    def name(self, panel_column: str) -> str:
        """Source column in quotes."""
        return repr(self.mapping.source_column(panel_column))

    def rows(self, mask: BoolArray | IntArray | pd.Series) -> str:
        """Which rows of the source, the first ones by number; by mask or by position."""
        numbers = self.panel.loc[mask, SOURCE_ROW].tolist()
        return f"row {', '.join(map(str, numbers[:5]))}{', …' if len(numbers) > 5 else ''} ({len(numbers)} in all)"

    @cached_property
    def whole_weeks(self) -> int:
        """Weeks with a KPI: distinct dates, or complete weeks' worth of distinct days."""
        there = self.dates.notna()
        if self.masked:  # an empty KPI breaks the schema where nothing is masked
            there &= self.panel[KPI].notna()
        known = pd.DatetimeIndex(self.dates[there])
        if not len(known):
            return 0
        if self.grain != "daily":
            return int(known.nunique())
        return len(self.expected_dates.intersection(known)) // 7


def result(
    name: str,
    problem: str | None,
    fine: str,
    value: float | None = None,
    threshold: float | None = None,
    table: tuple[Mapping[str, object], ...] = (),
    severity: Severity | None = None,
) -> CheckResult:
    """Outcome of a check of raw rows: failed if there is a problem."""
    return CheckResult(
        name=name,
        passed=problem is None,
        severity=severity or ("warn" if name in WARNINGS else "error"),
        message=fine if problem is None else problem,
        value=value,
        threshold=threshold,
        table=table[:MAX_TABLE_ROWS],
    )
