"""From a YAML file, a profile, the environment and overrides to one frozen configuration."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic

from mmm_core.config import masking
from mmm_core.config.interpolation import Interpolated, interpolate
from mmm_core.config.keys import KeyPath, dotted, is_prefix, leaves, nested
from mmm_core.config.layers import Entries, merge, read_layers
from mmm_core.config.masking import environment_secrets
from mmm_core.config.problems import (
    Problem,
    described,
    refuse,
    section_problems,
    unknown_key_problems,
    value_problems,
)
from mmm_core.config.schema import Config
from mmm_core.config.secret_keys import secret_problems
from mmm_core.config.semantics import override_problems, semantic_problems


@dataclass(frozen=True)
class LoadedConfig:
    """The effective configuration, and where each value comes from."""

    config: Config = field(repr=False)
    origins: Mapping[str, str]
    """Dotted key -> `default`, `file config/x.yaml`, `profile local`, `environment MMM__...` or `--set`."""
    path: Path
    profile: str | None
    secrets: frozenset[str] = field(repr=False)
    """Values of environment variables that `${NAME}` put into the configuration, or whose names say it."""
    interpolated: frozenset[str] = frozenset()
    """Dotted keys whose value holds a secret."""


def load_config(
    path: Path,
    profile: str | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> LoadedConfig:
    """Load a configuration: defaults < file < profile < `MMM__SECTION__KEY` variables < `--set`.

    Args:
        path: YAML file with sections, and optionally `profiles:` (name -> partial configuration).
        profile: name of the profile to use; None for none.
        overrides: `section.key=value`, value as a YAML scalar or a bracketed list; the last one wins.
        environ: environment variables, for overrides and for `${NAME}` in text values.

    Raises:
        ConfigError: naming every problem at once with key, place, what was received, what is allowed
            and the nearest valid name.
    """
    layers, other_profiles = read_layers(path, profile, overrides, environ)
    entries = merge(layers)
    interpolated = interpolate(entries, environ)
    config, problems = _validated(entries, interpolated)
    lines = described(problems, layers, str(path))
    for layer in layers:
        lines += described(section_problems(layer.values), [layer], str(path))
    for layer in other_profiles:
        found = unknown_key_problems(layer.values) + section_problems(layer.values)
        lines += described(found, [layer], str(path))
    refuse([masking.mask(line, interpolated.secrets) for line in lines], str(path))
    return LoadedConfig(
        config=config,
        origins=_origins(config, entries),
        path=path,
        profile=profile,
        secrets=frozenset(secret for secret in interpolated.secrets if secret) | environment_secrets(environ),
        interpolated=frozenset(dotted(key) for key in interpolated.written),
    )


def check_channel_overrides(config: Config, channels: Sequence[str]) -> None:
    """Refuse overrides for channels that the data does not have.

    Args:
        config: effective configuration.
        channels: channels of the resolved column mapping.

    Raises:
        ConfigError: naming each override, the channels there are, and the nearest.
    """
    refuse(described(override_problems(config, channels), [], "configuration"), "configuration")


def flatten(loaded: LoadedConfig, mask: bool = True) -> dict[str, tuple[Any, str]]:
    """Dotted key -> (value, origin), in the schema's order; secrets are shown as `***`."""
    rows: dict[str, tuple[Any, str]] = {}
    for path, value in leaves(loaded.config.model_dump()):
        key = dotted(path)
        rows[key] = (_masked(value, key, loaded) if mask else value, loaded.origins[key])
    return rows


def _masked(value: Any, key: str, loaded: LoadedConfig) -> Any:
    secret = key in loaded.interpolated
    if isinstance(value, str):
        return masking.mask(value, loaded.secrets, 1 if secret else masking.SHORTEST_SECRET)
    if isinstance(value, tuple):
        return tuple(_masked(item, key, loaded) for item in value)
    return masking.MASK if secret else value


def _validated(entries: Entries, interpolated: Interpolated) -> tuple[Config, list[Problem]]:
    """The configuration (only meaningful without problems), and all problems.

    Rules about several keys are checked on what remains when broken values are left out, and only
    those are reported that have nothing to do with broken values.
    """
    values = interpolated.values
    problems = [*interpolated.problems, *unknown_key_problems(nested(dict.fromkeys(entries)))]
    known = _without(values, [problem.path for problem in problems])
    problems += value_problems(nested(known), interpolated.written)
    problems += secret_problems(values, interpolated.written)
    broken = [problem.path for problem in problems]
    try:
        config = Config.model_validate(nested(_without(known, broken)))
    except pydantic.ValidationError:
        return Config(), problems
    problems += [problem for problem in semantic_problems(config) if not problem.concerns(broken)]
    return config, problems


def _without(values: Mapping[KeyPath, Any], broken: Sequence[KeyPath]) -> dict[KeyPath, Any]:
    """Values without those that are, contain, or stand beside a missing part of something broken."""
    return {
        path: value
        for path, value in values.items()
        if not any(
            is_prefix(path, other) or is_prefix(other, path) or (other not in values and path[:-1] == other[:-1])
            for other in broken
        )
    }


def _origins(config: Config, entries: Entries) -> dict[str, str]:
    return {
        dotted(path): entries[path].layer.origin if path in entries else "default"
        for path, _ in leaves(config.model_dump())
    }
