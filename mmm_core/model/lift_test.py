"""A lift test as a likelihood sees it: what was measured, and the media that would have been without it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData

LiftUnit = Literal["outcome", "kpi"]
"""`outcome`: in the terms of ROI (revenue where it is known, `ModelData.outcome_per_kpi`); `kpi`: KPI units."""


@dataclass(frozen=True)
class LiftTest:
    """The measured effect of a change of media.  c channels, g geos, n weeks of the test.

    The effect is the outcome with the media in the data minus the outcome with `without` in their place, over
    the test's geos, from its first week to the last of `post_weeks`: measured ~ Normal(effect, sd).
    """

    name: str
    channels: tuple[str, ...]
    geos: tuple[str, ...]
    first_week: str
    """Its first day, YYYY-MM-DD."""
    without: tuple[tuple[tuple[float, ...], ...], ...]
    """(c, g, n) media units (reach for `reach_frequency`) per week without the change, >= 0."""
    measured: float
    sd: float
    """Standard error, > 0."""
    post_weeks: int = 0
    """Weeks after the last changed one that the measurement includes."""
    unit: LiftUnit = "outcome"

    @property
    def n_weeks(self) -> int:
        """Weeks whose media was changed."""
        return len(self.without[0][0])

    def counted(self, data: ModelData) -> slice:
        """Weeks of the data that the measurement includes, the changed ones first.

        Raises:
            SpecificationError: the data do not have them all.
        """
        start = int((np.datetime64(self.first_week) - data.dates[0]) // np.timedelta64(7, "D"))
        end = start + self.n_weeks + self.post_weeks
        if start < 0 or end > len(data.dates):
            raise SpecificationError(
                f"Lift test {self.name} takes {self.n_weeks + self.post_weeks} weeks from {self.first_week} on, "
                f"but the data have the weeks {data.dates[0]} to {data.dates[-1]}; leave the test out of this fit."
            )
        return slice(start, end)

    def channel_positions(self, data: ModelData) -> list[int]:
        """(c,) of its channels in the data."""
        return [_position(channel, data.channels, self.name, "channel") for channel in self.channels]

    def geo_positions(self, data: ModelData) -> list[int]:
        """(g,) of its geos in the data."""
        return [_position(geo, data.geos, self.name, "geo") for geo in self.geos]

    def media_without(self, data: ModelData) -> FloatArray:
        """(G, T, M) media units as they would have been without the change."""
        media, start = data.media.copy(), self.counted(data).start
        values = np.array(self.without)
        for c, channel in enumerate(self.channel_positions(data)):
            media[self.geo_positions(data), start : start + self.n_weeks, channel] = values[c]
        return media

    def worth(self, data: ModelData) -> FloatArray:
        """(G, T) what a KPI unit counts in the measurement; 0 in other cells."""
        worth = np.zeros(data.kpi.shape)
        geos, weeks = self.geo_positions(data), self.counted(data)
        per_kpi = data.outcome_per_kpi if self.unit == "outcome" else data.present.astype(np.float64)
        worth[geos, weeks] = per_kpi[geos, weeks]
        return worth

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "LiftTest":
        """Inverse of `to_json`."""
        tuples = {name: _tuples(stored[name]) for name in ("channels", "geos", "without")}
        return cls(**{**stored, **tuples})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _position(name: str, known: tuple[str, ...], test: str, what: str) -> int:
    if name not in known:
        raise SpecificationError(
            f"Lift test {test} is about {what} {name}, which the data do not have; leave the test out of this fit."
        )
    return known.index(name)
