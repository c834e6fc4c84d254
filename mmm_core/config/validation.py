"""Section `validation`: rules that data must pass before it may be modelled."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Interval, Name, Percent, Share


class CoverageConfig(Section):
    """How much history each geo must have."""

    min_weeks_required: int = Field(52, ge=8)
    preferred_weeks: int = Field(104, ge=8)
    max_missing_weeks_pct: Percent = 2.0


class DataIdentifiabilityConfig(Section):
    """Whether the data can tell channels apart."""

    max_channel_correlation: Share = 0.9
    """Largest |Pearson correlation| of two channels' weekly media (pooled over geos)."""
    min_zero_spend_weeks_pct: Percent = 10.0
    """Geo-weeks without spend that each channel should have, in percent, unless its spend varies enough
    otherwise (coefficient of variation of 0.3 or more)."""
    max_vif: float = Field(10.0, gt=1)
    """Largest variance inflation factor of a channel's media."""
    max_time_r2: Share = 0.99
    """Largest adjusted R² of a channel's media on the weeks: above it, all geos move together and the channel
    can hardly be told from the baseline (several geos only)."""
    max_geo_r2: Share = 0.99
    """Largest adjusted R² of a channel's media on the geos: above it, the channel hardly changes over time."""
    min_points_per_parameter: float = Field(4.0, ge=1)
    """Known KPI values per parameter."""


class MetricToleranceConfig(Section):
    """Cost of media units."""

    max_ratio: float = Field(10.0, gt=1)
    """A week's cost per media unit may be this many times its channel's median, or its inverse."""
    cpm: dict[Name, Interval] = {}
    """channel -> plausible cost per thousand media units (impressions), [low, high]."""
    cpc: dict[Name, Interval] = {}
    """channel -> plausible cost per media unit (click), [low, high]."""


class ValueOutliersConfig(Section):
    """When a value counts as an outlier."""

    iqr_factor: float = Field(3.0, gt=0)
    """Interquartile ranges outside the quartiles of the column's weeks that are not 0, of the values and of their
    logarithms."""
    max_share_pct: Percent = 5.0
    """Outliers, in percent of weeks, that one column may have."""


class ValueSanityConfig(Section):
    """Which values are believable."""

    roi_range: Interval = (0.0, 100.0)
    """Plausible range of naive ROI: total outcome / total spend of one channel.  With more than ten channels the
    upper limit grows with their number, and up to threefold for a channel that is smaller than their mean."""
    metric_tolerance: MetricToleranceConfig = MetricToleranceConfig()
    outliers: ValueOutliersConfig = ValueOutliersConfig()


class QualityThresholdsConfig(Section):
    """How good data must be as a whole."""

    min_validation_score: Share = 0.8
    weights: dict[Name, float] = {}
    """check -> its weight in the score; others weigh 3 if they block and 1 if they inform."""


class ValidationConfig(Section):
    """Rules that data must pass before it may be modelled."""

    coverage_frequency: CoverageConfig = CoverageConfig()
    identifiability: DataIdentifiabilityConfig = DataIdentifiabilityConfig()
    value_sanity: ValueSanityConfig = ValueSanityConfig()
    quality_thresholds: QualityThresholdsConfig = QualityThresholdsConfig()
    severities: dict[Name, Literal["error", "warn", "off"]] = {}
    """check -> what its failure means instead of the default: `error` blocks, `warn` informs, `off` is not
    looked at.  What would make the numbers wrong (types, missing dates) cannot be lowered."""
