"""What a report is made from: the exported tables, checks and the configuration used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mmm_core.errors import StorageError
from mmm_core.exploration.exploration import Exploration
from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.quality.check import CheckResult
from mmm_core.refresh.changes import WhatChanged
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.exports import DIAGNOSTICS_KEYS, EXPORT_COLUMNS, require_columns
from mmm_core.reporting.sampling import Sampling
from mmm_core.reporting.trust_tables import TrustTables
from mmm_core.selection.choice import ModelChoice

MEDIA_KINDS = ("media", "organic_media")
"""Kinds of components that are channels: paid and organic ones."""
_CHANGE_COLUMNS = ("geo", "date", "column", "before", "after", "rule")


@dataclass(frozen=True)
class Totals:
    """What only the draws can tell: intervals of sums (quantiles of parts do not add up)."""

    fit: pd.DataFrame | None = None
    """date, actual (missing where that of a geo is), predicted_mean, q05, q95 of the sum over geos, KPI units."""
    media_share: tuple[float, float] | None = None
    """5 % and 95 % quantile of the share of the fitted KPI that all paid channels together brought."""
    media_roi: tuple[float, float] | None = None
    """5 % and 95 % quantile of what all paid channels together returned per unit of money."""


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a report says; the report computes nothing but sums and ratios of these.

    Raises:
        StorageError: a table lacks a column, or `diagnostics` a key.
    """

    title: str
    project: str
    currency: str
    """Currency of spend, and of outcomes where there is revenue."""
    kpi_name: str
    """What the KPI counts, in plural, e.g. `conversions`."""
    generated_at: str
    contributions: pd.DataFrame
    """`contributions.csv` with column `kind` (see `attribution.contributions.contribution_table`)."""
    channel_summary: pd.DataFrame
    """`channel_summary.csv`."""
    pooled_curves: pd.DataFrame
    """channel, spend, outcome_mean, q05, q95, multiplier; summed over geos."""
    fit: pd.DataFrame
    """`fit.csv`."""
    budget_plan: pd.DataFrame
    """`budget_plan.csv`."""
    diagnostics: Mapping[str, Any]
    """`diagnostics.json`; may have `worst_parameters`: records with parameter, rhat, ess_bulk, ess_tail."""
    checks: tuple[tuple[str, CheckResult], ...]
    """(asset, result) of every check, e.g. (`raw_panel[Geo0]`, ...)."""
    change_log: pd.DataFrame
    """geo, date, column, before, after, rule of each value that cleaning changed."""
    attempts: tuple[str, ...]
    """What was tried before this fit was taken, one sentence per try."""
    config: Mapping[str, tuple[Any, str]]
    """dotted key -> (value, origin), secrets masked."""
    truth_roi: Mapping[str, float] | None
    """channel -> true ROI of simulated data."""
    data_version: str
    has_revenue: bool
    """Whether outcomes (ROI, curves, budgets) are money; KPI units otherwise."""
    totals: Totals = Totals()
    """What cannot be had by adding rows; see `reporting.totals`."""
    scenarios: tuple[ScenarioSummary, ...] = ()
    """Intervals and probabilities of the scenarios of `budget_plan`, where known."""
    model: tuple[str, ...] = ()
    """What was assumed, one sentence per choice; see `reporting.model_words`."""
    model_choice: ModelChoice | None = None
    """How the model was chosen, where it was."""
    exploration: Exploration | None = None
    """The data before any model, where they were explored."""
    decisions: DecisionTables = DecisionTables()
    """Further tables about the past, the channels and plans."""
    trust: TrustTables = TrustTables()
    """Verdict, backtests, stability and experiments."""
    experiment_notes: tuple[str, ...] = ()
    """Which lift test is proposed next, and what that rests on, in sentences."""
    changes: WhatChanged | None = None
    """The comparison with the last accepted fit, where it was made."""
    sampling: Sampling | None = None
    """How the draws came about, where pictures of it are wanted."""
    model_version: str | None = None
    """Which version of the model this is, in words; None where versions are not kept."""
    excluded_geos: Mapping[str, str] = field(default_factory=dict)
    """Geo of the source that is not in the fit, the plans and the totals -> why."""

    def __post_init__(self) -> None:
        for name, frame in (
            ("contributions.csv", self.contributions),
            ("channel_summary.csv", self.channel_summary),
            ("fit.csv", self.fit),
            ("budget_plan.csv", self.budget_plan),
        ):
            require_columns(frame, EXPORT_COLUMNS[name], name)
        require_columns(self.contributions, ("kind",), "contributions")
        curve_columns = ("channel", "spend", "outcome_mean", "q05", "q95", "multiplier")
        require_columns(self.pooled_curves, curve_columns, "pooled response curves")
        require_columns(self.change_log, _CHANGE_COLUMNS, "change log")
        missing = [key for key in DIAGNOSTICS_KEYS if key not in self.diagnostics]
        if missing:
            raise StorageError(f"The diagnostics lack {', '.join(missing)}; materialize evaluation again.")

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names in the order of the summary."""
        return tuple(str(channel) for channel in self.channel_summary["channel"])

    @property
    def paid_channels(self) -> tuple[str, ...]:
        """The channels that cost money."""
        table = self.contributions
        organic = set(table.loc[table["kind"] == "organic_media", "component"].astype(str))
        return tuple(channel for channel in self.channels if channel not in organic)

    @property
    def has_organic(self) -> bool:
        """Whether some channels cost nothing."""
        return len(self.paid_channels) < len(self.channels)

    @property
    def geos(self) -> tuple[str, ...]:
        """Geo names in the order of the fit."""
        return tuple(str(geo) for geo in self.fit["geo"].unique())

    @property
    def blocking(self) -> tuple[tuple[str, CheckResult], ...]:
        """Failed checks that block, those of the verdict included."""
        return tuple((asset, check) for asset, check in self._failed if check.blocks)

    @property
    def warnings(self) -> tuple[tuple[str, CheckResult], ...]:
        """Failed checks that only inform, those of the verdict included."""
        return tuple((asset, check) for asset, check in self._failed if not check.blocks)

    @property
    def _failed(self) -> tuple[tuple[str, CheckResult], ...]:
        """Failed checks, and the verdict's reasons that are not among them: it judges more than the fit."""
        failed = tuple((asset, check) for asset, check in self.checks if not check.passed)
        known = {check.name for _, check in failed}
        reasons = () if self.trust.verdict is None else self.trust.verdict.reasons
        return failed + tuple(
            (reason.group, CheckResult(reason.check, False, "error" if reason.blocks else "warn", reason.message))
            for reason in reasons
            if reason.check not in known
        )

    @property
    def outcome_unit(self) -> str:
        """Unit of incremental outcomes: the currency, or the KPI's name."""
        return self.currency if self.has_revenue else self.kpi_name
