"""Further tables of a report: whether the model may be believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from mmm_core.evaluation.verdict import Verdict


@dataclass(frozen=True)
class TrustTables:
    """What was found beside the fit; None or empty: not made."""

    verdict: Verdict | None = None
    backtest: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """`scores`, `splits`, `roi`, `platforms` (`backtesting.summary.BacktestSummary`)."""
    stability: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Tables of `stability.stability.TABLES`."""
    experiments: pd.DataFrame | None = None
    """Lift tests beside prior and posterior (`experiments.comparison.experiment_table`)."""
    adjustments: pd.DataFrame | None = None
    """How tests became priors (`experiments.calibrate.Calibration.adjustments`)."""
    claims: pd.DataFrame | None = None
    """What platforms claim beside what the model finds (`stability.digital.claims_table`)."""
    prior_weeks: pd.DataFrame | None = None
    """KPI per week before the fit: date, actual, mean, q05, q50, q95."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing at all."""
        frames = (self.experiments, self.adjustments, self.claims, self.prior_weeks)
        every = (*frames, *self.backtest.values(), *self.stability.values())
        return self.verdict is None and not any(table is not None and len(table) for table in every)

    def table(self, name: str) -> pd.DataFrame | None:
        """A table by name, `backtest:scores`, `stability:refresh` or `claims`; None where it has no rows."""
        group, _, part = name.partition(":")
        found = getattr(self, group)
        table = found.get(part) if part else found
        return table if table is not None and len(table) else None
