"""Rules about several keys at once, and about names."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from mmm_core.config.cleaning_rules import CLEANING_RULES
from mmm_core.config.feature_rules import FEATURE_RULES
from mmm_core.config.ingest_rules import INGEST_RULES
from mmm_core.config.keys import KeyPath, dotted, nearest
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.mapping_rules import MAPPING_RULES
from mmm_core.config.model_rules import MODEL_RULES
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config
from mmm_core.config.validation_rules import VALIDATION_RULES

_RESERVED_COMPONENTS = ("baseline", "seasonality", "holidays")
"""Components of the contribution table that are neither channels nor controls."""
_OWNER = re.compile(r"team:.+|[^@\s]+@[^@\s]+\.[^@\s]+")
_CHANNEL_MAP: KeyPath = ("data", "channel_map")
_WILDCARDS = frozenset("*?[")


def semantic_problems(config: Config) -> list[Problem]:
    """Everything that is wrong with a configuration whose every value is fine by itself."""
    return [problem for rule in _RULES for problem in rule(config)]


def override_problems(config: Config, channels: Sequence[str]) -> Iterator[Problem]:
    """Overrides for channels that are not in `channels`."""
    overrides: dict[KeyPath, Sequence[str]] = {
        ("features", "adstock", "platform_overrides"): list(config.features.adstock.platform_overrides),
        ("features", "saturation", "channel_overrides"): list(config.features.saturation.channel_overrides),
        ("model", "priors", "roi_bounds"): list(config.model.priors.roi_bounds),
        ("model", "priors", "channels"): list(config.model.priors.channels),
    }
    for path, names in overrides.items():
        for name in names:
            if name not in channels:
                close = nearest(name, channels)
                hint = f" Did you mean {close}?" if close else ""
                message = f"no channel is named {name!r}; allowed: {', '.join(channels)}.{hint}"
                yield Problem((*path, name), message, (_CHANNEL_MAP,))


def _overrides_of_mapped_channels(config: Config) -> Iterator[Problem]:
    if config.data.channel_map and not config.data.channel_columns:
        yield from override_problems(config, [*config.data.channel_map, *config.data.organic_media])


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
    """A list that only excludes names nothing."""
    data = config.data
    lists = (
        ("channel_columns", data.channel_columns),
        ("controls", data.controls),
        ("non_media_treatments", data.non_media_treatments),
        ("controls_per_capita", data.controls_per_capita),
    )
    for key, items in lists:
        if items and all(item.startswith("!") for item in items):
            message = (
                f"received {', '.join(items)}, which only excludes; name what is meant first, for example `*`."
            )
            yield Problem(("data", key), message)


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


def _reversed_limits(config: Config) -> Iterator[Problem]:
    coverage, limits = config.validation.coverage_frequency, config.optimization.platform_constraints
    pairs = (
        (
            ("validation", "coverage_frequency"),
            ("min_weeks_required", coverage.min_weeks_required),
            ("preferred_weeks", coverage.preferred_weeks),
        ),
        (
            ("optimization", "platform_constraints"),
            ("min_spend_pct", limits.min_spend_pct),
            ("max_spend_pct", limits.max_spend_pct),
        ),
    )
    for section, (low_name, low), (high_name, high) in pairs:
        if low > high:
            other = (*section, high_name)
            message = f"received {low:g}, but {dotted(other)} is {high:g}; it may not be larger than that."
            yield Problem((*section, low_name), message, (other,))


def _intervals(config: Config) -> Iterator[Problem]:
    for channel, (low, high) in config.model.priors.roi_bounds.items():
        if not 0 < low < high:
            message = f"received [{low:g}, {high:g}]; allowed: [low, high] with 0 < low < high."
            yield Problem(("model", "priors", "roi_bounds", channel), message)
    low, high = config.validation.value_sanity.roi_range
    if not 0 <= low < high:
        message = f"received [{low:g}, {high:g}]; allowed: [low, high] with 0 <= low < high."
        yield Problem(("validation", "value_sanity", "roi_range"), message)


def _repeated_items(config: Config) -> Iterator[Problem]:
    lists: tuple[tuple[KeyPath, Sequence[str]], ...] = (
        (("ingest", "connector_priority"), config.ingest.connector_priority),
        (("project", "owners"), config.project.owners),
    )
    for path, items in lists:
        for item, times in Counter(items).items():
            if times > 1:
                yield Problem(path, f"{item!r} is listed {times} times; list it once.")


def _owners(config: Config) -> Iterator[Problem]:
    for index, owner in enumerate(config.project.owners):
        if not _OWNER.fullmatch(owner):
            message = f"received {owner!r}; allowed: an e-mail address, or `team:` and a name."
            yield Problem(("project", "owners", index), message)


def _simulation_starts_on_a_monday(config: Config) -> Iterator[Problem]:
    start = config.ingest.simulator.start_date
    try:
        monday = date.fromisoformat(start).weekday() == 0
    except ValueError:
        monday = False
    if not monday:
        message = f"received {start!r}; allowed: the date of a Monday, written YYYY-MM-DD."
        yield Problem(("ingest", "simulator", "start_date"), message)


_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _one_kpi,
    _channel_names,
    _one_role_per_column,
    _reach_comes_with_frequency,
    _patterns,
    _per_capita_controls,
    _overrides_of_mapped_channels,
    _intervals,
    _reversed_limits,
    _repeated_items,
    _owners,
    _simulation_starts_on_a_monday,
    *INGEST_RULES,
    *MAPPING_RULES,
    *VALIDATION_RULES,
    *CLEANING_RULES,
    *FEATURE_RULES,
    *MODEL_RULES,
)
