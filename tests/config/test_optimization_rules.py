"""Rules about several keys of optimization."""

from pathlib import Path

import pytest

from mmm_core.errors import ConfigError
from tests.config_files import load_text

DATA = "data: {kpi_col: sales, channel_map: {tv: tv_spend}}\n"
CASES = {
    "range reversed": ("{budget_range: [0.5, -0.5]}", "budget_range: received [0.5, -0.5]; allowed: [low, high]"),
    "range below nothing": ("{budget_range: [-1, 0]}", "-1 < low <= high"),
    "name twice": (
        "{scenario_presets: {cut: -0.2}, scenarios: {cut: {change: -0.1}}}",
        "scenarios.cut: a preset is named 'cut' too",
    ),
    "no target": ("{objective: target_roas}", "optimization.objective: target_roas needs a target"),
    "scenario without target": (
        "{scenarios: {grow: {objective: target_mroi}}}",
        "optimization.scenarios.grow.objective: target_mroi needs a target",
    ),
    "unknown objective": ("{objective: revenu}", "optimization.objective"),
    "empty group": ("{platform_constraints: {groups: {digital: {channels: []}}}}", "groups.digital.channels"),
}


@pytest.mark.parametrize("case", CASES)
def test_contradictions_are_named_with_their_keys(case: str, tmp_path: Path) -> None:
    text, words = CASES[case]
    with pytest.raises(ConfigError) as error:
        load_text(tmp_path, f"{DATA}optimization: {text}")
    assert words in str(error.value)


def test_complete_settings_are_accepted(tmp_path: Path) -> None:
    settings = "{target: 2, scenarios: {grow: {objective: target_roas}, own: {objective: target_mroi, target: 1}}}"
    load_text(tmp_path, f"{DATA}optimization: {settings}")
