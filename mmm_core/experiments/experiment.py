"""A lift test as it was reported."""

from dataclasses import dataclass
from typing import Literal, NoReturn

import numpy as np

from mmm_core.errors import DataError

Metric = Literal["outcome", "kpi", "roas"]
METRICS: tuple[Metric, ...] = ("outcome", "kpi", "roas")
"""What was measured: incremental money, incremental KPI units, or incremental money per money."""


@dataclass(frozen=True)
class Experiment:
    """One row of the registry.  Its result is that of all its cells (channel, geo, week) together."""

    name: str
    origin: str
    """File it stands in, for messages."""
    row: int
    """Row of that file."""
    channels: tuple[str, ...]
    geos: tuple[str, ...]
    start: np.datetime64
    """First day on which spend was changed."""
    end: np.datetime64
    """Last such day."""
    spend_change: float | None
    """Money that was spent more (> 0) or less (< 0) in all cells because of the test; None where
    `relative_change` says it."""
    relative_change: float | None
    """The same as a share of what would have been spent: 0.5 is half more, -1 is nothing at all."""
    metric: Metric
    estimate: float
    """The result: with the change minus without it (over the change of spend for `roas`)."""
    sd: float
    """Its standard error, > 0."""
    post_weeks: int = 0
    """Weeks after the end that the result includes."""
    design: str = ""
    source: str = ""

    def refuse(self, problem: str) -> NoReturn:
        """Raise about this row.

        Args:
            problem: what is wrong, what is allowed, and what to do.

        Raises:
            DataError: always.
        """
        raise DataError(f"{self.origin}, row {self.row} (experiment {self.name}): {problem}")
