"""Section `enhanced_cleaning`: how data is cleaned; every changed cell is logged."""

from typing import Annotated, Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name

Combine = Literal["sum", "mean", "max", "min", "first", "last"]


class OutliersConfig(Section):
    """What is done about extreme media values."""

    policy: Literal["none", "flag", "contextual_winsorization"] = "none"
    """`flag` reports, `contextual_winsorization` caps each column of each geo at its own percentile."""
    winsorize_percentile: float = Field(99.0, gt=50, le=100)
    """Of the weeks in which the column is above 0.  Controls: of all weeks, and at 100 minus it from below."""
    columns: tuple[Literal["spend", "media", "kpi", "controls"], ...] = ("spend", "media")
    """What is capped or flagged; `media` includes reach."""
    exempt_promo_periods: bool = True
    """Weeks of a promotion stay as they are and do not count for the percentile: those of `features.events`
    and of `features.event_cols`, and those in which one of `promo_columns` is above its median."""
    promo_columns: tuple[Name, ...] = ()
    """Names of non-media treatments or controls that mark promotions."""


class OutageConfig(Section):
    """A period in which recording is known to have failed."""

    start: Name
    """First day, YYYY-MM-DD."""
    end: Name
    """Last day, YYYY-MM-DD."""
    columns: tuple[Name, ...] = ("kpi",)
    """`kpi`, channels (all columns of each), or source columns."""
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
    """campaign_aware: a stretch without any value of at least `min_pause_days` is a pause (0) even between
    active days."""
    min_pause_days: int = Field(14, ge=1)
    outage_detection: bool = False
    """Zeros in the middle of activity are an outage: of the KPI; of all channels of a platform at once (the
    same first word before `_`, as in `google_search`); of a channel's spend while its media units go on, or
    the other way round.  Activity: 90 percent of the days within 28 days of the stretch, on both sides."""
    max_outage_days: int = Field(14, ge=1)
    """Longer stretches of zeros are taken as they are (pauses)."""
    outage_action: Literal["mask", "impute"] = "mask"
    """An outage of the KPI: `mask` it (left out of the fit) or `impute` it.  Spend and media are imputed: from
    each other at the channel's usual cost, or else between the levels of the 4 active weeks before and after,
    with the pattern of the weekdays.  Other columns are interpolated."""
    outages: tuple[OutageConfig, ...] = ()
    """Known outages, detected or not."""


class DuplicatesConfig(Section):
    """What is done about several rows of one geo and date."""

    policy: Literal["refuse", "drop_identical", "aggregate"] = "refuse"
    """`refuse`; drop exact copies and refuse the rest; or `aggregate`: combine the rows into one."""
    identical_rows: Literal["drop", "keep"] = "drop"
    """aggregate: exact copies are loaded twice (`drop`) or are separate records (`keep`, transactions)."""
    rules: dict[Name, Combine] = {}
    """source column -> how its rows are combined.  Others: spend, media, reach, KPI and attributed conversions
    are additive (`sum`), everything else is not (`mean`; frequency weighted by reach, revenue per KPI by KPI).
    Amounts that every row of a date repeats (of further tables, of all geos together) are never added up.
    Empty cells do not count."""


class CurrencyConfig(Section):
    """Money in several currencies (`data.currency_col`)."""

    policy: Literal["refuse", "convert", "scale_per_geo"] = "refuse"
    """Money (spend, revenue, revenue per KPI) in more than one currency, or in another than `project.currency`,
    is refused; `convert`ed to `project.currency`; or each geo's money, of one currency, is divided by its mean
    revenue per date (`scale_per_geo`): ROI stays right, totals are in average dates' revenue of a geo."""
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
