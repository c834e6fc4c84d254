"""What is wrong with a configuration: every problem, with its key, its place and its remedy."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from mmm_core.config.keys import (
    KeyPath,
    accepts_boolean,
    allowed_at,
    choices_at,
    dotted,
    is_group,
    is_prefix,
    leaves,
    nearest,
    nearest_key,
    unknown_keys,
    writable_names_in,
)
from mmm_core.config.layers import Layer, locate
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    path: KeyPath
    message: str
    """What was received, what is allowed, and the remedy; ends with a full stop."""
    also: tuple[KeyPath, ...] = ()
    """Other keys that it is about."""

    def concerns(self, paths: Iterable[KeyPath]) -> bool:
        """Whether it is about one of these paths, what is inside one, or what contains one."""
        return any(
            is_prefix(own, other) or is_prefix(other, own) for own in (self.path, *self.also) for other in paths
        )


def section_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Values of one layer that stand where the schema has a section or a map."""
    return [
        Problem(path, f"received {_in_words(value)}; allowed: {allowed_at(path)}.")
        for path, value in leaves(values)
        if is_group(path) and not (value is None or isinstance(value, Mapping))
    ]


def unknown_key_problems(values: Mapping[str, Any]) -> list[Problem]:
    """Keys that the schema does not have, with the key that was probably meant."""
    problems = []
    for path in unknown_keys(values):
        close = nearest_key(path)
        hint = f" Did you mean {close}?" if close else ""
        place = dotted(path[:-1]) or "the top level"
        problems.append(
            Problem(path, f"unknown key.{hint} Allowed in {place}: {', '.join(writable_names_in(path[:-1]))}.")
        )
    return problems


def value_problems(values: Mapping[str, Any], shown: Mapping[KeyPath, Any]) -> list[Problem]:
    """Values that the schema refuses.

    Args:
        values: nested values without unknown keys.
        shown: how values are to be shown where they may hold secrets, by path.
    """
    problems = {path: Problem(path, message) for path, message in _loose_values(values, ())}
    try:
        Config.model_validate(values)
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False):
            path = _path_in(values, detail)
            if path is not None:
                problems.setdefault(path, Problem(path, _message(path, detail, shown)))
    return list(problems.values())


def _loose_values(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """What pydantic would let pass: booleans for numbers, and numbers that are not finite."""
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        items = ()
    for part, item in items:
        yield from _loose_values(item, (*path, part))
    if isinstance(value, bool) and not accepts_boolean(path):
        yield path, f"received {str(value).lower()}; allowed: {allowed_at(path)}."
    if isinstance(value, float) and not math.isfinite(value):
        yield path, f"received {value}; allowed: {allowed_at(path)}, finite."


def _path_in(values: Any, detail: ErrorDetails) -> KeyPath | None:
    """Location without pydantic's own tags; None for the union member that the value does not try to be."""
    path: KeyPath = ()
    for index, part in enumerate(detail["loc"]):
        inside = _inside(values, part)
        if inside:
            path, values = (*path, part), inside[0]
        elif detail["type"] == "missing" and index == len(detail["loc"]) - 1:
            return path if isinstance(part, int) else (*path, part)
        elif part != "[key]" and (part == ChannelColumns.__name__) != isinstance(values, Mapping):
            return None
    return path


def _inside(values: Any, part: str | int) -> list[Any]:
    """What is at this name or position, if anything is."""
    if isinstance(values, Mapping):
        return [values[part]] if part in values else []
    return [values[part]] if isinstance(values, list) and isinstance(part, int) and part < len(values) else []


def _message(path: KeyPath, detail: ErrorDetails, shown: Mapping[KeyPath, Any]) -> str:
    if "[key]" in detail["loc"]:
        return "received an empty name; give it a name."
    if detail["type"] == "missing" and isinstance(detail["loc"][-1], str):
        return f"is required here and missing; allowed: {allowed_at(path)}."
    received = next((value for other, value in shown.items() if is_prefix(other, path)), detail["input"])
    choices = choices_at(path)
    close = nearest(str(received), choices)
    hint = f" Did you mean {close}?" if close else ""
    if detail["type"] == "string_type" and isinstance(received, int | float):
        hint = " Put it in quotes."
    return f"received {_in_words(received)}; allowed: {allowed_at(path)}.{hint}"


def _in_words(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def described(problems: Iterable[Problem], layers: Sequence[Layer], source: str) -> list[str]:
    """One line for each problem: file and line (or variable, or `--set`), key, and what is wrong.

    Args:
        problems: what is wrong.
        layers: where values come from, weakest first.
        source: named where no layer gives the key.
    """
    return [
        f"{_place(problem, layers) or source}: {dotted(problem.path)}: {problem.message}" for problem in problems
    ]


def refuse(lines: Sequence[str], source: str) -> None:
    """Raise one error that lists everything, if there is anything.

    Raises:
        ConfigError: the line, or all lines below a heading.
    """
    if len(lines) == 1:
        raise ConfigError(lines[0])
    if lines:
        raise ConfigError(f"{source}: {len(lines)} problems:\n" + "\n".join(f"- {line}" for line in lines))


def _place(problem: Problem, layers: Sequence[Layer]) -> str | None:
    places = (locate(path, layers) for path in (problem.path, *problem.also, problem.path[:-1]) if path)
    return next((place for place in places if place), None)
