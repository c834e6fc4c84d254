"""Rules about several keys of optimization."""

from collections.abc import Callable, Iterator

from mmm_core.config.keys import KeyPath
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_RANGE: KeyPath = ("optimization", "budget_range")
_PRESETS: KeyPath = ("optimization", "scenario_presets")
_TARGETS = ("target_roas", "target_mroi")


def _budget_range(config: Config) -> Iterator[Problem]:
    low, high = config.optimization.budget_range
    if not -1 < low <= high:
        yield Problem(_RANGE, f"received [{low:g}, {high:g}]; allowed: [low, high] with -1 < low <= high.")


def _scenario_names(config: Config) -> Iterator[Problem]:
    for name in config.optimization.scenarios:
        if name in config.optimization.scenario_presets:
            message = f"a preset is named {name!r} too; rename one of them."
            yield Problem(("optimization", "scenarios", name), message, ((*_PRESETS, name),))


def _targets(config: Config) -> Iterator[Problem]:
    """An objective that reaches a return needs to know which."""
    settings = config.optimization
    message = "needs a target (outcome per unit of money); set optimization.target."
    if settings.objective in _TARGETS and settings.target is None:
        yield Problem(("optimization", "objective"), f"{settings.objective} {message}")
    for name, scenario in settings.scenarios.items():
        if scenario.objective in _TARGETS and scenario.target is None and settings.target is None:
            yield Problem(("optimization", "scenarios", name, "objective"), f"{scenario.objective} {message}")


def _future(config: Config) -> Iterator[Problem]:
    future = config.optimization.future
    if future is not None and future.path is None and future.weeks is None:
        message = "names neither a file nor a number of weeks; set optimization.future.path or .weeks."
        yield Problem(("optimization", "future"), message)


def _overlaps(config: Config) -> Iterator[Problem]:
    seen: set[frozenset[str]] = set()
    for index, overlap in enumerate(config.optimization.audience_overlap):
        pair = frozenset(overlap.channels)
        if len(pair) == 1 or pair in seen:
            names = " and ".join(overlap.channels)
            message = f"received {names}; allowed: two different channels, each pair once."
            yield Problem(("optimization", "audience_overlap", index, "channels"), message)
        seen.add(pair)


OPTIMIZATION_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _budget_range,
    _scenario_names,
    _targets,
    _future,
    _overlaps,
)
