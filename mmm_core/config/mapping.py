"""Section `data`: which column is what, and which rows count."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name, Weekday


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


class RowsConfig(Section):
    """Which rows of the source count."""

    where: dict[Name, tuple[Name, ...]] = {}
    """column -> values; rows with another value are left out (one brand of many, for example)."""
    exclude: dict[Name, tuple[Name, ...]] = {}
    """column -> values whose rows are left out (a roll-up such as `All Territories`)."""


class NationalColumnsConfig(Section):
    """Amounts known only for all geos together, which are spread over the geos."""

    columns: tuple[Name, ...] = ()
    """Source columns, or patterns.  Each geo's row holds the national amount, or see `geo`.  Money among them is
    in `project.currency`, whatever the currency of the row."""
    by: Name = "population"
    """Key of the split: `population` (`data.population_col`), `equal`, or a source column; each date's shares
    sum to 1 over the geos that have a row."""
    geo: Name | None = None
    """Geo whose rows hold the national amounts; it is then no geo of its own.  null: repeated in every row."""


class DataConfig(Section):
    """How source columns map to the model's terms."""

    date_col: Name | None = None
    date_format: Name | None = None
    """How dates are written, with the codes of strptime (`%d/%m/%Y`); null: recognised, and refused where day
    and month cannot be told apart."""
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
    """Patterns (`x*`, `!x9`) of spend columns that are channels under their own names, besides `channel_map`;
    `!x9` alone says that x9 is left out on purpose."""
    organic_media: dict[Name, Name] = {}
    """organic channel -> its media column; it has no spend."""
    non_media_treatments: tuple[Name, ...] = ()
    """Columns, or patterns, of promotions, prices and the like: linear effects that count from their smallest
    value."""
    controls: tuple[Name, ...] = ()
    """Columns, or patterns (`c*`, `!*_effect`)."""
    controls_per_capita: tuple[Name, ...] = ()
    """Those of `controls` and `non_media_treatments` (columns or patterns) that are divided by population."""
    derived_columns: dict[Name, Name] = {}
    """new column -> expression over source columns (see docs/data.md), e.g. a group of channels:
    `performance: fill(Affiliates, 0) + fill(SEM, 0)`."""
    rows: RowsConfig = RowsConfig()
    national_columns: NationalColumnsConfig = NationalColumnsConfig()
    currency_col: Name | None = None
    """Column with the currency of each row (ISO code)."""
    windows: WindowsConfig = WindowsConfig()
    week_start: Weekday = "monday"
    """First day of a week, to which daily data is aggregated and weekly dates are aligned."""
    on_bad_geo: Literal["stop", "exclude"] = "stop"
    """What becomes of the pooled fit if a blocking check fails for a geo, or its rows cannot be used: nothing is
    pooled, or the geo is left out of fit, budgets and report, which name it with the reason."""
    max_excluded_share: float = Field(0.2, ge=0, lt=1)
    """Largest share of the geos that `exclude` may leave out; beyond it nothing is pooled."""
