"""What a budget is split over: channels, or channels in geos."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray, ModelData


@dataclass(frozen=True)
class Cells:
    """N cells: the M paid channels, or G x M pairs of geo and channel, geo by geo."""

    channels: tuple[str, ...]
    geos: tuple[str, ...]
    current: FloatArray
    """(G, M) current spend over the fit window, money."""
    by_geo: bool
    """Whether every geo has cells of its own; otherwise each channel keeps its split over geos."""

    @classmethod
    def of(cls, data: ModelData, by_geo: bool) -> "Cells":
        """Cells of a fitted panel; organic channels have none."""
        n_paid = len(data.paid_channels)
        return cls(tuple(data.paid_channels), tuple(data.geos), data.spend.sum(axis=1)[:, :n_paid], by_geo)

    @cached_property
    def spend(self) -> FloatArray:
        """(N,) current spend."""
        return np.asarray(self.current.ravel() if self.by_geo else self.current.sum(axis=0))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """(N,) for messages and tables: `channel`, or `channel@geo`."""
        if not self.by_geo:
            return self.channels
        return tuple(f"{channel}@{geo}" for geo in self.geos for channel in self.channels)

    def of_channels(self, channels: Sequence[str]) -> NDArray[np.intp]:
        """Cells of some channels."""
        columns = [self.channels.index(channel) for channel in channels]
        return np.asarray(self._grid[:, columns]).ravel()

    def of_geo(self, geo: str) -> NDArray[np.intp]:
        """Cells of one geo; only where cells are by geo."""
        return np.asarray(self._grid[self.geos.index(geo)])

    def channel_of(self, cell: int) -> str:
        """Channel of a cell."""
        return self.channels[cell % len(self.channels)]

    def factors(self, spend: FloatArray) -> FloatArray:
        """(G, M) what media is multiplied with under a plan; 1 where nothing is spent now."""
        there = self.spend > 0
        factors = np.where(there, spend / np.where(there, self.spend, 1.0), 1.0)
        shape = (len(self.geos), len(self.channels))
        return np.array(np.broadcast_to(factors.reshape(-1, len(self.channels)), shape))

    @cached_property
    def _grid(self) -> NDArray[np.intp]:
        return np.arange(len(self.spend)).reshape(-1, len(self.channels))
