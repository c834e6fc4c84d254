"""The file `workspace.yaml`: which code locations there are, and whose configuration each one serves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mmm_core.errors import InputError
from mmm_core.storage import write_text

WORKSPACE = Path("workspace.yaml")
BASE = """\
load_from:
  - python_module:
      module_name: mmm_assets.definitions
      location_name: mmm
  - python_module:
      module_name: mmm_assets.benchmark_definitions
      location_name: mmm_benchmark
"""
_MODULE = "mmm_assets.brands"
_ENTRY = """\
  - python_module:
      module_name: mmm_assets.brands
      attribute: {config}
      location_name: {name}
"""


@dataclass(frozen=True)
class Location:
    """A code location."""

    name: str
    config: Path | None
    """Configuration file of a brand; None: another location."""


def locations(workspace: Path = WORKSPACE) -> list[Location]:
    """All locations of the file, in its order; none if there is no file.

    Raises:
        InputError: it is no workspace file.
    """
    if not workspace.exists():
        return []
    return _read(workspace.read_text(encoding="utf-8"), workspace)


def with_location(workspace: Path, name: str, config: Path) -> str:
    """The file's text with one more brand at its end; comments and what else is there stay.

    Raises:
        InputError: it is no workspace file, or its list cannot simply be continued.
    """
    before = workspace.read_text(encoding="utf-8") if workspace.exists() else BASE
    text = f"{before.rstrip()}\n{_ENTRY.format(name=name, config=config.as_posix())}"
    if not _read(before, workspace) or _read(text, workspace)[:-1] != _read(before, workspace):
        raise InputError(
            f"{workspace} cannot be continued: its last section has to be the list load_from with items indented "
            f"by two spaces. Add there by hand: {_ENTRY.format(name=name, config=config.as_posix()).strip()}"
        )
    return text


def write_workspace(workspace: Path, text: str) -> None:
    """Write the file atomically."""
    write_text(workspace, text)


def _read(text: str, workspace: Path) -> list[Location]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return _refuse(workspace)
    entries = found.get("load_from") if isinstance(found, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return _refuse(workspace)
    return [_location(settings) for entry in entries for settings in entry.values() if isinstance(settings, dict)]


def _refuse(workspace: Path) -> list[Location]:
    raise InputError(f"{workspace} is no workspace file: it must have a list load_from of code locations.")


def _location(settings: dict[str, Any]) -> Location:
    is_brand = settings.get("module_name") == _MODULE and "attribute" in settings
    return Location(str(settings.get("location_name", "")), Path(str(settings["attribute"])) if is_brand else None)
