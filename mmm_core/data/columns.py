"""Which source column is what."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mmm_core.config.mapping import ChannelColumns
from mmm_core.data.panel import (
    AGE,
    ATTRIBUTED,
    CONTROL,
    CURRENCY,
    CURRENCY_RATE,
    DATE,
    EVENT,
    EXTRA,
    FREQUENCY,
    GEO,
    KPI,
    MEDIA,
    POPULATION,
    REACH,
    REVENUE_PER_KPI,
    SPEND,
    TREATMENT,
)


@dataclass(frozen=True)
class ColumnMapping:
    """Which source column is what.  M paid channels."""

    keys: tuple[str, ...]
    """Columns that together name a geo; empty for a national panel."""
    date: str
    kpi: str
    kpi_type: Literal["revenue", "non_revenue"]
    revenue_per_kpi: str | None
    population: str | None
    channels: tuple[str, ...]
    """M names of paid channels."""
    channel_columns: tuple[ChannelColumns, ...]
    """M spend, media, reach and frequency columns, in the order of `channels`."""
    controls: tuple[str, ...]
    """Control columns, which are also their names."""
    organic: tuple[str, ...] = ()
    """Names of organic channels: media without spend."""
    organic_columns: tuple[str, ...] = ()
    """Their media columns, in the same order."""
    treatments: tuple[str, ...] = ()
    """Columns of non-media treatments, which are also their names."""
    per_capita: tuple[str, ...] = ()
    """Those of `controls` and `treatments` that are divided by population."""
    currency: str | None = None
    """Column with the currency of each row."""
    rate: str | None = None
    """Column with what one unit of it is worth in the project's currency."""
    national: tuple[str, ...] = ()
    """Columns with amounts of all geos together."""
    national_by: str = "equal"
    """How they are split: `population`, `equal`, or a column."""
    national_geo: str | None = None
    """Geo whose rows hold them, which is none of its own; None: each geo's rows do."""
    extras: tuple[str, ...] = ()
    """Columns that only features are computed from; some may be controls too."""
    ages: tuple[tuple[str, str], ...] = ()
    """(channel, column with the age of its creative in days)."""
    attributed: tuple[tuple[str, str], ...] = ()
    """(channel, column with the conversions that its platform attributes to it)."""
    events: tuple[str, ...] = ()
    """Columns that say on which days, or how strongly, an event was on."""
    joined: frozenset[str] = frozenset()
    """Columns of further tables, of all geos together, or derived from such columns only: several rows of one geo
    and date hold the same value."""
    date_format: str | None = None
    """How dates are written (strptime); None: recognised."""
    weeks_from: str | None = None
    """Weekday to which cleaning will move weekly dates (`enhanced_cleaning.week_alignment`); None: they stay."""

    @cached_property
    def numeric_columns(self) -> dict[str, str]:
        """Panel column -> source column, for everything but geo and date, in the panel's order."""
        columns: dict[str, str | None] = {
            KPI: self.kpi,
            REVENUE_PER_KPI: self.revenue_per_kpi,
            POPULATION: self.population,
        }
        for channel, source in zip(self.channels, self.channel_columns, strict=True):
            columns |= {f"{SPEND}{channel}": source.spend, f"{MEDIA}{channel}": source.media}
            columns |= {f"{REACH}{channel}": source.reach, f"{FREQUENCY}{channel}": source.frequency}
        columns |= {
            f"{MEDIA}{channel}": source for channel, source in zip(self.organic, self.organic_columns, strict=True)
        }
        columns |= {f"{CONTROL}{control}": control for control in self.controls}
        columns |= {f"{TREATMENT}{treatment}": treatment for treatment in self.treatments}
        columns |= {f"{EXTRA}{column}": column for column in self.extras}
        columns |= {f"{AGE}{channel}": column for channel, column in self.ages}
        columns |= {f"{ATTRIBUTED}{channel}": column for channel, column in self.attributed}
        columns |= {f"{EVENT}{column}": column for column in self.events}
        columns[CURRENCY_RATE] = self.rate
        return {panel: source for panel, source in columns.items() if source is not None}

    @property
    def clean_columns(self) -> dict[str, str]:
        """`numeric_columns` of a clean panel, where all money is in one currency."""
        return {panel: source for panel, source in self.numeric_columns.items() if panel != CURRENCY_RATE}

    @property
    def repeated(self) -> frozenset[str]:
        """Source columns whose value several rows of one geo and date repeat, so that they must not be added."""
        return self.joined.union(self.national)

    @property
    def media_columns(self) -> tuple[str, ...]:
        """Panel columns of what drives each channel, paid then organic: media units, reach, or else spend."""
        paid = (
            next(prefix for prefix, column in self._candidates(source) if column is not None) + channel
            for channel, source in zip(self.channels, self.channel_columns, strict=True)
        )
        return (*paid, *(f"{MEDIA}{channel}" for channel in self.organic))

    @staticmethod
    def _candidates(source: ChannelColumns) -> tuple[tuple[str, str | None], ...]:
        return (MEDIA, source.media), (REACH, source.reach), (SPEND, source.spend)

    def source_column(self, panel_column: str) -> str:
        """Name in the source of a panel column (several key columns joined by ` / `)."""
        if panel_column == GEO:
            return " / ".join(self.keys) or GEO
        if panel_column == CURRENCY:
            return self.currency or CURRENCY
        return self.date if panel_column == DATE else self.numeric_columns.get(panel_column, panel_column)
