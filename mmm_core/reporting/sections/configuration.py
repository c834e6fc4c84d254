"""The configuration that made this report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.tables import Cell, Heading, Table


@dataclass(frozen=True)
class ConfigurationView:
    """All keys, and how many of them are not defaults."""

    table: Table
    n_keys: int
    n_set: int


def configuration_view(inputs: ReportInputs) -> ConfigurationView:
    """Key, value and origin of each setting, those that somebody set in stronger type."""
    rows = tuple(_row(key, value, origin) for key, (value, origin) in inputs.config.items())
    n_set = sum(origin != "default" for _, origin in inputs.config.values())
    headings = tuple(Heading(text, numeric=False) for text in ("Key", "Value", "Origin"))
    return ConfigurationView(Table("config", headings, rows, wide=True), len(rows), n_set)


def _row(key: str, value: Any, origin: str) -> tuple[Cell, ...]:
    """One setting."""
    return Cell(key), Cell(_text(value)), Cell(origin, tone="muted" if origin == "default" else "")


def _text(value: Any) -> str:
    """The value as it would stand in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    return str(value)
