"""Rules about the keys that describe the model: `model`, `features.adstock`, `features.saturation`."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Literal

from mmm_core.config.base import Section
from mmm_core.config.keys import KeyPath, dotted
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.modeling import PriorConfig
from mmm_core.config.prior_families import parameter_problem
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_ADSTOCK: KeyPath = ("features", "adstock")
_SATURATION: KeyPath = ("features", "saturation")
_PRIORS: KeyPath = ("model", "priors")
_PYMC_ADSTOCK = ("delayed", "weibull")
_PYMC_SATURATION = ("logistic",)


def _fallback_differs(config: Config) -> Iterator[Problem]:
    if config.model.fallback == config.model.backend:
        received = f"received {config.model.fallback!r}, which is model.backend"
        message = f"{received}; leave it out, or write `none` or another one."
        yield Problem(("model", "fallback"), message, (("model", "backend"),))


def _fixed_at_something(config: Config) -> Iterator[Problem]:
    for channel, carry_over in config.features.adstock.platform_overrides.items():
        if carry_over.fixed and carry_over.decay is None:
            path = (*_ADSTOCK, "platform_overrides", channel, "fixed")
            yield Problem(path, "received true, but there is no `decay` to fix it at; give `decay` too.")
    for channel, saturation in config.features.saturation.channel_overrides.items():
        if saturation.fixed and saturation.k is None:
            path = (*_SATURATION, "channel_overrides", channel, "fixed")
            yield Problem(path, "received true, but there is no `k` to fix it at; give `k` too.")


def _knots(config: Config) -> Iterator[Problem]:
    yield from _possible_knots(("model", "knots"), config.model.knots)
    for name, candidate in config.model.selection.candidates.items():
        yield from _possible_knots(("model", "selection", "candidates", name, "knots"), candidate.knots)


def _possible_knots(path: KeyPath, knots: int | Literal["auto"] | Sequence[str] | None) -> Iterator[Problem]:
    if knots is None or knots == "auto":
        return
    if isinstance(knots, int):
        if knots < 1:
            yield Problem(path, f"received {knots}; allowed: 1 or more, `auto`, or a list of dates.")
        return
    if not knots:
        yield Problem(path, "received an empty list; allowed: at least one date, a number, or `auto`.")
    for index, written in enumerate(knots):
        if not _is_date(written):
            yield Problem((*path, index), f"received {written!r}; allowed: a date, written YYYY-MM-DD.")
        elif written in knots[:index]:
            yield Problem((*path, index), f"{written} is listed twice; list it once.")


def _is_date(written: str) -> bool:
    try:
        date.fromisoformat(written)
    except ValueError:
        return False
    return True


def _organic_media_has_no_return(config: Config) -> Iterator[Problem]:
    organic = (("data", "organic_media"),)
    for channel in config.data.organic_media:
        given = config.model.priors.channels.get(channel)
        if given is not None and given.type in ("roi", "mroi"):
            message = (
                f"received {given.type!r}, but organic media has no spend and so no return on it; allowed: "
                "contribution, coefficient."
            )
            yield Problem((*_PRIORS, "channels", channel, "type"), message, organic)
        if channel in config.model.priors.roi_bounds:
            message = "organic media has no spend and so no ROI; remove it, or use model.priors.channels."
            yield Problem((*_PRIORS, "roi_bounds", channel), message, organic)


def _complete_priors(config: Config) -> Iterator[Problem]:
    """Every distribution has the parameters of its family (what the values may be, the model knows)."""
    priors = config.model.priors
    sections: list[tuple[KeyPath, Section]] = [(_PRIORS, priors)]
    sections += [((*_PRIORS, "channels", channel), own) for channel, own in priors.channels.items()]
    for path, section in sections:
        for name in type(section).model_fields:
            given = getattr(section, name)
            if isinstance(given, PriorConfig):
                parameters = given.model_dump(exclude={"family"}, exclude_none=True)
                message = parameter_problem(given.family, parameters)
                if message is not None:
                    yield Problem((*path, name), message)


def _bounds_of_a_return(config: Config) -> Iterator[Problem]:
    """Bounds of the ROI of a channel whose prior is explicitly of something else."""
    priors = config.model.priors
    for channel in priors.roi_bounds:
        given = priors.channels.get(channel)
        path = (*_PRIORS, "channels", channel)
        if given is not None and given.type is not None and given.type != "roi":
            message = f"is of the ROI, but {dotted(path)}.type is {given.type}; remove one of them."
            yield Problem((*_PRIORS, "roi_bounds", channel), message, ((*path, "type"),))
        if given is not None and given.effect is not None:
            message = f"is a second prior beside {dotted(path)}.effect; remove one of them."
            yield Problem((*_PRIORS, "roi_bounds", channel), message, ((*path, "effect"),))


def _within_the_only_backend(config: Config) -> Iterator[Problem]:
    """What Meridian cannot fit, where nothing else would be tried."""
    if config.model.backend != "meridian" or config.model.fallback != "none":
        return
    for path, value in _beyond_meridian(config):
        message = (
            f"received {value!r}, which only the pymc backend can fit; set model.backend or fallback to pymc."
        )
        yield Problem(path, message, (("model", "backend"), ("model", "fallback")))


def _beyond_meridian(config: Config) -> Iterator[tuple[KeyPath, str]]:
    adstock, saturation = config.features.adstock, config.features.saturation
    if config.model.family == "robust_log":
        yield ("model", "family"), config.model.family
    if adstock.type in _PYMC_ADSTOCK:
        yield (*_ADSTOCK, "type"), adstock.type
    if saturation.type in _PYMC_SATURATION:
        yield (*_SATURATION, "type"), saturation.type
    for channel, carry_over in adstock.platform_overrides.items():
        if carry_over.type in _PYMC_ADSTOCK:
            yield (*_ADSTOCK, "platform_overrides", channel, "type"), carry_over.type
    for channel, own in saturation.channel_overrides.items():
        if own.type in _PYMC_SATURATION:
            yield (*_SATURATION, "channel_overrides", channel, "type"), own.type
    yield from _mixed_prior_types(config)


def _mixed_prior_types(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """Types of channels that differ from others'; Meridian has one for media and one for reach."""
    priors = config.model.priors
    common = "coefficient" if priors.spend_share_scaled else config.model.media_prior_type
    own = {channel: given.type for channel, given in priors.channels.items() if given.type is not None}
    groups: dict[bool, list[str]] = {True: [], False: []}
    for channel, columns in config.data.channel_map.items():
        groups[isinstance(columns, ChannelColumns) and columns.reach is not None].append(channel)
    for channels in groups.values():
        types = {own.get(channel, common) for channel in channels}
        if len(types) > 1:
            odd = ((channel, own[channel]) for channel in channels if own.get(channel, common) != common)
            yield from (((*_PRIORS, "channels", channel, "type"), prior_type) for channel, prior_type in odd)


MODEL_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _fallback_differs,
    _fixed_at_something,
    _knots,
    _organic_media_has_no_return,
    _complete_priors,
    _bounds_of_a_return,
    _within_the_only_backend,
)
