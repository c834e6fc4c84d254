"""Rules about several keys of the data section."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mmm_core.config.ingest import TableConfig
from mmm_core.config.keys import KeyPath, dotted, nearest
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_RESERVED_COMPONENTS = ("baseline", "seasonality", "holidays")
"""Components of the contribution table that are neither channels nor controls."""
_CHANNEL_MAP: KeyPath = ("data", "channel_map")
_NATIONAL: KeyPath = ("data", "national_columns")
_WILDCARDS = frozenset("*?[")
_DIRECTIVE = re.compile(r"%-?([A-Za-z%])")
_WHOLE_DATES = ({"d", "m"}, {"d", "b"}, {"d", "B"}, {"j"})
"""Codes of strptime that together with a year say which day it is."""


def _one_kpi(config: Config) -> Iterator[Problem]:
    data = config.data
    kpi, revenue = ("data", "kpi_col"), ("data", "revenue_col")
    if data.kpi_col and data.revenue_col:
        message = (
            f"received {data.kpi_col!r}, and data.revenue_col is {data.revenue_col!r}; give only one of them."
        )
        yield Problem(kpi, message, (revenue,))
    elif data.channel_map and not (data.kpi_col or data.revenue_col):
        message = "missing; give the KPI's column here, or in data.revenue_col if the KPI is money."
        yield Problem(kpi, message, (revenue, _CHANNEL_MAP))


def _channel_names(config: Config) -> Iterator[Problem]:
    data = config.data
    linear: dict[KeyPath, Sequence[str]] = {
        ("data", "controls"): data.controls,
        ("data", "non_media_treatments"): data.non_media_treatments,
    }
    for key, names in (("channel_map", data.channel_map), ("organic_media", data.organic_media)):
        for name in names:
            path: KeyPath = ("data", key, name)
            if "__" in name or not name.isprintable():
                yield Problem(path, "a channel's name is printable text without `__`; rename it.")
            if name in _RESERVED_COMPONENTS:
                yield Problem(path, f"{name} is a component of every model; rename the channel.")
            for other, columns in linear.items():
                if name in columns:
                    yield Problem(path, f"{name} is also in {dotted(other)}; give it one role.", (other,))
    for name in data.organic_media:
        if name in data.channel_map:
            message = f"{name} is also in data.channel_map; a channel is paid or organic, so rename one of them."
            yield Problem(("data", "organic_media", name), message, ((*_CHANNEL_MAP, name),))
    for other, columns in linear.items():
        for name in columns:
            if name in _RESERVED_COMPONENTS:
                yield Problem(other, f"{name} is a component of every model; rename the column.")


def _reach_comes_with_frequency(config: Config) -> Iterator[Problem]:
    for channel, given in config.data.channel_map.items():
        if not isinstance(given, ChannelColumns):
            continue
        path = (*_CHANNEL_MAP, channel)
        if given.reach is not None and given.frequency is None:
            yield Problem((*path, "reach"), "needs `frequency` beside it; name that column, or use `media`.")
        if given.frequency is not None and given.reach is None:
            yield Problem((*path, "frequency"), "needs `reach` beside it; name that column, or remove it.")
        if given.reach is not None and given.media is not None:
            yield Problem((*path, "media"), "is given beside `reach`; remove one of them.", ((*path, "reach"),))


def _patterns(config: Config) -> Iterator[Problem]:
    """A list that only excludes names nothing; beside `data.channel_map` it says what is no channel."""
    data = config.data
    lists = (
        ("channel_columns", data.channel_columns),
        ("controls", data.controls),
        ("non_media_treatments", data.non_media_treatments),
        ("controls_per_capita", data.controls_per_capita),
    )
    also: tuple[tuple[KeyPath, Sequence[str]], ...] = (
        ((*_NATIONAL, "columns"), data.national_columns.columns),
        (("features", "event_cols"), config.features.event_cols),
    )
    for path, items in (*((("data", key), items) for key, items in lists), *also):
        if path == ("data", "channel_columns") and data.channel_map:
            continue
        if items and all(item.startswith("!") for item in items):
            message = (
                f"received {', '.join(items)}, which only excludes; name what is meant first, for example `*`."
            )
            yield Problem(path, message)


def _per_capita_controls(config: Config) -> Iterator[Problem]:
    data = config.data
    linear = [*data.controls, *data.non_media_treatments]
    if any(_is_pattern(item) for item in linear):
        return
    for index, name in enumerate(data.controls_per_capita):
        if name not in linear and not _is_pattern(name):
            close = nearest(name, linear)
            hint = f" Did you mean {close}?" if close else ""
            message = f"{name!r} is neither in data.controls nor in data.non_media_treatments.{hint}"
            yield Problem(("data", "controls_per_capita", index), message, (("data", "controls"),))


def _is_pattern(item: str) -> bool:
    return item.startswith("!") or not _WILDCARDS.isdisjoint(item)


def _one_role_per_column(config: Config) -> Iterator[Problem]:
    """Two roles of one column are a slip, double counting, or the KPI explained by itself."""
    roles: dict[str, list[KeyPath]] = {}
    for path, column in _mapped_columns(config):
        roles.setdefault(column, []).append(path)
    for column, paths in roles.items():
        if len(paths) > 1:
            others = " and ".join(dotted(path) for path in paths[:-1])
            message = f"column {column!r} is already {others}; each column has one role."
            yield Problem(paths[-1], message, tuple(paths[:-1]))


def _mapped_columns(config: Config) -> Iterator[tuple[KeyPath, str]]:
    data = config.data
    for key in ("date_col", "kpi_col", "revenue_col", "revenue_per_kpi_col", "population_col"):
        column = getattr(data, key)
        if column is not None:
            yield ("data", key), column
    lists = (
        ("keys", data.keys),
        ("controls", data.controls),
        ("non_media_treatments", data.non_media_treatments),
    )
    for key, columns in lists:
        for index, column in enumerate(columns):
            if not _is_pattern(column):
                yield ("data", key, index), column
    for channel, given in data.channel_map.items():
        path = (*_CHANNEL_MAP, channel)
        if not isinstance(given, ChannelColumns):
            yield path, given
            continue
        yield (*path, "spend"), given.spend
        if given.media is not None and given.media != given.spend:
            yield (*path, "media"), given.media
        if given.reach is not None:
            yield (*path, "reach"), given.reach
        if given.frequency is not None:
            yield (*path, "frequency"), given.frequency
    yield from ((("data", "organic_media", name), column) for name, column in data.organic_media.items())


def _national_columns(config: Config) -> Iterator[Problem]:
    """What is spread needs geos, and a key that says how."""
    data = config.data
    national = data.national_columns
    if not national.columns:
        if national.geo is not None:
            message = "has no effect without data.national_columns.columns; name the columns, or remove it."
            yield Problem((*_NATIONAL, "geo"), message, ((*_NATIONAL, "columns"),))
        return
    if not data.channel_map:
        return
    if not data.keys:
        message = (
            "needs geos over which the amounts are spread, but data.keys is empty; name the geo's columns there."
        )
        yield Problem((*_NATIONAL, "columns"), message, (("data", "keys"),))
    if national.by == "population" and data.population_col is None:
        message = "is population, but data.population_col is not set; set it, or give `equal` or a column here."
        yield Problem((*_NATIONAL, "by"), message, (("data", "population_col"), (*_NATIONAL, "columns")))


def _date_format(config: Config) -> Iterator[Problem]:
    """The format says which day it is."""
    formats: dict[KeyPath, str | None] = {("data", "date_format"): config.data.date_format}
    formats |= {("ingest", "tables", n, "date_format"): t.date_format for n, t in config.ingest.tables.items()}
    formats |= {("external_data", n, "date_format"): t.date_format for n, t in config.external_data.items()}
    for path, written in formats.items():
        if written is None:
            continue
        codes = set(_DIRECTIVE.findall(written))
        whole = {"y", "Y"} & codes and any(needed <= codes for needed in _WHOLE_DATES)
        if not (whole or {"G", "V", "u"} <= codes):
            message = f"received {written!r}; allowed: codes of strptime with year, month and day, e.g. %d/%m/%Y."
            yield Problem(path, message)


def _names_of_derived_columns(config: Config) -> Iterator[Problem]:
    """Derived columns and those of further tables have names of their own."""
    tables: dict[KeyPath, TableConfig] = {("ingest", "tables", n): t for n, t in config.ingest.tables.items()}
    tables |= {("external_data", n): t for n, t in config.external_data.items()}
    joined: dict[str, KeyPath] = {}
    for path, table in tables.items():
        for kind, columns in (("amounts", table.amounts), ("levels", table.levels)):
            joined |= {name: (*path, kind, name) for name in columns}
    for name in config.data.derived_columns:
        if name in joined:
            message = f"{name} is also {dotted(joined[name])}; choose another name."
            yield Problem(("data", "derived_columns", name), message, (joined[name],))


def _values_of_rows(config: Config) -> Iterator[Problem]:
    """A choice of rows names values, each once."""
    rows = config.data.rows
    for key, chosen in (("where", rows.where), ("exclude", rows.exclude)):
        for column, values in chosen.items():
            path: KeyPath = ("data", "rows", key, column)
            if not values:
                yield Problem(path, "names no value; name at least one, or remove it.")
            for value, times in Counter(values).items():
                if times > 1:
                    yield Problem(path, f"{value!r} is listed {times} times; list it once.")


MAPPING_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _one_kpi,
    _channel_names,
    _one_role_per_column,
    _reach_comes_with_frequency,
    _patterns,
    _per_capita_controls,
    _national_columns,
    _date_format,
    _names_of_derived_columns,
    _values_of_rows,
)
