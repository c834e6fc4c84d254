"""Rules about several keys of validation."""

from collections.abc import Callable, Iterator

from mmm_core.config.data_checks import DATA_CHECKS, PROTECTED_CHECKS
from mmm_core.config.keys import KeyPath, nearest
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_SEVERITIES: KeyPath = ("validation", "severities")
_WEIGHTS: KeyPath = ("validation", "quality_thresholds", "weights")
_TOLERANCE: KeyPath = ("validation", "value_sanity", "metric_tolerance")
_SCORE = "validation_score"


def _known_checks(config: Config) -> Iterator[Problem]:
    """A misspelled check would be judged by its default, without a word."""
    validation = config.validation
    named = [(_SEVERITIES, name) for name in validation.severities]
    named += [(_WEIGHTS, name) for name in validation.quality_thresholds.weights]
    for path, name in named:
        if name not in DATA_CHECKS:
            close = nearest(name, sorted(DATA_CHECKS))
            hint = f" Did you mean {close}?" if close else ""
            message = f"no check of data is named {name!r}; allowed: {', '.join(sorted(DATA_CHECKS))}.{hint}"
            yield Problem((*path, name), message)


def _protected_checks(config: Config) -> Iterator[Problem]:
    for name, severity in config.validation.severities.items():
        if name in PROTECTED_CHECKS and severity != "error":
            message = (
                f"received {severity!r}; what {name} finds would make the numbers wrong, so it always blocks; "
                "remove the key and mend the data."
            )
            yield Problem((*_SEVERITIES, name), message)


def _weights(config: Config) -> Iterator[Problem]:
    weights = config.validation.quality_thresholds.weights
    for name, weight in weights.items():
        if weight < 0:
            yield Problem((*_WEIGHTS, name), f"received {weight:g}; allowed: a number that is 0 or more.")
    if _SCORE in weights:
        yield Problem((*_WEIGHTS, _SCORE), "is what the weights make; remove it.")


def _has_no_units(config: Config, channel: str) -> bool:
    given = config.data.channel_map.get(channel)
    if isinstance(given, ChannelColumns):
        return given.reach is None and given.media in (None, given.spend)
    return given is not None


def _costs(config: Config) -> Iterator[Problem]:
    """Costs of media units are positive intervals, in one unit for each channel."""
    tolerance = config.validation.value_sanity.metric_tolerance
    for key, intervals in (("cpm", tolerance.cpm), ("cpc", tolerance.cpc)):
        for channel, (low, high) in intervals.items():
            if not 0 <= low < high:
                message = f"received [{low:g}, {high:g}]; allowed: [low, high] with 0 <= low < high."
                yield Problem((*_TOLERANCE, key, channel), message)
            if _has_no_units(config, channel):
                message = "has no effect: the channel has spend but no media units; map them in data.channel_map."
                yield Problem((*_TOLERANCE, key, channel), message, (("data", "channel_map", channel),))
    for channel in tolerance.cpm.keys() & tolerance.cpc.keys():
        message = (
            "is also in validation.value_sanity.metric_tolerance.cpc; a channel has one media unit, so keep one."
        )
        yield Problem((*_TOLERANCE, "cpm", channel), message, ((*_TOLERANCE, "cpc", channel),))


VALIDATION_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _known_checks,
    _protected_checks,
    _weights,
    _costs,
)
