"""Whether a mapping fits the columns that there are, and names everything once."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mmm_core.config.mapping import ChannelColumns, DataConfig
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.panel import (
    AGE,
    ATTRIBUTED,
    CALENDAR,
    CONTROL,
    CURRENCY_RATE,
    EVENT,
    EXTRA,
    FREQUENCY,
    HOLIDAY,
    KPI,
    MEDIA,
    POPULATION,
    REACH,
    REVENUE_PER_KPI,
    SEASON,
    SPEND,
    TREATMENT,
    summed_columns,
)
from mmm_core.data.patterns import listed, nearest_of
from mmm_core.errors import ConfigError, DataError

_COMPONENT_NAMES = frozenset({"baseline", "seasonality", "holidays"})
"""Names of contribution components that are neither a channel nor a control."""
_KEYS = {
    KPI: "data.kpi_col or revenue_col",
    REVENUE_PER_KPI: "data.revenue_per_kpi_col",
    POPULATION: "data.population_col",
    CURRENCY_RATE: "enhanced_cleaning.currency.rate_col",
}
_SECTIONS = {
    CONTROL: "data.controls",
    TREATMENT: "data.non_media_treatments",
    EXTRA: "features.baseline or features.custom_terms",
    EVENT: "features.event_cols",
}
_BY_CHANNEL = {AGE: "features.creative_fatigue.age_cols", ATTRIBUTED: "features.attribution.conversions"}
_SHARED = (EXTRA, AGE)
"""Columns that may have another role too, or several of the same."""
_CHANNEL_COLUMNS = {SPEND: "spend", MEDIA: "media", REACH: "reach", FREQUENCY: "frequency"}


def check_channel(channel: str, columns: ChannelColumns) -> None:
    """Reach and frequency come together, and instead of media.

    Raises:
        ConfigError: naming the channel's key.
    """
    key = f"data.channel_map.{channel}"
    if (columns.reach is None) != (columns.frequency is None):
        given, lacking = ("reach", "frequency") if columns.frequency is None else ("frequency", "reach")
        raise ConfigError(f"{key} has {given} but no {lacking}; give both columns, or neither.")
    if columns.reach is not None and columns.media is not None:
        raise ConfigError(f"{key} has media and reach; give media, or reach with frequency.")


def check_columns(mapping: ColumnMapping, data: DataConfig, columns: Sequence[str], origin: str) -> None:
    """Every column exists and has one role.

    Raises:
        DataError: naming the configuration key and the column, and the nearest one.
    """
    roles = [(f"data.keys[{position}]", "", key) for position, key in enumerate(mapping.keys)]
    roles += [("data.date_col", "", mapping.date)]
    roles += [(_role(panel, data), panel, source) for panel, source in mapping.numeric_columns.items()]
    taken: dict[str, str] = {}
    for role, panel, column in roles:
        _require(column, role, columns, origin)
        if panel.startswith(_SHARED):
            continue
        if column in taken:
            raise DataError(
                f"Column {column!r} of {origin} is mapped twice, as {taken[column]} and as {role}; a column can "
                f"have one role only (`!{column}` keeps it out of a list with patterns)."
            )
        taken[column] = role
    if mapping.currency is not None:
        _require(mapping.currency, "data.currency_col", columns, origin)
        if mapping.currency in taken and mapping.currency not in mapping.keys:
            raise DataError(
                f"Column {mapping.currency!r} of {origin} is mapped twice, as data.currency_col and as "
                f"{taken[mapping.currency]}; name the column that holds the currency."
            )
    _check_national(mapping, columns, origin)


def _require(column: str, role: str, columns: Sequence[str], origin: str) -> None:
    if column not in columns:
        raise DataError(f"{origin} has no column {column!r}, which {role} names; {nearest_of(column, columns)}")


def _check_national(mapping: ColumnMapping, columns: Sequence[str], origin: str) -> None:
    """National columns are amounts that are mapped, and their key of the split is there."""
    if not mapping.national:
        return
    if not mapping.keys:
        raise ConfigError(
            "data.national_columns is set, but data.keys is empty: there are no geos to spread amounts over; "
            "name the columns of the geo, or remove data.national_columns."
        )
    sources = {source: panel for panel, source in mapping.numeric_columns.items()}
    amounts = {mapping.numeric_columns[panel] for panel in summed_columns(mapping.numeric_columns)}
    for column in mapping.national:
        _require(column, "data.national_columns.columns", columns, origin)
        if column not in amounts:
            what = "is not mapped to anything" if column not in sources else "is no amount (spend, media, reach)"
            raise ConfigError(
                f"data.national_columns.columns names {column!r}, which {what}; only amounts can be "
                "spread over geos."
            )
    if mapping.kpi in mapping.national:
        raise ConfigError(
            f"data.national_columns.columns names the KPI, {mapping.kpi!r}; a KPI of all geos "
            "together says nothing about a single one, so fit a national model: leave data.keys empty."
        )
    if mapping.national_by == "population":
        if mapping.population is None:
            raise ConfigError(
                "data.national_columns.by is population, but data.population_col is not set; set it, or choose "
                "`equal` or a column."
            )
    elif mapping.national_by != "equal":
        _require(mapping.national_by, "data.national_columns.by", columns, origin)


def _role(panel_column: str, data: DataConfig) -> str:
    """Configuration key of a panel column."""
    if panel_column in _KEYS:
        return _KEYS[panel_column]
    prefix, _, name = panel_column.partition("__")
    prefix += "__"
    if prefix in _SECTIONS:
        return _SECTIONS[prefix]
    if prefix in _BY_CHANNEL:
        return f"{_BY_CHANNEL[prefix]}.{name}"
    if prefix == MEDIA and name in data.organic_media:
        return f"data.organic_media.{name}"
    if name not in data.channel_map:
        return "data.channel_columns"
    return f"data.channel_map.{name} ({_CHANNEL_COLUMNS[prefix]})"


def check_names(mapping: ColumnMapping) -> None:
    """Channels, controls and treatments can be told apart from each other and from the other components.

    Raises:
        ConfigError: naming what is ambiguous.
    """
    kinds: Mapping[str, Sequence[str]] = {
        "a channel": mapping.channels,
        "an organic channel": mapping.organic,
        "a control": mapping.controls,
        "a non-media treatment": mapping.treatments,
        "an event": mapping.events,
    }
    times = Counter(name for names in kinds.values() for name in names)
    for name, count in times.items():
        if count > 1:
            roles = " and ".join(kind for kind, names in kinds.items() if name in names)
            raise ConfigError(f"{name} is both {roles}; rename the channel, or give the column one role.")
    reserved = sorted(
        name for name in times if name in _COMPONENT_NAMES or name.startswith((SEASON, HOLIDAY, CALENDAR))
    )
    if reserved:
        raise ConfigError(f"{', '.join(reserved)} is the name of a component of every model; rename it.")
    if mapping.per_capita and mapping.population is None:
        raise ConfigError(
            f"data.controls_per_capita names {', '.join(mapping.per_capita)}, but data.population_col is not set; "
            "set it, or leave the list empty."
        )
    _check_channels_of_columns(mapping)
    linear = {*mapping.controls, *mapping.treatments}
    unknown = [name for name in mapping.per_capita if name not in linear]
    if unknown:
        raise ConfigError(
            f"data.controls_per_capita names {', '.join(unknown)}, which is neither in data.controls nor in "
            "data.non_media_treatments."
        )


def _check_channels_of_columns(mapping: ColumnMapping) -> None:
    channels = (*mapping.channels, *mapping.organic)
    for key, pairs in zip(_BY_CHANNEL.values(), (mapping.ages, mapping.attributed), strict=True):
        unknown = [channel for channel, _ in pairs if channel not in channels]
        if unknown:
            raise ConfigError(
                f"{key} names {', '.join(unknown)}, which is no channel; there are {listed(channels)}."
            )
