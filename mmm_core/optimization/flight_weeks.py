"""Periods of a plan, and what is planned in them now."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import FloatArray
from mmm_core.optimization.cells import Cells
from mmm_core.planning.frame import PlanningFrame


@dataclass(frozen=True)
class FlightWeeks:
    """The plan's money by week.  N cells, G geos, M paid channels, W weeks, Q periods."""

    cells: Cells
    money: FloatArray
    """(G, W, M) what the frame's media costs in each week: planned spend, or that of an even flighting; 0 where it
    is free, and in geos that take no part in their channel's cell."""
    period_weeks: int

    @classmethod
    def of(cls, frame: PlanningFrame, cells: Cells, period_weeks: int) -> "FlightWeeks":
        """Weeks of a frame whose idle cells have an even flighting (`optimization.basis`)."""
        data, n_weeks, n_paid = frame.posterior.data, frame.n_weeks, len(cells.channels)
        spend, media = data.spend[:, :n_weeks, :n_paid], data.media[:, :n_weeks, :n_paid]
        total = media.sum(axis=1, keepdims=True)
        shares = np.divide(media, total, out=np.zeros_like(media), where=total > 0)
        money = cells.current if cells.money is None else cells.money
        weekly = np.where(cells.current[:, None] > 0, spend, shares * money[:, None])
        taking = cells.takes_part & np.broadcast_to((cells.unit > 0).reshape(-1, n_paid), cells.current.shape)
        return cls(cells, weekly * taking[:, None], period_weeks)

    @property
    def n_weeks(self) -> int:
        """W."""
        return int(self.money.shape[1])

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """(Q,) first week of each period."""
        return np.arange(0, self.n_weeks, self.period_weeks)

    @cached_property
    def period_of(self) -> NDArray[np.intp]:
        """(W,) period of each week."""
        return np.arange(self.n_weeks) // self.period_weeks

    @cached_property
    def weekly(self) -> FloatArray:
        """(N, W) money of each cell and week."""
        by_week = self.money.transpose(0, 2, 1)
        return np.asarray(by_week.reshape(-1, self.n_weeks) if self.cells.by_geo else by_week.sum(axis=0))

    @cached_property
    def planned(self) -> FloatArray:
        """(N, Q) money of each cell and period."""
        return np.asarray(np.add.reduceat(self.weekly, self.starts, axis=1))

    @cached_property
    def unit(self) -> FloatArray:
        """(N,) money of each cell."""
        return np.asarray(self.planned.sum(axis=1))

    @cached_property
    def shares(self) -> FloatArray:
        """(N, Q) of the cell's money; 0 where it has none."""
        unit = self.unit[:, None]
        return np.divide(self.planned, unit, out=np.zeros_like(self.planned), where=unit > 0)

    def factors(self, spend: FloatArray) -> FloatArray:
        """(N, Q) multiples of the periods' planned money in (N, W) weekly spend; 1 where nothing is planned."""
        money = np.add.reduceat(spend, self.starts, axis=1)
        return np.asarray(np.divide(money, self.planned, out=np.ones_like(money), where=self.planned > 0))

    def spend(self, factors: FloatArray) -> FloatArray:
        """(N, W) money of a plan; inside a period the planned split over weeks stays."""
        return np.asarray(self.weekly * factors[:, self.period_of])

    def by_geo(self, factors: FloatArray) -> FloatArray:
        """(G, W, M) money of a plan; where cells are not by geo, every week keeps its planned split over geos."""
        n_channels = len(self.cells.channels)
        weekly = factors[:, self.period_of].reshape(-1, n_channels, self.n_weeks).transpose(0, 2, 1)
        return np.asarray(self.money * weekly)
