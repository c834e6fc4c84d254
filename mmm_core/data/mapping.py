"""From source columns to the panel's columns, and from the source table to one geo's panel."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.config.loading import check_channel_overrides
from mmm_core.config.mapping import ChannelColumns, DataConfig
from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.feature_columns import (
    attributed_columns,
    creative_ages,
    event_columns,
    external_controls,
    extra_columns,
    joined_columns,
    made_of,
    repeated_columns,
    source_columns,
)
from mmm_core.data.geo_rows import IntArray, geo_rows, named_rows, row_numbers, source_dates
from mmm_core.data.layouts import known_layout
from mmm_core.data.mapping_checks import check_channel, check_columns, check_names
from mmm_core.data.naming import name_of, natural_order
from mmm_core.data.national import NOWHERE, check_repeated_amounts, national_positions, national_shares
from mmm_core.data.numbers import as_text, numbers_or_text
from mmm_core.data.panel import CURRENCY, DATE, GEO, NATIONAL_SHARE, SOURCE_ROW
from mmm_core.data.patterns import listed, matching_columns, shortened
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError

__all__ = ["ColumnMapping", "geo_names", "mapped_data", "raw_panel", "resolve_mapping"]


_LONGEST_NAME = 200


def resolve_mapping(config: Config, columns: Sequence[str], origin: str) -> ColumnMapping:
    """Match the configuration, or a known layout, with the columns that there are.

    Where `data.channel_map` and `data.channel_columns` are empty, a known layout is looked for
    (`layouts.known_layout`); what the `data` section does say then replaces the layout's answer.

    Args:
        config: its `data` section is the mapping; `features`, `external_data` and `enhanced_cleaning.currency`
            name further columns.
        columns: columns of the source as it was prepared.
        origin: name of the source, for messages.

    Raises:
        ConfigError: the mapping is incomplete or contradicts itself, or a setting names an unknown channel.
        DataError: a mapped column does not exist, a pattern matches none, or one column has two roles.
    """
    columns = [column for column in columns if column != SOURCE_ROW]
    data = mapped_data(config, columns, origin)
    mapping = _compile(config, data, columns, origin)
    check_columns(mapping, data, columns, origin)
    check_names(mapping)
    check_channel_overrides(config, [*mapping.channels, *mapping.organic])
    return mapping


def mapped_data(config: Config, columns: Sequence[str], origin: str) -> DataConfig:
    """The `data` section, completed by a known layout where it names no channel.

    Raises:
        ConfigError: it names no channel, and the layout is not known.
    """
    data = config.data
    if data.channel_map or data.channel_columns:
        return data
    added = {*joined_columns(config), *data.derived_columns}
    layout = known_layout([c for c in source_columns(config, columns) if c not in added], data, origin)
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


def _compile(config: Config, data: DataConfig, columns: Sequence[str], origin: str) -> ColumnMapping:
    if data.date_col is None:
        raise ConfigError(f"data.date_col is not set; name the date column of {origin}: {listed(columns)}.")
    if (data.kpi_col is None) == (data.revenue_col is None):
        what = "neither is" if data.kpi_col is None else "both are"
        raise ConfigError(f"Give either data.kpi_col or data.revenue_col; {what} set.")
    if data.revenue_col is not None and data.revenue_per_kpi_col is not None:
        raise ConfigError("data.revenue_per_kpi_col is set, but data.revenue_col is money already; remove one.")
    own = source_columns(config, columns)
    channels = _paid_channels(data, own, origin)
    kpi = data.kpi_col or data.revenue_col or ""
    attributed = attributed_columns(config)
    outcomes = made_of(config, [kpi, *(column for _, column in attributed)])
    extras = extra_columns(config, columns, outcomes, origin)
    treatments = matching_columns(data.non_media_treatments, own, "data.non_media_treatments", origin)
    controls = matching_columns(data.controls, own, "data.controls", origin)
    spend = [column for channel in channels.values() for column in channel.model_dump().values()]
    single = [data.population_col, data.revenue_per_kpi_col, config.enhanced_cleaning.currency.rate_col, kpi]
    controls += external_controls(
        config, [*controls, *treatments, *extras, *spend, *data.organic_media.values(), *map(str, single)]
    )
    return ColumnMapping(
        keys=data.keys,
        date=data.date_col,
        kpi=kpi,
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
        currency=data.currency_col,
        rate=config.enhanced_cleaning.currency.rate_col,
        national=_national_columns(data, own, origin),
        national_by=data.national_columns.by if data.national_columns.columns else "equal",
        national_geo=data.national_columns.geo if data.national_columns.columns else None,
        extras=extras,
        ages=creative_ages(config, columns),
        attributed=attributed,
        events=event_columns(config, columns, origin),
        joined=repeated_columns(config, own).intersection(columns),
        date_format=data.date_format,
        weeks_from=data.week_start if config.enhanced_cleaning.week_alignment == "align" else None,
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


def _national_columns(data: DataConfig, columns: Sequence[str], origin: str) -> tuple[str, ...]:
    return matching_columns(data.national_columns.columns, columns, "data.national_columns.columns", origin)


def geo_names(source: SourceTable, mapping: ColumnMapping) -> tuple[str, ...]:
    """Distinct geos in natural order (Geo2 before Geo10); `("national",)` without key columns.

    A geo that only holds national amounts (`data.national_columns.geo`) is none.

    Raises:
        DataError: a row whose geo is empty, a name of more than 200 characters, dates of which day and month
            cannot be told apart, or national amounts that are not where they should be; names the rows.
    """
    found = geo_rows(source, mapping.keys)
    unnamed = np.flatnonzero(found.codes < 0)
    if len(unnamed):
        raise DataError(
            f"{source.origin}: {mapping.source_column(GEO)} is empty: {named_rows(source, unnamed)}; "
            "name the geo or remove the rows."
        )
    too_long = [name for name in found.names if len(name) > _LONGEST_NAME]
    if too_long:
        name = too_long[0]
        raise DataError(
            f"{source.origin}: a geo's name in {mapping.source_column(GEO)} has {len(name):,} characters "
            f"({shortened(name)!r}, {named_rows(source, found.rows[name])}); at most {_LONGEST_NAME} are allowed, "
            "so correct it in the source."
        )
    source_dates(source, mapping.date, mapping.date_format)
    national_positions(source, mapping)
    check_repeated_amounts(source, mapping)
    return tuple(sorted((name for name in found.names if name != mapping.national_geo), key=natural_order))


def raw_panel(source: SourceTable, mapping: ColumnMapping, geo: str) -> pd.DataFrame:
    """The rows of one geo under the panel's names, in file order, values as they are in the source.

    National amounts of a geo of their own (`data.national_columns.geo`) stand in the rows of the same date.

    Returns:
        `geo, date, currency, kpi, …, national_share, source_row`, as far as they are mapped.  A column with
        text in it, or a date column with something that is no date, stays text (dates as YYYY-MM-DD), so that
        a check can show the rows.

    Raises:
        DataError: there is no such geo, or what `geo_names` refuses.
    """
    found = geo_rows(source, mapping.keys)
    if geo not in found.rows or geo == mapping.national_geo:
        raise DataError(
            f"{source.origin} has no geo {shortened(geo)!r}; there are {listed(geo_names(source, mapping))}."
        )
    mine = found.rows[geo]
    columns: dict[str, pd.Series | np.ndarray | str] = {GEO: geo, DATE: _dates(source, mapping, mine)}
    if mapping.currency is not None:
        columns[CURRENCY] = _names(source.frame[mapping.currency].iloc[mine])
    instead = national_positions(source, mapping)
    for panel, column in mapping.numeric_columns.items():
        rows = instead[mine] if instead is not None and column in mapping.national else mine
        columns[panel] = _values(source.frame[column], rows)
    if mapping.national:
        columns[NATIONAL_SHARE] = national_shares(source, mapping)[mine]
    columns[SOURCE_ROW] = row_numbers(source)[mine]
    return pd.DataFrame(
        {name: values.to_numpy() if isinstance(values, pd.Series) else values for name, values in columns.items()}
    )


def _dates(source: SourceTable, mapping: ColumnMapping, mine: IntArray) -> pd.Series:
    """Dates of a geo's rows; as text if one of them is none."""
    days = pd.Series(source_dates(source, mapping.date, mapping.date_format)[mine])
    written = source.frame[mapping.date]
    own = written.iloc[mine]
    if days.notna().all() or (pd.api.types.is_datetime64_any_dtype(own) and own.isna().sum() == days.isna().sum()):
        return days
    text = pd.Series(as_text(own).to_numpy(), dtype=object)
    dates: pd.Series = days.dt.strftime("%Y-%m-%d").astype(object).where(days.notna(), text)
    return dates


def _names(values: pd.Series) -> pd.Series:
    """Text without surrounding blanks, None where there is none."""
    names = as_text(values).map(name_of, na_action="ignore")
    names.loc[names == ""] = None
    return names


def _values(values: pd.Series, positions: IntArray) -> pd.Series | np.ndarray:
    """Values at positions, missing at `NOWHERE`; numbers as float64 if all of them are numbers."""
    everywhere = bool((positions != NOWHERE).all())
    if everywhere and isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiu":
        return values.to_numpy()[positions].astype(np.float64)
    taken = values.iloc[np.maximum(positions, 0)].reset_index(drop=True)
    numbers = numbers_or_text(taken if everywhere else taken.where(positions != NOWHERE))
    return numbers.astype("float64") if pd.api.types.is_numeric_dtype(numbers) else numbers
