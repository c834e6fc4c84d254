"""From source columns to the panel's columns, and from the source table to one geo's panel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
import pandas as pd

from mmm_core.config.inputs import ChannelColumns, DataConfig
from mmm_core.config.loading import check_channel_overrides
from mmm_core.config.schema import Config
from mmm_core.data.layouts import known_layout
from mmm_core.data.naming import geo_codes, natural_order
from mmm_core.data.numbers import dates_or_text, numbers_or_text
from mmm_core.data.panel import (
    CONTROL,
    DATE,
    GEO,
    KPI,
    MEDIA,
    POPULATION,
    REVENUE_PER_KPI,
    SEASON,
    SOURCE_ROW,
    SPEND,
)
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError

_COMPONENT_NAMES = {"baseline", "seasonality"}
"""Names of contribution components that are neither a channel nor a control."""


@dataclass(frozen=True)
class ColumnMapping:
    """Which source column is what.  M channels."""

    keys: tuple[str, ...]
    """Columns that together name a geo; empty for a national panel."""
    date: str
    kpi: str
    kpi_type: Literal["revenue", "non_revenue"]
    revenue_per_kpi: str | None
    population: str | None
    channels: tuple[str, ...]
    """M channel names."""
    channel_columns: tuple[ChannelColumns, ...]
    """M spend and media columns, in the order of `channels`."""
    controls: tuple[str, ...]
    """Control columns, which are also their names."""

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
        columns |= {f"{CONTROL}{control}": control for control in self.controls}
        return {panel: source for panel, source in columns.items() if source is not None}

    def source_column(self, panel_column: str) -> str:
        """Name in the source of a panel column (several key columns joined by ` / `)."""
        if panel_column == GEO:
            return " / ".join(self.keys) or GEO
        return self.date if panel_column == DATE else self.numeric_columns.get(panel_column, panel_column)


def resolve_mapping(config: Config, columns: Sequence[str], origin: str) -> ColumnMapping:
    """Match the configuration, or a known layout, with the columns that there are.

    Where `data.channel_map` is empty, a known layout is looked for (`layouts.known_layout`); what the
    `data` section does say then replaces the layout's answer.

    Args:
        config: its `data` section is the mapping.
        columns: columns of the source.
        origin: name of the source, for messages.

    Raises:
        ConfigError: the mapping is incomplete or contradicts itself, or a setting names an unknown channel.
        DataError: a mapped column does not exist, or one column has two roles.
    """
    columns = [column for column in columns if column != SOURCE_ROW]
    data = config.data if config.data.channel_map else _from_layout(config.data, columns, origin)
    mapping = _compile(data, columns, origin)
    _check_columns(mapping, columns, origin)
    _check_names(mapping)
    check_channel_overrides(config, mapping.channels)
    return mapping


def _from_layout(data: DataConfig, columns: Sequence[str], origin: str) -> DataConfig:
    layout = known_layout(columns, data, origin)
    if layout is None:
        raise ConfigError(
            f"data.channel_map is empty and {origin} has no layout that is known without it; map each channel "
            f"to its spend column. Columns: {_listed(columns)}."
        )
    given = {
        name: getattr(data, name)
        for name in sorted(data.model_fields_set - {"channel_map"})
        if getattr(data, name)
    }
    if {"kpi_col", "revenue_col"} & set(given):
        given = {"kpi_col": None, "revenue_col": None, "revenue_per_kpi_col": None} | given
    return layout.model_copy(update=given)


def _compile(data: DataConfig, columns: Sequence[str], origin: str) -> ColumnMapping:
    if data.date_col is None:
        raise ConfigError(f"data.date_col is not set; name the date column of {origin}: {_listed(columns)}.")
    if (data.kpi_col is None) == (data.revenue_col is None):
        what = "neither is" if data.kpi_col is None else "both are"
        raise ConfigError(f"Give either data.kpi_col or data.revenue_col; {what} set.")
    if data.revenue_col is not None and data.revenue_per_kpi_col is not None:
        raise ConfigError("data.revenue_per_kpi_col is set, but data.revenue_col is money already; remove one.")
    sources = tuple(
        value if isinstance(value, ChannelColumns) else ChannelColumns(spend=value)
        for value in data.channel_map.values()
    )
    return ColumnMapping(
        keys=data.keys,
        date=data.date_col,
        kpi=data.kpi_col or data.revenue_col or "",
        kpi_type="non_revenue" if data.revenue_col is None else "revenue",
        revenue_per_kpi=data.revenue_per_kpi_col,
        population=data.population_col,
        channels=tuple(data.channel_map),
        channel_columns=tuple(
            ChannelColumns(spend=source.spend, media=None if source.media == source.spend else source.media)
            for source in sources
        ),
        controls=data.controls,
    )


def _check_columns(mapping: ColumnMapping, columns: Sequence[str], origin: str) -> None:
    """Every column exists and has one role."""
    roles = [(f"data.keys[{position}]", key) for position, key in enumerate(mapping.keys)]
    roles += [("data.date_col", mapping.date)]
    roles += [(_role(panel), source) for panel, source in mapping.numeric_columns.items()]
    taken: dict[str, str] = {}
    for role, column in roles:
        if column not in columns:
            raise DataError(f"{origin} has no column {column!r}, which {role} names; {_nearest(column, columns)}")
        if column in taken:
            raise DataError(
                f"Column {column!r} of {origin} is mapped twice, as {taken[column]} and as {role}; a column can "
                "have one role only."
            )
        taken[column] = role
    if len(set(mapping.controls)) < len(mapping.controls):
        raise ConfigError("data.controls names a column more than once; remove the repetition.")


def _role(panel_column: str) -> str:
    """Configuration key of a panel column."""
    if panel_column.startswith(SPEND):
        return f"data.channel_map.{panel_column.removeprefix(SPEND)} (spend)"
    if panel_column.startswith(MEDIA):
        return f"data.channel_map.{panel_column.removeprefix(MEDIA)} (media)"
    fixed = {KPI: "data.kpi_col or revenue_col", REVENUE_PER_KPI: "data.revenue_per_kpi_col"}
    return fixed.get(panel_column, "data.population_col" if panel_column == POPULATION else "data.controls")


def _check_names(mapping: ColumnMapping) -> None:
    """Channels and controls can be told apart from each other and from the other components."""
    shared = set(mapping.channels) & set(mapping.controls)
    if shared:
        raise ConfigError(f"{', '.join(sorted(shared))} is both a channel and a control; rename the channel.")
    names = [*mapping.channels, *mapping.controls]
    reserved = sorted(name for name in names if name in _COMPONENT_NAMES or name.startswith(SEASON))
    if reserved:
        raise ConfigError(f"{', '.join(reserved)} is the name of a component of every model; rename it.")


def _nearest(wanted: str, columns: Iterable[str]) -> str:
    by_lower = {column.lower(): column for column in columns}
    close = get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.6)
    if close:
        return f"nearest: {', '.join(by_lower[name] for name in close)}."
    return f"columns: {_listed(list(by_lower.values()))}."


def _listed(columns: Sequence[str], at_most: int = 30) -> str:
    return ", ".join(columns[:at_most]) + (f" and {len(columns) - at_most} more" if len(columns) > at_most else "")


def geo_names(source: SourceTable, mapping: ColumnMapping) -> tuple[str, ...]:
    """Distinct geos in natural order (Geo2 before Geo10); `("national",)` without key columns.

    Raises:
        DataError: a row whose geo is empty; names the rows.
    """
    codes, labels = geo_codes(source.frame, mapping.keys)
    unnamed = np.flatnonzero(codes < 0)
    if len(unnamed):
        rows = _source_rows(source.frame)[unnamed]
        raise DataError(
            f"{source.origin}: {mapping.source_column(GEO)} is empty in {len(rows)} row(s) "
            f"({', '.join(map(str, rows[:5]))}{', …' if len(rows) > 5 else ''}); name the geo or remove the rows."
        )
    return tuple(sorted(labels, key=natural_order))


def raw_panel(source: SourceTable, mapping: ColumnMapping, geo: str) -> pd.DataFrame:
    """The rows of one geo under the panel's names, in file order, values as they are in the source.

    Returns:
        `geo, date, kpi, …, source_row`.  A column with text in it, or a date column with something that is
        no date, stays text, so that a check can show the rows.

    Raises:
        DataError: there is no such geo.
    """
    codes, labels = geo_codes(source.frame, mapping.keys)
    if geo not in labels:
        raise DataError(
            f"{source.origin} has no geo {geo!r}; there are {_listed(sorted(labels, key=natural_order))}."
        )
    mine = codes == labels.index(geo)
    rows = source.frame.loc[mine]
    columns: dict[str, pd.Series | np.ndarray | str] = {GEO: geo, DATE: dates_or_text(rows[mapping.date])}
    for panel, column in mapping.numeric_columns.items():
        columns[panel] = _as_float(numbers_or_text(rows[column]))
    columns[SOURCE_ROW] = _source_rows(source.frame)[mine]
    return pd.DataFrame(columns, index=rows.index).reset_index(drop=True)


def _as_float(values: pd.Series) -> pd.Series:
    return values.astype("float64") if pd.api.types.is_numeric_dtype(values) else values


def _source_rows(frame: pd.DataFrame) -> np.ndarray:
    if SOURCE_ROW in frame:
        return frame[SOURCE_ROW].to_numpy(dtype=np.int64)
    return np.arange(2, len(frame) + 2)
