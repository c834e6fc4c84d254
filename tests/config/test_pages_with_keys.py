"""Pages about settings know every key of theirs, with its default, and what they show is accepted."""

import re
from pathlib import Path
from typing import get_args

import pytest

from mmm_core.config.base import Section
from mmm_core.config.loading import load_config
from mmm_core.config.optimization import (
    FlightingConfig,
    FuturePlanConfig,
    Objective,
    OptimizationConfig,
    OverlapConfig,
    PlatformConstraintsConfig,
    Preset,
    RiskConfig,
    ScenarioConfig,
    SpendLimitsConfig,
)
from mmm_core.config.outputs import AttributionConfig, CounterfactualConfig, EvaluationConfig
from mmm_core.config.refresh import RefreshConfig
from mmm_core.config.yaml_source import parse_value

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {page.name: page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")}
EXAMPLES = [
    pytest.param(text, id=f"{name}-{number}")
    for name, page in sorted(PAGES.items())
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL), 1)
]
KEYS: list[tuple[str, str, str, type[Section]]] = [
    ("budgets.md", "Keys of `optimization`", "", OptimizationConfig),
    ("budgets.md", "Keys of `optimization`", "future.", FuturePlanConfig),
    ("budgets.md", "Keys of `optimization`", "risk.", RiskConfig),
    ("budgets.md", "Keys of `optimization`", "", ScenarioConfig),
    ("budgets.md", "Money between weeks", "", FlightingConfig),
    ("budgets.md", "Limits", "", PlatformConstraintsConfig),
    ("budgets.md", "Limits", "", SpendLimitsConfig),
    ("attribution.md", "Keys", "", AttributionConfig),
    ("attribution.md", "Keys", "", CounterfactualConfig),
    ("refresh.md", "What stays fixed", "refresh.", RefreshConfig),
]
"""Page, heading, what stands before each key, and the section whose keys are there."""


def part(page: str, heading: str) -> str:
    return PAGES[page].split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("text", EXAMPLES)
def test_what_a_page_shows_is_a_configuration(text: str, tmp_path: Path) -> None:
    file = tmp_path / "shown.yaml"
    file.write_text(text, encoding="utf-8")
    environ = {name: f"https://{name}" for name in re.findall(r"\$\{(\w+)\}", file.read_text(encoding="utf-8"))}
    assert load_config(file, environ=environ).config is not None


@pytest.mark.parametrize(("page", "heading", "prefix", "section"), KEYS)
def test_every_key_is_where_it_belongs(page: str, heading: str, prefix: str, section: type[Section]) -> None:
    named = set(re.findall(r"`([a-z_.]+)`", part(page, heading)))
    beside = {key.partition(".")[0] for key in named}
    assert [key for key in section.model_fields if prefix + key not in named | beside] == []


@pytest.mark.parametrize(("page", "heading", "prefix", "section"), KEYS)
def test_defaults_are_those_of_the_code(page: str, heading: str, prefix: str, section: type[Section]) -> None:
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]*)`? \|", part(page, heading), re.MULTILINE))
    for key, field in section.model_fields.items():
        stated = rows.get(prefix + key, "").strip()
        if isinstance(field.default, bool | int | float | str) and stated:
            assert parse_value(stated.partition(":")[0], page) == field.default, key


def test_objectives_and_presets_are_on_the_page() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGES["budgets.md"]))
    assert named.issuperset([*get_args(Objective), *get_args(Preset)])
    assert all(key in PAGES["budgets.md"] for key in OverlapConfig.model_fields)
    assert all(key in PAGES["trust.md"] for key in EvaluationConfig.model_fields)
