"""Where values come from: file, profile, environment, `--set`; merged so that every key knows its origin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmm_core.config.keys import (
    PROFILES,
    KeyPath,
    dotted,
    is_entry,
    is_group,
    is_prefix,
    is_section,
    leaves,
    names_in,
    nearest,
    nested,
    parse_dotted,
)
from mmm_core.config.yaml_source import YamlDocument, parse_value, read_yaml
from mmm_core.errors import ConfigError

ENVIRONMENT_PREFIX = "MMM__"


@dataclass(frozen=True)
class Layer:
    """One source of values."""

    origin: str
    """What the listing says: `file config/x.yaml`, `profile local`, `environment MMM__A__B`, `--set`."""
    where: str
    """What messages say."""
    values: Mapping[str, Any]
    """Sections and keys that this source gives."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """1-based lines, for YAML files."""


@dataclass(frozen=True)
class Entry:
    """One value and the layer that it comes from."""

    value: Any
    layer: Layer


Entries = dict[KeyPath, Entry]
"""Values by path; no path contains another."""


def read_layers(
    path: Path, profile: str | None, overrides: Sequence[str], environ: Mapping[str, str]
) -> tuple[list[Layer], list[Layer]]:
    """All layers in order of increasing strength, and the profiles that were not chosen.

    Raises:
        ConfigError: bad file, no such profile, or an override that is not a key and a value.
    """
    document = read_yaml(path)
    file = Layer(
        f"file {path.as_posix()}",
        str(path),
        {name: value for name, value in document.values.items() if name != PROFILES},
        document.lines,
    )
    profiles = _profile_layers(document, path)
    if profile is not None and profile not in profiles:
        raise ConfigError(_unknown_profile(profile, list(profiles), path))
    layers = [file] if profile is None else [file, profiles[profile]]
    layers += _environment_layers(environ, merge(layers))
    layers += [_set_layer(text) for text in overrides]
    return layers, [layer for name, layer in profiles.items() if name != profile]


def _profile_layers(document: YamlDocument, path: Path) -> dict[str, Layer]:
    profiles = document.values.get(PROFILES) or {}
    line = document.lines.get((PROFILES,))
    if not isinstance(profiles, Mapping):
        raise ConfigError(f"{path}, line {line}: profiles is {profiles!r}; it must be a map of names to sections.")
    layers = {}
    for name, values in profiles.items():
        if values is not None and not isinstance(values, Mapping):
            raise ConfigError(
                f"{path}, line {document.lines[PROFILES, name]}: profiles.{name} is {values!r}; "
                f"it must be sections, such as `paths:` with keys below it."
            )
        start = (PROFILES, name)
        lines = {key[2:]: number for key, number in document.lines.items() if is_prefix(start, key)}
        layers[str(name)] = Layer(f"profile {name}", f"{path}, profile {name}", values or {}, lines)
    return layers


def _unknown_profile(profile: str, names: Sequence[str], path: Path) -> str:
    if not names:
        return f"Profile {profile!r} was asked for, but {path} has no `profiles:` section; add it there."
    close = nearest(profile, names)
    hint = f" Did you mean {close}?" if close else ""
    return f"Profile {profile!r} is not in {path}; allowed: {', '.join(names)}.{hint}"


def _environment_layers(environ: Mapping[str, str], given: Entries) -> list[Layer]:
    layers = []
    for name in sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
        parts = name.removeprefix(ENVIRONMENT_PREFIX).split("__")
        if not all(parts):
            raise ConfigError(
                f"Environment variable {name} is not {ENVIRONMENT_PREFIX}SECTION__KEY, "
                f"such as {ENVIRONMENT_PREFIX}TRAINING__DRAWS; rename or unset it."
            )
        where = f"environment variable {name}"
        layers.append(Layer(f"environment {name}", where, _nest(_spelled(parts, given), environ[name], where)))
    return layers


def _spelled(parts: Sequence[str], given: Entries) -> KeyPath:
    """Environment names are mostly upper case: take the schema's spelling, or that of a given map entry."""
    path: KeyPath = ()
    for part in parts:
        known = names_in(path) or [str(key[len(path)]) for key in given if is_prefix(path, key) and key != path]
        by_folded = {name.casefold(): name for name in known}
        fallback = part.lower() if names_in(path) else part
        path = (*path, by_folded.get(part.casefold(), fallback))
    return path


def _set_layer(text: str) -> Layer:
    key, separator, value = text.partition("=")
    if not separator:
        raise ConfigError(f"--set {text!r} has no `=`; write --set section.key=value, such as training.draws=500.")
    path = parse_dotted(key.strip())
    where = f"--set {dotted(path)}"
    return Layer("--set", where, _nest(path, value, where))


def _nest(path: KeyPath, text: str, where: str) -> dict[str, Any]:
    return nested({path: parse_value(text, where)})


def merge(layers: Sequence[Layer]) -> Entries:
    """Values of all layers; where two give the same key, the later layer's.

    Lists are replaced, sections and maps are merged key by key; an empty section, or something else
    in the place of a section or map, adds nothing.  A map's entry that is empty is there, with defaults.
    """
    entries: Entries = {}
    for layer in layers:
        for path, value in leaves(layer.values):
            below = [other for other in entries if is_prefix(path, other) and other != path]
            if is_section(path) and is_entry(path) and value in ({}, None) and not below:
                value = {}
            elif is_group(path) and (value != {} or below or is_section(path)):
                continue
            for other in [*below, *(other for other in entries if is_prefix(other, path))]:
                del entries[other]
            entries[path] = Entry(value, layer)
    return entries


def locate(path: KeyPath, layers: Sequence[Layer]) -> str | None:
    """Source and line of the strongest layer that gives this path; None if none does."""
    for layer in reversed(layers):
        value: Any = layer.values
        for part in path:
            if isinstance(value, Mapping) and part in value:
                value = value[part]
            elif isinstance(value, Sequence) and not isinstance(value, str) and part in range(len(value)):
                value = value[int(part)]
            else:
                break
        else:
            line = layer.lines.get(path)
            return layer.where if line is None else f"{layer.where}, line {line}"
    return None
