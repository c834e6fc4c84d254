"""Channels and geos that the configuration names must be in the data; they can be checked before a fit."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmm_core.config.keys import KeyPath, dotted
from mmm_core.config.optimization import OptimizationConfig, PlatformConstraintsConfig
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config
from mmm_core.errors import BudgetError

_SHOWN = 20


@dataclass(frozen=True)
class KnownNames:
    """What is in the data."""

    channels: Sequence[str]
    """Paid channels."""
    geos: Sequence[str]
    organic: Sequence[str] = ()
    """Organic channels: they are part of questions about the past, but get no budget."""

    def channel(self, path: KeyPath, name: str) -> Iterator[Problem]:
        """A problem unless a paid channel has that name."""
        yield from _unless_known(path, name, self.channels, "paid channel")

    def geo(self, path: KeyPath, name: str) -> Iterator[Problem]:
        """A problem unless a geo has that name."""
        yield from _unless_known(path, name, self.geos, "geo")

    def cell(self, path: KeyPath, name: str) -> Iterator[Problem]:
        """A problem unless it is a paid channel, or a paid channel and a geo with @ between."""
        channel, at, geo = name.rpartition("@")
        if name in self.channels or not at:
            yield from self.channel(path, name)
        else:
            yield from self.channel(path, channel)
            yield from self.geo(path, geo)

    def media(self, path: KeyPath, name: str) -> Iterator[Problem]:
        """A problem unless a channel, paid or organic, has that name."""
        yield from _unless_known(path, name, (*self.channels, *self.organic), "channel")


def check_names(
    config: Config, channels: Sequence[str], geos: Sequence[str], organic: Sequence[str] = ()
) -> list[Problem]:
    """Names in `optimization` and `attribution.counterfactuals` that the data does not have.

    Args:
        config: the configuration.
        channels: paid channels of the data.
        geos: its geos.
        organic: its organic channels.
    """
    known = KnownNames(channels, geos, organic)
    return [*_in_optimization(config.optimization, known), *_in_counterfactuals(config, known)]


def require_names(
    config: Config, channels: Sequence[str], geos: Sequence[str], organic: Sequence[str] = ()
) -> None:
    """Refuse what `check_names` finds (same arguments).

    Raises:
        BudgetError: every unknown name with its key and the nearest known one.
    """
    _refuse(check_names(config, channels, geos, organic))


def require_channels_of(config: OptimizationConfig, channels: Sequence[str]) -> None:
    """Channels whose creatives wear out must exist.

    Raises:
        BudgetError: an unknown name, with the nearest known one.
    """
    _refuse(list(_in_fatigue(config, KnownNames(channels, ()))))


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise BudgetError("\n".join(f"{dotted(problem.path)}: {problem.message}" for problem in problems))


def _in_optimization(config: OptimizationConfig, known: KnownNames) -> Iterator[Problem]:
    yield from _in_constraints(("optimization", "platform_constraints"), config.platform_constraints, known)
    for name, scenario in config.scenarios.items():
        if scenario.constraints is not None:
            path: KeyPath = ("optimization", "scenarios", name, "constraints")
            yield from _in_constraints(path, scenario.constraints, known)
    for channel in {} if config.future is None else config.future.cost_changes:
        yield from known.channel(("optimization", "future", "cost_changes", channel), channel)
    for index, overlap in enumerate(config.audience_overlap):
        for place, channel in enumerate(overlap.channels):
            yield from known.channel(("optimization", "audience_overlap", index, "channels", place), channel)
    yield from _in_fatigue(config, known)


def _in_fatigue(config: OptimizationConfig, known: KnownNames) -> Iterator[Problem]:
    for channel in config.creative_fatigue:
        yield from known.channel(("optimization", "creative_fatigue", channel), channel)


def _in_constraints(path: KeyPath, limits: PlatformConstraintsConfig, known: KnownNames) -> Iterator[Problem]:
    for channel in limits.channels:
        yield from known.channel((*path, "channels", channel), channel)
    for geo in limits.geos:
        yield from known.geo((*path, "geos", geo), geo)
    for name, group in limits.groups.items():
        for index, channel in enumerate(group.channels):
            yield from known.channel((*path, "groups", name, "channels", index), channel)
    for index, cell in enumerate(limits.fixed):
        yield from known.cell((*path, "fixed", index), cell)


def _in_counterfactuals(config: Config, known: KnownNames) -> Iterator[Problem]:
    for name, question in config.attribution.counterfactuals.items():
        path: KeyPath = ("attribution", "counterfactuals", name)
        for index, channel in enumerate(question.channels):
            yield from known.media((*path, "channels", index), channel)
        for index, geo in enumerate(question.geos):
            yield from known.geo((*path, "geos", index), geo)


def _unless_known(path: KeyPath, name: str, known: Sequence[str], what: str) -> Iterator[Problem]:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    names = ", ".join(known[:_SHOWN]) or "none"
    yield Problem(path, f"received {name}, but no {what} of the data has that name; known: {names}{more}.{hint}")
