"""Which source column is what."""

from dataclasses import dataclass
from typing import Literal

from mmm_core.config.mapping import ChannelColumns
from mmm_core.data.panel import (
    CONTROL,
    DATE,
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

    @property
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
        return {panel: source for panel, source in columns.items() if source is not None}

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
        return self.date if panel_column == DATE else self.numeric_columns.get(panel_column, panel_column)
