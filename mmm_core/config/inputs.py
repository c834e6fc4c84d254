"""Sections about what goes in: project, paths, ingest, data, validation, enhanced_cleaning, features."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mmm_core.config.base import Section

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Interval = tuple[float, float]


class ProjectConfig(Section):
    """Who this project is."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "mmm"
    """Identifier, used in partition names, MLflow experiment and report title."""
    currency: Name = "USD"
    """Currency of spend and revenue, for labels."""
    owners: tuple[str, ...] = ()
    """Owners shown on every asset: e-mail addresses or `team:name`."""


class PathsConfig(Section):
    """Where results live."""

    storage: Name = ".mmm"
    """Folder (relative to the working directory) of all stored assets, exports and the MLflow store."""


class SimulatorConfig(Section):
    """A simulated panel with known truth."""

    preset: (
        Literal[
            "small_business", "growing_business", "medium_business", "large_business", "geo_effects", "endogenous"
        ]
        | None
    ) = None
    """A panel of the benchmark instead of one of the sizes below."""
    n_geos: int = Field(8, ge=1, le=2000)
    n_weeks: int = Field(104, ge=20, le=1040)
    n_channels: int = Field(5, ge=1, le=60)
    n_controls: int = Field(2, ge=0, le=20)
    start_date: Name = "2023-01-02"
    """Monday of the first week, ISO."""
    seed: int = Field(20240101, ge=0)


class IngestConfig(Section):
    """Where raw data comes from."""

    connector_priority: tuple[Literal["file", "simulator"], ...] = Field(("file",), min_length=1)
    """Connectors in the order in which they are tried; one that is not configured is passed over."""
    path: Name | None = None
    """CSV or Parquet file: a local path or any fsspec URL (`https://`, `file://`, ...)."""
    simulator: SimulatorConfig = SimulatorConfig()


class WindowsConfig(Section):
    """Which weeks of the panel are used; null: all."""

    estimation_months: int | None = Field(None, ge=6)
    """The last so many months are fitted."""
    carryover_months: int | None = Field(None, ge=0)
    """Media of so many months before them feed carryover only; null: as far as `adstock.max_lag` reaches."""


class ChannelColumns(Section):
    """The columns of one paid media channel."""

    spend: Name
    """Column with spend, in `project.currency` per period."""
    media: Name | None = None
    """Column with media units (impressions, clicks, ...); spend itself where there is none."""
    reach: Name | None = None
    """Column with people reached, instead of `media`; needs `frequency`."""
    frequency: Name | None = None
    """Column with the average number of contacts of the people reached."""


class DataConfig(Section):
    """How source columns map to the model's terms."""

    date_col: Name | None = None
    keys: tuple[Name, ...] = ()
    """Columns that together identify a geo; empty for national data."""
    kpi_col: Name | None = None
    """KPI that is not money (conversions, ...).  Give this or `revenue_col`."""
    revenue_col: Name | None = None
    """KPI that is revenue.  Give this or `kpi_col`."""
    revenue_per_kpi_col: Name | None = None
    population_col: Name | None = None
    channel_map: dict[Name, Name | ChannelColumns] = {}
    """channel -> spend column, or {spend: column, media: column}."""
    channel_columns: tuple[Name, ...] = ()
    """Patterns (`x*`, `!x9`) of spend columns that are channels under their own names, besides `channel_map`."""
    organic_media: dict[Name, Name] = {}
    """organic channel -> its media column; it has no spend."""
    non_media_treatments: tuple[Name, ...] = ()
    """Columns, or patterns, of promotions, prices and the like: linear effects that count from their smallest
    value."""
    controls: tuple[Name, ...] = ()
    """Columns, or patterns (`c*`, `!*_effect`)."""
    controls_per_capita: tuple[Name, ...] = ()
    """Those of `controls` and `non_media_treatments` (columns or patterns) that are divided by population."""
    windows: WindowsConfig = WindowsConfig()
    week_start: Weekday = "monday"
    """First day of a week, to which daily data is aggregated and weekly dates are aligned."""


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


class ValueSanityConfig(Section):
    """Which values are believable."""

    roi_range: Interval = (0.0, 100.0)
    """Plausible range of naive ROI: total outcome / total spend of one channel."""


class QualityThresholdsConfig(Section):
    """How good data must be as a whole."""

    min_validation_score: Share = 0.8


class ValidationConfig(Section):
    """Rules that data must pass before it may be modelled."""

    coverage_frequency: CoverageConfig = CoverageConfig()
    identifiability: DataIdentifiabilityConfig = DataIdentifiabilityConfig()
    value_sanity: ValueSanityConfig = ValueSanityConfig()
    quality_thresholds: QualityThresholdsConfig = QualityThresholdsConfig()


class OutliersConfig(Section):
    """What is done about extreme media values."""

    policy: Literal["none", "flag", "contextual_winsorization"] = "none"
    """`flag` reports, `contextual_winsorization` caps each geo's channel at its own percentile."""
    winsorize_percentile: float = Field(99.0, gt=50, le=100)


class MissingDataConfig(Section):
    """What is done about missing weeks."""

    strategy: Literal["refuse", "mask", "simple"] = "mask"
    """Missing weeks inside a geo's range: `refuse` them; `mask` the KPI, which then stays out of the fit
    (media and spend 0, the rest interpolated); or fill `simple` (KPI interpolated too).  Every filled cell
    is in the change log."""


class EnhancedCleaningConfig(Section):
    """How data is cleaned; every changed cell is logged."""

    outliers: OutliersConfig = OutliersConfig()
    missing_data: MissingDataConfig = MissingDataConfig()


class AdstockOverride(Section):
    """Carry-over of one channel."""

    decay: float | None = Field(None, gt=0, lt=1)
    """Prior mean of `alpha`, the share of the effect carried to the next week."""
    fixed: bool = False
    """Whether `alpha` is exactly `decay`."""
    type: Literal["geometric", "binomial", "delayed", "weibull"] | None = None
    """null: `features.adstock.type`."""


class AdstockConfig(Section):
    """Carry-over of media effects into later weeks."""

    type: Literal["geometric", "binomial", "delayed", "weibull"] = "geometric"
    """`delayed` peaks after some weeks, `weibull` may drop late; both by the pymc backend only."""
    max_lag: int = Field(8, ge=0, le=52)
    """Weeks over which an effect is spread after the week of the spend."""
    platform_overrides: dict[Name, AdstockOverride] = {}


class SaturationOverride(Section):
    """Saturation of one channel."""

    k: float | None = Field(None, gt=0.1, lt=10)
    """Prior centre of the half-saturation point `ec`, in units of the channel's media scale."""
    fixed: bool = False
    """Whether `ec` is exactly `k`."""
    slope: Literal["fixed", "free"] | None = None
    """null: `features.saturation.slope`."""
    type: Literal["hill", "logistic", "michaelis_menten", "none"] | None = None
    """null: `features.saturation.type`."""


class SaturationConfig(Section):
    """Diminishing returns of media."""

    type: Literal["hill", "logistic", "michaelis_menten", "none"] = "hill"
    """`michaelis_menten` is Hill with slope 1; `logistic` by the pymc backend only."""
    slope: Literal["fixed", "free"] = "fixed"
    """Hill slope: `fixed` at 1 (concave curves) or `free` with prior LogNormal(0.3, 0.4)."""
    channel_overrides: dict[Name, SaturationOverride] = {}


class SeasonalityConfig(Section):
    """Patterns that return every year."""

    annual_fourier_order: int = Field(0, ge=0, le=10)
    """Pairs of annual sine and cosine terms; 0 for none."""


class HolidaysConfig(Section):
    """Public holidays as controls."""

    country: Name | None = None
    """ISO code of the country (`US`, `DE-BY` with a region) of every geo that is not in `territories`; null:
    no holidays there."""
    territories: dict[Name, Name] = {}
    """geo -> ISO code."""
    names: tuple[Name, ...] = ()
    """Holidays (English names, parts suffice) that get a control of their own; all others share one."""


class FeaturesConfig(Section):
    """Transformations of media and time."""

    adstock: AdstockConfig = AdstockConfig()
    saturation: SaturationConfig = SaturationConfig()
    seasonality: SeasonalityConfig = SeasonalityConfig()
    holidays: HolidaysConfig = HolidaysConfig()
