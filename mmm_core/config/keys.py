"""Dotted configuration keys, and what the schema allows at each of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Names of sections, keys and map entries, and positions in lists, from the outside in."""

PROFILES = "profiles"
SchemaNode = Mapping[str, Any]
_PART = re.compile(r'"([^"]+)"|([^".\[\]]+)')
_LIMITS = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
_TYPE_NAMES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "null"}


def dotted(path: KeyPath) -> str:
    """`("data", "controls", 1)` -> `data.controls[1]`; a name with a dot in it is put in double quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _PART.fullmatch(part) else f'"{part}"')
    return text


def parse_dotted(text: str) -> tuple[str, ...]:
    """Inverse of `dotted` for keys without list positions.

    Raises:
        ConfigError: empty parts or unbalanced quotes.
    """
    parts: list[str] = []
    position = 0
    while match := _PART.match(text, position):
        parts.append((match[1] or match[2]).strip())
        position = match.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            break
        position += 1
    raise ConfigError(f"{text!r} is not a key; write section.key, such as training.draws.")


def is_prefix(shorter: KeyPath, longer: KeyPath) -> bool:
    """Whether `shorter` is `longer` or contains it."""
    return longer[: len(shorter)] == shorter


def leaves(values: Mapping[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value that is not itself a non-empty mapping, with its path."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def nested(entries: Mapping[KeyPath, Any]) -> dict[str, Any]:
    """Inverse of `leaves`; no path may contain another."""
    values: dict[str, Any] = {}
    for path, value in entries.items():
        group: dict[Any, Any] = values
        for part in path[:-1]:
            group = group.setdefault(part, {})
        group[path[-1]] = value
    return values


@cache
def _definitions() -> SchemaNode:
    return Config.model_json_schema()


def _options(node: SchemaNode) -> list[SchemaNode]:
    """The alternatives of a schema node, references resolved."""
    if "$ref" in node:
        name = str(node["$ref"]).rsplit("/", 1)[1]
        return _options(_definitions()["$defs"][name])
    if "anyOf" in node:
        return [option for member in node["anyOf"] for option in _options(member)]
    return [node]


def options_at(path: KeyPath) -> list[SchemaNode]:
    """Alternatives that the schema allows at this path; empty if the path is unknown."""
    nodes = [_definitions()]
    for part in path:
        nodes = [option for node in nodes for child in _children(node, part) for option in _options(child)]
    return nodes


def _children(node: SchemaNode, part: str | int) -> list[SchemaNode]:
    if isinstance(part, int):
        items = node.get("prefixItems", [])
        found = items[part] if part < len(items) else node.get("items")
    else:
        found = node.get("properties", {}).get(part) or node.get("additionalProperties")
    return [found] if isinstance(found, Mapping) else []


def is_section(path: KeyPath) -> bool:
    """Whether the schema has a closed section at this path, and nothing else."""
    options = options_at(path)
    return bool(options) and all("properties" in option for option in options)


def is_group(path: KeyPath) -> bool:
    """Whether the schema has a section or a map at this path, and nothing else."""
    options = options_at(path)
    return bool(options) and all(option.get("type") == "object" for option in options)


def is_entry(path: KeyPath) -> bool:
    """Whether the schema has a map at the path above, so that the last part is a name of the user's."""
    return any("additionalProperties" in option and "properties" not in option for option in options_at(path[:-1]))


def accepts_boolean(path: KeyPath) -> bool:
    """Whether `true` and `false` are allowed at this path."""
    return any(option.get("type") == "boolean" for option in options_at(path))


def unknown_keys(values: Mapping[str, Any], path: KeyPath = ()) -> Iterator[KeyPath]:
    """Paths of keys that the schema does not have."""
    sections = [option for option in options_at(path) if "properties" in option]
    for name, value in values.items():
        if sections and not any(name in option["properties"] for option in sections):
            yield (*path, name)
        elif isinstance(value, Mapping):
            yield from unknown_keys(value, (*path, name))


def names_in(path: KeyPath) -> list[str]:
    """Keys that the section at this path has."""
    return [name for option in options_at(path) for name in option.get("properties", {})]


def writable_names_in(path: KeyPath) -> list[str]:
    """The same, and at the top level `profiles`, which a file may have besides the sections."""
    return names_in(path) + ([PROFILES] if path == () else [])


def all_keys(path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every section and key of the schema (not what is inside maps)."""
    for name in names_in(path):
        yield (*path, name)
        yield from all_keys((*path, name))


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that was probably meant, if there is one."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    close = get_close_matches(name.casefold(), list(by_folded), n=1)
    return by_folded[close[0]] if close else None


def nearest_key(path: KeyPath) -> str | None:
    """The dotted key that was probably meant: the very name in one other section, or else a sibling."""
    name = str(path[-1])
    elsewhere = [key for key in all_keys() if key[-1] == name]
    if len(elsewhere) == 1:
        return dotted(elsewhere[0])
    sibling = nearest(name, writable_names_in(path[:-1]))
    return dotted((*path[:-1], sibling)) if sibling else None


def choices_at(path: KeyPath) -> list[str]:
    """Texts that may be chosen at this path, if the schema lists them."""
    options = options_at(path)
    listed = [choice for option in options for choice in option.get("enum", [])]
    return [str(choice) for choice in listed] + [str(option["const"]) for option in options if "const" in option]


def allowed_at(path: KeyPath) -> str:
    """What may stand at this path, in words."""
    return " or ".join(_in_words(option) for option in options_at(path))


def _in_words(node: SchemaNode) -> str:
    if "enum" in node or "const" in node:
        return "one of " + ", ".join(str(choice) for choice in node.get("enum", [node.get("const")]))
    kind = str(node.get("type"))
    if kind in _TYPE_NAMES:
        limits = " and ".join(f"{sign} {node[limit]:g}" for limit, sign in _LIMITS if limit in node)
        return f"{_TYPE_NAMES[kind]} {limits}".strip()
    if kind == "string":
        text = "non-empty text" if node.get("minLength") else "text"
        return f"{text} that matches {node['pattern']}" if "pattern" in node else text
    if kind == "array" and "prefixItems" in node:
        return f"a list of {len(node['prefixItems'])} numbers, such as [0.5, 2]"
    if kind == "array":
        item = " or ".join(_in_words(option) for option in _options(node["items"]))
        size = f" (at least {node['minItems']})" if "minItems" in node else ""
        return f"a list{size} in [ ] of {item}"
    if "properties" in node:
        return "a section with the keys " + ", ".join(node["properties"])
    entry = " or ".join(_in_words(option) for option in _options(node["additionalProperties"]))
    return f"a map of names to {entry}"
