"""Proof that no key is decoration: each one is read somewhere in the code.  And the effective listing."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmm_core.config.attribute_reads import Read, reads_in
from mmm_core.config.base import Section
from mmm_core.config.code_index import CodeIndex, Many, of_annotation
from mmm_core.config.loading import LoadedConfig, flatten
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError

_PACKAGES = ("mmm_core", "mmm_assets")
_EXCLUDED = "mmm_core.config"
"""Loading and checking a key is not using it."""


def unused_keys(schema: type[Section] = Config, packages: Mapping[str, Path] | None = None) -> list[str]:
    """Keys that no code outside this package reads, in the schema's order.

    Args:
        schema: the configuration, or a subclass with more keys.
        packages: package name -> folder of the code; None: the installed packages.

    Returns:
        Dotted keys; `*` stands for any name in a map (`features.adstock.platform_overrides.*.decay`).
    """
    keys = dict(_leaf_keys(schema, ""))
    sections = list(dict.fromkeys([schema, *_sections(schema)]))
    index = CodeIndex(_package_folders() if packages is None else packages, sections)
    read: set[Read] = set()
    for module in index.modules.values():
        if not f"{module.name}.".startswith(f"{_EXCLUDED}."):
            read |= reads_in(module, index)
    return [
        key
        for key, (section, name) in keys.items()
        if not any((base, name) in read for base in section.__mro__ if issubclass(base, Section))
    ]


def effective_listing(loaded: LoadedConfig) -> list[tuple[str, Any, str]]:
    """Every effective key, its value (secrets as `***`) and its origin."""
    return [(key, value, origin) for key, (value, origin) in flatten(loaded).items()]


def _package_folders() -> dict[str, Path]:
    folders = {}
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ConfigError(f"Package {package} is not installed, so the use of keys cannot be checked.")
        folders[package] = Path(spec.origin).parent
    return folders


def _leaf_keys(section: type[Section], prefix: str) -> Iterator[tuple[str, Read]]:
    """Keys that hold values, with the section that they are read from."""
    for name, field in section.model_fields.items():
        known = of_annotation(field.annotation)
        if isinstance(known, type):
            yield from _leaf_keys(known, f"{prefix}{name}.")
            continue
        yield f"{prefix}{name}", (section, name)
        if isinstance(known, Many) and isinstance(known.item, type):
            yield from _leaf_keys(known.item, f"{prefix}{name}.*.")


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    for field in section.model_fields.values():
        known = of_annotation(field.annotation)
        inner = known.item if isinstance(known, Many) else known
        if isinstance(inner, type):
            yield inner
            yield from _sections(inner)
