"""`${NAME}` in a text value: replaced by the environment variable, which is a secret from then on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmm_core.config.keys import KeyPath, nearest
from mmm_core.config.layers import Entries
from mmm_core.config.problems import Problem

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass
class Interpolated:
    """Values after replacement."""

    values: dict[KeyPath, Any] = field(default_factory=dict)
    written: dict[KeyPath, Any] = field(default_factory=dict)
    """Values with a reference, as they are written (`${NAME}`)."""
    secrets: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def interpolate(entries: Entries, environ: Mapping[str, str]) -> Interpolated:
    """Replace every `${NAME}` in effective values (an overridden value needs no variable)."""
    result = Interpolated()
    for path, entry in entries.items():
        before = len(result.problems)
        value = _replaced(entry.value, path, environ, result)
        if value != entry.value or len(result.problems) > before:
            result.written[path] = entry.value
        if len(result.problems) == before:
            result.values[path] = value
    return result


def _replaced(value: Any, path: KeyPath, environ: Mapping[str, str], result: Interpolated) -> Any:
    if isinstance(value, list):
        return [_replaced(item, (*path, index), environ, result) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in _REFERENCE.findall(value):
        if name in environ:
            result.secrets.add(environ[name])
        else:
            result.problems.append(Problem(path, _missing(name, environ)))
    return _REFERENCE.sub(lambda match: environ.get(match[1], match[0]), value)


def _missing(name: str, environ: Mapping[str, str]) -> str:
    if not _VARIABLE_NAME.fullmatch(name):
        return f"received ${{{name}}}; allowed: ${{NAME}} with the name of an environment variable."
    close = nearest(name, sorted(environ))
    hint = f" Did you mean {close}?" if close else ""
    return f"environment variable {name} is not set; set it, or write the value in its place.{hint}"
