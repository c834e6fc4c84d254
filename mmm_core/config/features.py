"""Section `features`: transformations of media and time, and further columns for the model."""

from typing import Annotated, Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name


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
    """Patterns of the calendar."""

    annual_fourier_order: Annotated[int, Field(ge=0, le=10)] | Literal["auto"] = "auto"
    """Pairs of annual sine and cosine terms; 0 for none.  `auto`: 2 where there are at least 78 weeks and
    `model.knots` are at least 8 weeks apart, else none."""
    monthly_fourier_order: int = Field(0, ge=0, le=2)
    """Pairs of terms with the period of a month (pay days); 0 for none."""
    calendar_effects: tuple[Literal["month_start", "month_end", "quarter_end", "year_end"], ...] = ()
    """Share of a week's days that are among the first three or last three of a month, or the last seven of a
    quarter or year."""


class HolidaysConfig(Section):
    """Public holidays as controls."""

    country: Name | None = None
    """ISO code of the country (`US`, `DE-BY` with a region) of every geo that is not in `territories`; null:
    no holidays there."""
    territories: dict[Name, Name] = {}
    """geo -> ISO code."""
    names: tuple[Name, ...] = ()
    """Holidays (English names, parts suffice) that get a control of their own; all others share one."""
    lead_weeks: int = Field(0, ge=0, le=4)
    """Weeks before a holiday that get a column of their own, for purchases made ahead."""
    lag_weeks: int = Field(0, ge=0, le=4)
    """Weeks after it, likewise."""


class EventConfig(Section):
    """A promotion, launch or the like: share of each week's days on which it was on, times its intensity."""

    dates: tuple[Name, ...] = ()
    """Days (YYYY-MM-DD), or periods `YYYY-MM-DD/YYYY-MM-DD`, both ends included."""
    geos: tuple[Name, ...] = ()
    """Geos concerned; empty: all."""
    intensity: float = Field(1.0, gt=0)
    """Its strength, e.g. the discount in percent."""


class BaselineConfig(Section):
    """What moves the KPI besides media; all of it enters as controls."""

    trend: Literal["none", "linear", "quadratic"] = "none"
    """Of the years since the first week of all geos.  Beside many knots it can hardly be told from them."""
    price_cols: tuple[Name, ...] = ()
    """Source columns, or patterns, that enter as log(value / mean of the geo); every value is above 0."""
    distribution_cols: tuple[Name, ...] = ()
    """Source columns, or patterns, that enter as value - mean of the geo."""
    macro_cols: tuple[Name, ...] = ()
    """Source columns, or patterns, that enter standardised over the geo's weeks."""


class CreativeFatigueConfig(Section):
    """Wear-out of creatives, where their refreshes are recorded."""

    enabled: bool = False
    age_cols: dict[Name, Name] = {}
    """channel -> source column with the age of its creative in days, or with an identifier that changes with
    each refresh."""
    half_life_weeks: float = Field(8.0, gt=0)
    """Age at which a creative's media count half."""
    channels_as: Literal["discount", "control"] = "discount"
    """`discount`: media units are multiplied by 0.5 ** (age / half life) before adstock; `control`: the age
    enters as a control."""


class AttributionConfig(Section):
    """Conversions that platforms attribute to themselves, where they are recorded."""

    enabled: bool = False
    conversions: dict[Name, Name] = {}
    """channel -> source column with attributed conversions (or revenue).  They are outcomes of media, so they
    never enter the model; they are kept beside it for comparison."""
    window_days: int = Field(7, ge=0, le=90)
    """Days after the contact within which the platform counts, for the documents."""


class FeaturesConfig(Section):
    """Transformations of media and time, and further columns."""

    adstock: AdstockConfig = AdstockConfig()
    saturation: SaturationConfig = SaturationConfig()
    seasonality: SeasonalityConfig = SeasonalityConfig()
    holidays: HolidaysConfig = HolidaysConfig()
    events: dict[Name, EventConfig] = {}
    """name -> when.  Each is a non-media treatment whose effect counts from the weeks without it."""
    event_cols: tuple[Name, ...] = ()
    """Source columns, or patterns, with an event's name on its days and nothing otherwise; each name becomes
    a non-media treatment."""
    baseline: BaselineConfig = BaselineConfig()
    custom_terms: dict[Name, Name] = {}
    """name -> expression over source columns of the weekly panel, e.g. `lag(price, 1)`, `temperature ** 2`;
    each is a control.  The KPI, and what platforms attribute to themselves, cannot be used."""
    creative_fatigue: CreativeFatigueConfig = CreativeFatigueConfig()
    attribution: AttributionConfig = AttributionConfig()
