"""The whole configuration: one closed, frozen model."""

from mmm_core.config.alerts import AlertsConfig
from mmm_core.config.automation import AutomationConfig
from mmm_core.config.base import Section
from mmm_core.config.benchmark import BenchmarkConfig
from mmm_core.config.cleaning import EnhancedCleaningConfig
from mmm_core.config.deployment import DeploymentConfig
from mmm_core.config.experiments import CalibrationConfig
from mmm_core.config.features import FeaturesConfig
from mmm_core.config.ingest import ExternalDataConfig, IngestConfig
from mmm_core.config.inputs import Name, PathsConfig, ProjectConfig
from mmm_core.config.mapping import DataConfig
from mmm_core.config.modeling import ComplexityConfig, ModelConfig, TrainingConfig
from mmm_core.config.optimization import OptimizationConfig
from mmm_core.config.outputs import (
    AttributionConfig,
    EvaluationConfig,
    LoggingConfig,
    ReportsConfig,
    RuntimeConfig,
    TrackingConfig,
)
from mmm_core.config.promotion import PromotionConfig
from mmm_core.config.refresh import RefreshConfig
from mmm_core.config.validation import ValidationConfig


class Config(Section):
    """Effective configuration of one project (profiles are already merged in)."""

    project: ProjectConfig = ProjectConfig()
    paths: PathsConfig = PathsConfig()
    ingest: IngestConfig = IngestConfig()
    external_data: dict[Name, ExternalDataConfig] = {}
    """Tables from outside: competitors, economy, market research."""
    data: DataConfig = DataConfig()
    validation: ValidationConfig = ValidationConfig()
    enhanced_cleaning: EnhancedCleaningConfig = EnhancedCleaningConfig()
    features: FeaturesConfig = FeaturesConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    complexity: ComplexityConfig = ComplexityConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    attribution: AttributionConfig = AttributionConfig()
    optimization: OptimizationConfig = OptimizationConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    promotion: PromotionConfig = PromotionConfig()
    refresh: RefreshConfig = RefreshConfig()
    reports: ReportsConfig = ReportsConfig()
    tracking: TrackingConfig = TrackingConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()
    logging: LoggingConfig = LoggingConfig()
    deployment: DeploymentConfig = DeploymentConfig()
    automation: AutomationConfig = AutomationConfig()
    alerts: AlertsConfig = AlertsConfig()
