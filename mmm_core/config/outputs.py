"""Sections about what comes out: evaluation, reports, tracking, runtime, logging."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name, Share


class MetricsConfig(Section):
    """Limits that a good fit keeps."""

    mape_threshold: float = Field(0.15, gt=0)
    """Largest weighted mean absolute percentage error, as a fraction."""
    coverage_threshold: Share = 0.8
    """Smallest share of weeks inside the 90 % posterior predictive interval."""


class EvaluationConfig(Section):
    """When a fit counts as good enough."""

    metrics: MetricsConfig = MetricsConfig()


class ReportsConfig(Section):
    """What the report says."""

    title: Name | None = None
    """Title of the report; null: the project's name."""


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
