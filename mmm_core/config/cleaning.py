"""Section `enhanced_cleaning`: how data is cleaned; every changed cell is logged."""

from typing import Annotated, Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name

Combine = Literal["sum", "mean", "max", "min", "first", "last"]


class OutliersConfig(Section):
    """What is done about extreme media values."""

    policy: Literal["none", "flag", "contextual_winsorization"] = "none"
    """`flag` reports, `contextual_winsorization` caps each geo's channel at its own percentile."""
    winsorize_percentile: float = Field(99.0, gt=50, le=100)
    """Of the weeks in which the channel is active."""
    columns: tuple[Literal["spend", "media", "kpi", "controls"], ...] = ("spend", "media")
    """What is capped or flagged; `media` includes reach."""
    exempt_promo_periods: bool = True
    """Weeks of a promotion stay as they are and do not count for the percentile: those of `features.events`,
    and those in which one of `promo_columns` is above its median."""
    promo_columns: tuple[Name, ...] = ()
    """Names of non-media treatments or controls that mark promotions."""


class OutageConfig(Section):
    """A period in which recording is known to have failed."""

    start: Name
    """First day, YYYY-MM-DD."""
    end: Name
    """Last day, YYYY-MM-DD."""
    columns: tuple[Name, ...] = ("kpi",)
    """`kpi`, channels, or source columns."""
    geos: tuple[Name, ...] = ()
    """Geos concerned; empty: all."""


class MissingDataConfig(Section):
    """What is done about missing weeks and values, and about zeros that are none."""

    strategy: Literal["refuse", "mask", "simple", "campaign_aware"] = "mask"
    """Missing values inside a geo's range: `refuse` them; `mask` the KPI, which then stays out of the fit
    (spend and media 0, the rest interpolated); fill `simple` (KPI interpolated too); or `campaign_aware`: as
    `mask`, but missing spend and media between two active days are an outage and are imputed, while those at
    the edge of a pause are 0."""
    pause_detection: bool = True
    """campaign_aware: an empty stretch of at least `min_pause_days` is a pause (0) even between active days."""
    min_pause_days: int = Field(14, ge=1)
    outage_detection: bool = False
    """Zeros of the KPI, or of all channels of a platform at once, in the middle of activity are an outage."""
    max_outage_days: int = Field(14, ge=1)
    """Longer stretches of zeros are taken as they are (pauses)."""
    outage_action: Literal["mask", "impute"] = "mask"
    """An outage of the KPI: `mask` it (left out of the fit) or `impute` it.  Spend and media are imputed."""
    outages: tuple[OutageConfig, ...] = ()
    """Known outages, detected or not."""


class DuplicatesConfig(Section):
    """What is done about several rows of one geo and date."""

    policy: Literal["refuse", "drop_identical", "aggregate"] = "refuse"
    """`refuse`; drop exact copies and refuse the rest; or `aggregate`: combine the rows into one."""
    identical_rows: Literal["drop", "keep"] = "drop"
    """aggregate: exact copies are loaded twice (`drop`) or are separate records (`keep`, transactions)."""
    rules: dict[Name, Combine] = {}
    """source column -> how its rows are combined.  Others: spend, media, reach and KPI are additive (`sum`),
    everything else is not (`mean`)."""


class CurrencyConfig(Section):
    """Money in several currencies (`data.currency_col`)."""

    policy: Literal["refuse", "convert", "scale_per_geo"] = "refuse"
    """More than one currency is refused; `convert`ed to `project.currency`; or each geo's money is divided by
    its mean KPI (`scale_per_geo`): ROI stays right, totals are in average periods of a geo."""
    rates: dict[Name, Annotated[float, Field(gt=0)]] = {}
    """currency (ISO code) -> what one unit of it is worth in `project.currency`."""
    rate_col: Name | None = None
    """Column with that worth on each row, instead of `rates` (a joined table of rates, for example)."""


class EnhancedCleaningConfig(Section):
    """How data is cleaned; every changed cell is logged."""

    currency: CurrencyConfig = CurrencyConfig()
    duplicates: DuplicatesConfig = DuplicatesConfig()
    week_alignment: Literal["keep", "align"] = "keep"
    """Weekly dates on another weekday than `data.week_start`: `keep` them (all geos must then agree), or move
    each to the first day of its week."""
    missing_data: MissingDataConfig = MissingDataConfig()
    outliers: OutliersConfig = OutliersConfig()
