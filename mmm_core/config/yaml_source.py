"""YAML text as plain values that remember their lines.

Scalars follow YAML 1.2's core schema: only `true` and `false` are booleans (a column may be called `on`),
a date stays text, `1e-3` is a number and `010` is not an octal one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mmm_core.config.keys import KeyPath, dotted
from mmm_core.errors import ConfigError

_TEXT_TAG = "tag:yaml.org,2002:str"
_MERGE_TAG = "tag:yaml.org,2002:merge"


class _CoreLoader(yaml.SafeLoader):
    """Safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(inf|Inf|INF))|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
)
for _kind, _pattern, _first in _SCALARS:
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^({_pattern})$"), _first)


@dataclass(frozen=True)
class YamlDocument:
    """One mapping, with the 1-based line of every key and list item."""

    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]


def read_yaml(path: Path) -> YamlDocument:
    """Read a YAML file whose top level is a mapping (an empty file is an empty mapping).

    Raises:
        ConfigError: missing or unreadable file, bad YAML, duplicate keys, keys that are not text.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"Configuration file {path} does not exist; give an existing YAML file (looked from {Path.cwd()})."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Configuration file {path} cannot be read as UTF-8 text: {error}.") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> YamlDocument:
    """Parse YAML text; `where` names it in messages.

    Raises:
        ConfigError: as `read_yaml`.
    """
    lines: dict[KeyPath, int] = {}
    try:
        loader = _CoreLoader(text)
        node = loader.get_single_node()
        if node is None:
            return YamlDocument({}, {})
        _refuse_bad_keys(node, where)
        values = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(_syntax_message(error, where)) from error
    if values is None:
        return YamlDocument({}, {})
    if not isinstance(values, dict):
        raise ConfigError(
            f"{where}: the top level is {values!r}; it must be sections, such as `project:` with keys below it."
        )
    _note_lines(node, (), lines)
    return YamlDocument(values, lines)


def parse_value(text: str, where: str) -> Any:
    """Value of an environment override or `--set`: a YAML scalar, or a list or map in brackets.

    Text that is not a number, boolean, null, quoted or bracketed stays as it is (`a: b #c` is text);
    `where` names it in messages.

    Raises:
        ConfigError: brackets or quotes that are not closed.
    """
    stripped = text.strip()
    if stripped[:1] in {"[", "{", '"', "'"}:
        return parse_yaml(f"value: {stripped}", where).values["value"]
    kind = next((kind for kind, pattern, _ in _SCALARS[:-1] if re.fullmatch(pattern, stripped)), "str")
    return _CoreLoader("").construct_document(yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", stripped))


def _syntax_message(error: yaml.YAMLError, where: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        context = f" ({error.context})" if error.context else ""
        mark = error.problem_mark
        return (
            f"{where}, line {mark.line + 1}, column {mark.column + 1}: not valid YAML: {error.problem}{context}."
        )
    return f"{where}: not valid YAML: {error}"


def _refuse_bad_keys(root: yaml.Node, where: str) -> None:
    problems: list[str] = []
    _collect_bad_keys(root, (), (), where, problems)
    if problems:
        raise ConfigError("\n".join(problems))


def _collect_bad_keys(
    node: yaml.Node, path: KeyPath, open_nodes: tuple[int, ...], where: str, problems: list[str]
) -> None:
    """Before merge keys are expanded, so that overriding a merged key is not a duplicate."""
    if id(node) in open_nodes:
        raise ConfigError(f"{where}, line {node.start_mark.line + 1}: {dotted(path)} contains itself.")
    open_nodes = (*open_nodes, id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect_bad_keys(item, (*path, index), open_nodes, where, problems)
    if not isinstance(node, yaml.MappingNode):
        return
    first_lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = key.value if isinstance(key, yaml.ScalarNode) else "(a list or map)"
        if key.tag not in (_TEXT_TAG, _MERGE_TAG):
            problems.append(
                f"{where}, line {line}: key {name!r} below {dotted(path) or 'the top level'} is not text; "
                f"put it in quotes."
            )
        elif name in first_lines:
            problems.append(
                f"{where}, line {line}: {dotted((*path, name))} is already given in line {first_lines[name]}; "
                f"keep one of them."
            )
        first_lines.setdefault(name, line)
        _collect_bad_keys(value, (*path, name), open_nodes, where, problems)


def _note_lines(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    """After merge keys are expanded, so that merged keys have the line where they are written."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, key.value)] = key.start_mark.line + 1
            _note_lines(value, (*path, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _note_lines(item, (*path, index), lines)
