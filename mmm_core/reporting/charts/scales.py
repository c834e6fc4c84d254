"""From data to pixels, and where ticks go."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.reporting.formats import fixed

_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)


@dataclass(frozen=True)
class Scale:
    """A linear map from a data interval to a pixel interval."""

    low: float
    high: float
    start: float
    """Pixel of `low`."""
    end: float
    """Pixel of `high`."""

    def __call__(self, value: float) -> float:
        """Pixel of one value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def many(self, values: Sequence[float] | NDArray[np.float64] | pd.Series) -> list[float]:
        """Pixels of many values."""
        return [self(float(value)) for value in values]


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Round numbers, about `count` + 1 of them, that enclose the interval."""
    if not high > low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10, 20) if m * magnitude >= rough * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))


def value_range(values: Sequence[float]) -> tuple[float, float]:
    """Smallest and largest finite value, down to zero unless all values are far from it."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if 0 < low < 0.6 * high:
        low = 0.0
    return low, high


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """The ticks with one unit (K, M, B) and as many decimals as their step needs."""
    largest = max(abs(tick) for tick in ticks)
    scale, suffix = next(((s, t) for s, t in ((1e9, "B"), (1e6, "M"), (1e3, "K")) if largest >= s), (1.0, ""))
    step = abs(ticks[1] - ticks[0]) / scale if len(ticks) > 1 else largest / scale
    decimals = next((d for d in range(9) if math.isclose(round(step, d), step, rel_tol=1e-6)), 9)
    return [fixed(tick / scale, decimals if tick else 0) + (suffix if tick else "") for tick in ticks]


def month_ticks(dates: pd.DatetimeIndex, most: int = 9) -> list[tuple[float, str]]:
    """(position in weeks after the first date, label) of first days of months, at most `most` of them."""
    months = pd.date_range(dates[0].normalize(), dates[-1], freq="MS")
    if len(months) == 0:
        return [(0.0, f"{dates[0]:%b %Y}")]
    step = next((s for s in _MONTH_STEPS if math.ceil(len(months) / s) <= most), _MONTH_STEPS[-1])
    index = np.arange(len(dates), dtype=np.float64)
    days = (dates - dates[0]).days.to_numpy(dtype=np.float64)
    ticks = []
    for month in months:
        if (month.year * 12 + month.month - 1) % step == 0:
            position = float(np.interp((month - dates[0]).days, days, index))
            ticks.append((position, f"{month:%b %Y}"))
    return ticks
