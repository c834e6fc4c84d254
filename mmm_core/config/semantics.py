"""Rules about several keys at once, and about names."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from mmm_core.config.alert_rules import ALERT_RULES
from mmm_core.config.cleaning_rules import CLEANING_RULES
from mmm_core.config.experiment_rules import EXPERIMENT_RULES
from mmm_core.config.feature_rules import FEATURE_RULES
from mmm_core.config.ingest_rules import INGEST_RULES
from mmm_core.config.keys import KeyPath, dotted, nearest
from mmm_core.config.mapping_rules import MAPPING_RULES
from mmm_core.config.model_rules import MODEL_RULES
from mmm_core.config.optimization_rules import OPTIMIZATION_RULES
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config
from mmm_core.config.trust_rules import TRUST_RULES
from mmm_core.config.validation_rules import VALIDATION_RULES

_OWNER = re.compile(r"team:.+|[^@\s]+@[^@\s]+\.[^@\s]+")
_CHANNEL_MAP: KeyPath = ("data", "channel_map")
_TOLERANCE: KeyPath = ("validation", "value_sanity", "metric_tolerance")


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
        (*_TOLERANCE, "cpm"): list(config.validation.value_sanity.metric_tolerance.cpm),
        (*_TOLERANCE, "cpc"): list(config.validation.value_sanity.metric_tolerance.cpc),
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
    *EXPERIMENT_RULES,
    *OPTIMIZATION_RULES,
    *TRUST_RULES,
    *ALERT_RULES,
)
