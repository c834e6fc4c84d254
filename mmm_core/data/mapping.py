"""From source columns to the panel's columns, and from the source table to one geo's panel."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.config.loading import check_channel_overrides
from mmm_core.config.mapping import ChannelColumns, DataConfig
from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.layouts import known_layout
from mmm_core.data.mapping_checks import check_channel, check_columns, check_names
from mmm_core.data.naming import geo_codes, natural_order
from mmm_core.data.numbers import dates_or_text, numbers_or_text
from mmm_core.data.panel import DATE, GEO, SOURCE_ROW
from mmm_core.data.patterns import listed, matching_columns
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError

__all__ = ["ColumnMapping", "geo_names", "raw_panel", "resolve_mapping"]


def resolve_mapping(config: Config, columns: Sequence[str], origin: str) -> ColumnMapping:
    """Match the configuration, or a known layout, with the columns that there are.

    Where `data.channel_map` and `data.channel_columns` are empty, a known layout is looked for
    (`layouts.known_layout`); what the `data` section does say then replaces the layout's answer.

    Args:
        config: its `data` section is the mapping.
        columns: columns of the source.
        origin: name of the source, for messages.

    Raises:
        ConfigError: the mapping is incomplete or contradicts itself, or a setting names an unknown channel.
        DataError: a mapped column does not exist, a pattern matches none, or one column has two roles.
    """
    columns = [column for column in columns if column != SOURCE_ROW]
    data = config.data
    if not (data.channel_map or data.channel_columns):
        data = _from_layout(data, columns, origin)
    mapping = _compile(data, columns, origin)
    check_columns(mapping, data, columns, origin)
    check_names(mapping)
    check_channel_overrides(config, [*mapping.channels, *mapping.organic])
    return mapping


def _from_layout(data: DataConfig, columns: Sequence[str], origin: str) -> DataConfig:
    layout = known_layout(columns, data, origin)
    if layout is None:
        raise ConfigError(
            f"data.channel_map is empty and {origin} has no layout that is known without it; map each channel "
            f"to its spend column. Columns: {listed(columns)}."
        )
    given = {
        name: getattr(data, name)
        for name in sorted(data.model_fields_set - {"channel_map", "channel_columns", "organic_media"})
        if getattr(data, name)
    }
    if {"kpi_col", "revenue_col"} & set(given):
        given = {"kpi_col": None, "revenue_col": None, "revenue_per_kpi_col": None} | given
    return layout.model_copy(update=given)


def _compile(data: DataConfig, columns: Sequence[str], origin: str) -> ColumnMapping:
    if data.date_col is None:
        raise ConfigError(f"data.date_col is not set; name the date column of {origin}: {listed(columns)}.")
    if (data.kpi_col is None) == (data.revenue_col is None):
        what = "neither is" if data.kpi_col is None else "both are"
        raise ConfigError(f"Give either data.kpi_col or data.revenue_col; {what} set.")
    if data.revenue_col is not None and data.revenue_per_kpi_col is not None:
        raise ConfigError("data.revenue_per_kpi_col is set, but data.revenue_col is money already; remove one.")
    channels = _paid_channels(data, columns, origin)
    controls = matching_columns(data.controls, columns, "data.controls", origin)
    treatments = matching_columns(data.non_media_treatments, columns, "data.non_media_treatments", origin)
    return ColumnMapping(
        keys=data.keys,
        date=data.date_col,
        kpi=data.kpi_col or data.revenue_col or "",
        kpi_type="non_revenue" if data.revenue_col is None else "revenue",
        revenue_per_kpi=data.revenue_per_kpi_col,
        population=data.population_col,
        channels=tuple(channels),
        channel_columns=tuple(channels.values()),
        controls=controls,
        organic=tuple(data.organic_media),
        organic_columns=tuple(data.organic_media.values()),
        treatments=treatments,
        per_capita=matching_columns(
            data.controls_per_capita, [*controls, *treatments], "data.controls_per_capita", origin
        ),
    )


def _paid_channels(data: DataConfig, columns: Sequence[str], origin: str) -> dict[str, ChannelColumns]:
    """Channels of `data.channel_map`, then those that `data.channel_columns` adds under the columns' names."""
    channels: dict[str, ChannelColumns] = {}
    for name, value in data.channel_map.items():
        source = value if isinstance(value, ChannelColumns) else ChannelColumns(spend=value)
        check_channel(name, source)
        own_media = None if source.media == source.spend else source.media
        channels[name] = source.model_copy(update={"media": own_media})
    mapped = {column for source in channels.values() for column in source.model_dump().values()}
    for column in matching_columns(data.channel_columns, columns, "data.channel_columns", origin):
        if column not in mapped:
            channels[column] = ChannelColumns(spend=column)
    if not channels:
        raise ConfigError(
            f"data.channel_columns excludes every column of {origin} that it matches; at least one paid channel "
            "is needed."
        )
    return channels


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
            f"{source.origin} has no geo {geo!r}; there are {listed(sorted(labels, key=natural_order))}."
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
