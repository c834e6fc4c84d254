"""Whether a mapping fits the columns that there are, and names everything once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from mmm_core.config.mapping import ChannelColumns, DataConfig
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.panel import (
    CONTROL,
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
)
from mmm_core.data.patterns import listed
from mmm_core.errors import ConfigError, DataError

_COMPONENT_NAMES = frozenset({"baseline", "seasonality", "holidays"})
"""Names of contribution components that are neither a channel nor a control."""
_KEYS = {
    KPI: "data.kpi_col or revenue_col",
    REVENUE_PER_KPI: "data.revenue_per_kpi_col",
    POPULATION: "data.population_col",
}
_SECTIONS = {CONTROL: "data.controls", TREATMENT: "data.non_media_treatments"}
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
    roles = [(f"data.keys[{position}]", key) for position, key in enumerate(mapping.keys)]
    roles += [("data.date_col", mapping.date)]
    roles += [(_role(panel, data), source) for panel, source in mapping.numeric_columns.items()]
    taken: dict[str, str] = {}
    for role, column in roles:
        if column not in columns:
            raise DataError(f"{origin} has no column {column!r}, which {role} names; {_nearest(column, columns)}")
        if column in taken:
            raise DataError(
                f"Column {column!r} of {origin} is mapped twice, as {taken[column]} and as {role}; a column can "
                f"have one role only (`!{column}` keeps it out of a list with patterns)."
            )
        taken[column] = role


def _role(panel_column: str, data: DataConfig) -> str:
    """Configuration key of a panel column."""
    if panel_column in _KEYS:
        return _KEYS[panel_column]
    prefix, _, name = panel_column.partition("__")
    prefix += "__"
    if prefix in _SECTIONS:
        return _SECTIONS[prefix]
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
    }
    times = Counter(name for names in kinds.values() for name in names)
    for name, count in times.items():
        if count > 1:
            roles = " and ".join(kind for kind, names in kinds.items() if name in names)
            raise ConfigError(f"{name} is both {roles}; rename the channel, or give the column one role.")
    reserved = sorted(name for name in times if name in _COMPONENT_NAMES or name.startswith((SEASON, HOLIDAY)))
    if reserved:
        raise ConfigError(f"{', '.join(reserved)} is the name of a component of every model; rename it.")
    if mapping.per_capita and mapping.population is None:
        raise ConfigError(
            f"data.controls_per_capita names {', '.join(mapping.per_capita)}, but data.population_col is not set; "
            "set it, or leave the list empty."
        )
    linear = {*mapping.controls, *mapping.treatments}
    unknown = [name for name in mapping.per_capita if name not in linear]
    if unknown:
        raise ConfigError(
            f"data.controls_per_capita names {', '.join(unknown)}, which is neither in data.controls nor in "
            "data.non_media_treatments."
        )


def _nearest(wanted: str, columns: Iterable[str]) -> str:
    by_lower = {column.lower(): column for column in columns}
    close = get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.6)
    if close:
        return f"nearest: {', '.join(by_lower[name] for name in close)}."
    return f"columns: {listed(list(by_lower.values()))}."
