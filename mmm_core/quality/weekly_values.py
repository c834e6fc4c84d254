"""One geo's weekly panel as arrays, for the checks of believable values.  T weeks, M paid channels."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.panel import DATE, FREQUENCY, GEO, KPI, MEDIA, REACH, REVENUE_PER_KPI, SPEND, with_prefix

FloatArray = NDArray[np.float64]


class WeeklyValues:
    """A weekly panel; text and infinities count as missing (the schema check names them)."""

    def __init__(self, panel: pd.DataFrame) -> None:
        self.geo = str(panel[GEO].iloc[0])
        self.dates = pd.DatetimeIndex(panel[DATE])
        self.columns = [column for column in panel.columns if column not in (GEO, DATE)]
        self._position = {column: number for number, column in enumerate(self.columns)}
        frame = panel[self.columns]
        if not all(dtype == np.float64 for dtype in frame.dtypes):
            frame = frame.apply(pd.to_numeric, errors="coerce").astype("float64")
        values = frame.to_numpy(dtype=np.float64)
        self.values = np.where(np.isinf(values), np.nan, values)
        """(T, C) numbers."""

    def of(self, column: str) -> FloatArray:
        """(T,) one column."""
        return self.values[:, self._position[column]]

    def many(self, columns: Sequence[str]) -> FloatArray:
        """(T, C) some columns."""
        return self.values[:, [self._position[column] for column in columns]]

    def week(self, position: int) -> str:
        """First day of a week, ISO."""
        return f"{self.dates[position]:%Y-%m-%d}"

    def has(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self._position

    @cached_property
    def paid(self) -> tuple[str, ...]:
        """M paid channels."""
        return tuple(name.removeprefix(SPEND) for name in with_prefix(self.columns, SPEND))

    @cached_property
    def priced(self) -> tuple[str, ...]:
        """Paid channels with media units, or with reach and frequency."""
        return tuple(
            channel
            for channel in self.paid
            if self.has(f"{MEDIA}{channel}")
            or (self.has(f"{REACH}{channel}") and self.has(f"{FREQUENCY}{channel}"))
        )

    @cached_property
    def unit_costs(self) -> FloatArray:
        """(T, number of `priced`) spend per media unit, or per contact; NaN in weeks without one of them."""
        spend = self.many([f"{SPEND}{channel}" for channel in self.priced])
        units = np.stack([self._units(channel) for channel in self.priced], axis=1) if self.priced else spend
        both = (spend > 0) & (units > 0)
        return np.where(both, spend / np.where(both, units, 1.0), np.nan)

    def _units(self, channel: str) -> FloatArray:
        if self.has(f"{MEDIA}{channel}"):
            return self.of(f"{MEDIA}{channel}")
        return self.of(f"{REACH}{channel}") * self.of(f"{FREQUENCY}{channel}")

    @cached_property
    def outcome(self) -> float:
        """Sum of the KPI, in money if there is a value of it; unknown weeks count for nothing."""
        worth = self.of(REVENUE_PER_KPI) if self.has(REVENUE_PER_KPI) else 1.0
        return float(np.nansum(self.of(KPI) * worth))
