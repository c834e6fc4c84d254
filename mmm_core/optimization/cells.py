"""What a budget is split over: channels, or channels in geos."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.basis import Basis


@dataclass(frozen=True)
class Cells:
    """N cells: the M paid channels, or G x M pairs of geo and channel, geo by geo."""

    channels: tuple[str, ...]
    geos: tuple[str, ...]
    current: FloatArray
    """(G, M) current spend over the weeks of the plan, money."""
    by_geo: bool
    """Whether every geo has cells of its own; otherwise each channel keeps its split over geos."""
    money: FloatArray | None = None
    """(G, M) `Basis.money`; None: `current`."""
    free: NDArray[np.bool_] | None = None
    """(G, M) `Basis.free`; None: nowhere."""

    @classmethod
    def of(cls, basis: Basis, by_geo: bool) -> "Cells":
        """Cells of a plan; organic channels have none."""
        data = basis.frame.posterior.data
        return cls(data.paid_channels, data.geos, basis.current, by_geo, basis.money, basis.free)

    @cached_property
    def spend(self) -> FloatArray:
        """(N,) current spend."""
        return np.asarray(self.current.ravel() if self.by_geo else self.current.sum(axis=0))

    @cached_property
    def unit(self) -> FloatArray:
        """(N,) money that the media in `Basis.frame` costs; 0 where there is none that money could scale.

        Without `by_geo`, a channel that is planned somewhere is scaled there alone; one that is planned nowhere
        has an even flighting in all geos, unless it has free media.
        """
        money = self.current if self.money is None else self.money
        if self.by_geo:
            return np.asarray(money.ravel())
        free = np.zeros(money.shape, dtype=bool) if self.free is None else self.free
        return np.where(self.spend > 0, self.spend, money.sum(axis=0) * ~free.any(axis=0))

    @cached_property
    def idle(self) -> NDArray[np.bool_]:
        """(N,) without current spend, but with an even flighting that money can scale."""
        return np.asarray((self.spend == 0) & (self.unit > 0))

    @cached_property
    def takes_part(self) -> NDArray[np.bool_]:
        """(G, M) where the media belongs to a cell; not in geos in which a planned channel is not."""
        if self.by_geo:
            return np.ones(self.current.shape, dtype=bool)
        money = self.current if self.money is None else self.money
        unplanned = (self.current == 0) & (money > 0)
        return np.asarray(~(unplanned & ~self.idle))

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

    def geo_of(self, cell: int) -> str:
        """Geo of a cell; only where cells are by geo."""
        return self.geos[cell // len(self.channels)]

    def factors(self, spend: FloatArray) -> FloatArray:
        """(G, M) multiples of the media in `Basis.frame` under a plan; 1 where money cannot scale it."""
        there = self.unit > 0
        factors = np.where(there, spend / np.where(there, self.unit, 1.0), 1.0)
        shape = (len(self.geos), len(self.channels))
        everywhere = np.broadcast_to(factors.reshape(-1, len(self.channels)), shape)
        return np.where(self.takes_part, everywhere, 0.0)

    @cached_property
    def _grid(self) -> NDArray[np.intp]:
        return np.arange(len(self.spend)).reshape(-1, len(self.channels))
