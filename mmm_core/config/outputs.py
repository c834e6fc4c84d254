"""Sections about what comes out: evaluation, reports, tracking, runtime, logging."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from mmm_core.config.backtests import ValidationStrategiesConfig
from mmm_core.config.base import Section
from mmm_core.config.inputs import Name, Share
from mmm_core.config.stability import DigitalChecksConfig, StabilityConfig

PeriodKind = Literal["year", "quarter", "month"]


class MetricsConfig(Section):
    """Limits that a good fit keeps."""

    mape_threshold: float = Field(0.15, gt=0)
    """Largest weighted mean absolute percentage error, as a fraction."""
    coverage_threshold: Share = 0.8
    """Smallest share of weeks inside the 90 % posterior predictive interval."""


class PriorPredictiveConfig(Section):
    """Limits that the priors keep before anything is fitted."""

    max_impossible_share: Share = 0.5
    """Largest prior probability that the window's KPI is negative or more than five times what it was."""
    max_negative_baseline: Share = 0.5
    """Largest prior probability that the KPI without any media is negative."""
    max_media_above_total: Share = 0.25
    """Largest prior probability that media brought more than all of the KPI that was observed."""


class EvaluationConfig(Section):
    """When a fit counts as good enough."""

    metrics: MetricsConfig = MetricsConfig()
    prior_predictive: PriorPredictiveConfig = PriorPredictiveConfig()
    validation_strategies: ValidationStrategiesConfig = ValidationStrategiesConfig()
    stability: StabilityConfig = StabilityConfig()
    digital_checks: DigitalChecksConfig = DigitalChecksConfig()
    severities: dict[Name, Literal["error", "warn", "off"]] = {}
    """check of a fit -> `error` (rejects the model), `warn` or `off`; checks without which numbers mean nothing
    always reject."""


class WindowConfig(Section):
    """A stretch of time."""

    start: date
    """First day; a week counts whose first day is in the window."""
    end: date
    """Last day, inclusive."""


class CounterfactualConfig(Section):
    """What would have been, had media been different."""

    channels: tuple[Name, ...] = ()
    """Channels whose media changes; left out: all paid channels."""
    geos: tuple[Name, ...] = ()
    """Where; left out: everywhere."""
    start: date | None = None
    """First day; null: from the start."""
    end: date | None = None
    """Last day, inclusive; null: to the end."""
    change: Annotated[float, Field(ge=-1, le=10)] = -1.0
    """Relative change of the media (-1: without it)."""


class AttributionConfig(Section):
    """Which questions about the past the attribution tables answer."""

    periods: tuple[PeriodKind, ...] = ("year", "quarter")
    """Calendar periods for which contributions and returns are given, besides the whole window."""
    windows: dict[Name, WindowConfig] = {}
    """name -> a further window, e.g. a campaign."""
    counterfactuals: dict[Name, CounterfactualConfig] = {}
    """name -> a question such as "without TV in the third quarter"."""


class ReportsConfig(Section):
    """What is written for people and other tools, besides the report and the contract's tables."""

    title: Name | None = None
    """Title of the report; null: the project's name."""
    executive_deck: bool = False
    """Write `deck.pptx`: about ten slides for decision makers, with native charts."""
    dashboard_exports: bool = False
    """Write every table to `dashboard/` as CSV and Parquet, with a data dictionary."""
    geo_reports: bool = False
    """Write a page per geo to `geos/`."""
    dated_outputs: bool = False
    """Write plots, tables, scenarios and the model's file to `outputs/` under dated names that are never
    overwritten (`outputs/plots/diagnostics/{step}_{plot}.png`, `outputs/tables/{description}_{date}.csv`, ...)."""


class TrackingConfig(Section):
    """MLflow."""

    tracking_uri: Name | None = None
    """MLflow tracking URI; null: a sqlite store under `paths.storage`."""
    experiment: Name | None = None
    """MLflow experiment; null: the project's name."""


class RuntimeConfig(Section):
    """Compute resources."""

    cores: int | None = Field(None, ge=1)
    """Processor cores for sampling; null: all."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where JAX computes: `gpu` needs a JAX that sees one; `auto` takes what is faster for the model."""
    precision: Literal["float64", "mixed"] = "float64"
    """`mixed`: the media part in float32 (pymc backend; results are compared in docs/statistics.md)."""
    compile_cache: bool = True
    """Keep compiled programs under `paths.storage`, so that a refresh need not compile again."""
    warm_start: bool = True
    """A refresh starts from the last accepted posterior of the same model, if there is one (pymc)."""


class LoggingConfig(Section):
    """What is logged, and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["console", "json"] = "console"
