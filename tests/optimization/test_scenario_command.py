"""`mmm optimize --scenario NAME` from a stored posterior."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner
from upath import UPath

from mmm_assets.cli import app
from mmm_assets.io_managers import PosteriorIOManager, StoredFit, publish
from mmm_core.evaluation.convergence import diagnose
from mmm_core.reporting.exports import EXPORT_COLUMNS
from tests.assets import projects
from tests.factories import made_up_posterior, tiny_model_data

HEAVY = {"meridian", "pymc", "jax", "tensorflow", "tensorflow_probability", "numpyro", "pytensor", "blackjax"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a stored fit and scenarios."""
    folder = tmp_path_factory.mktemp("project")
    scenarios = {
        "careful": {"objective": "cvar"},
        "impossible": {"constraints": {"channels": {"channel_0": {"min_share": 0.9}}}},
    }
    values = projects.settings(folder, None, optimization={"scenarios": scenarios})
    path = projects.write_config(folder, values)
    posterior = made_up_posterior(tiny_model_data(), n_draws=200)
    fit = StoredFit(posterior, diagnose(posterior), "version", "run")
    manager = PosteriorIOManager(UPath(projects.load(path).assets))
    publish(manager.path_of("posterior"), lambda local: manager.write(fit, local))
    return path


def _invoke(config: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["optimize", "--config", str(config), *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_scenario_is_answered_in_seconds_without_any_backend(config: Path, tmp_path: Path) -> None:
    output = tmp_path / "plan.csv"
    arguments = ["optimize", "--config", str(config), "--scenario", "careful", "--output", str(output)]
    code = (
        "import json, sys\nfrom mmm_assets.cli import app\n"
        f"try:\n    app({arguments!r})\nexcept SystemExit as end:\n"
        "    print(json.dumps([end.code, sorted(sys.modules)]))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    *answer, last = done.stdout.strip().splitlines()
    exit_code, modules = json.loads(last)
    assert exit_code == 0, done.stderr
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert seconds < 30
    assert "cvar, proven within" in "\n".join(answer)
    table = pd.read_csv(output)
    assert tuple(table) == EXPORT_COLUMNS["budget_plan.csv"]
    assert table["scenario"].unique().tolist() == ["careful"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scenario", "caerful"), "No scenario is named caerful; known: current_budget, careful, impossible"),
        (("--scenario", "impossible"), "Scenario impossible: channel channel_0 must get at least"),
        (("--output", "plan.csv"), "--output needs --scenario"),
    ],
)
def test_what_cannot_be_answered_writes_no_plan(
    config: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    output = tmp_path / "plan.csv"
    more = () if "--output" in arguments else ("--output", str(output))
    code, _, err = _invoke(config, *arguments, *more)
    assert code == 2
    assert words in err
    assert not output.exists()


def test_a_posterior_that_failed_its_gate_is_not_interpreted(config: Path) -> None:
    strict = "complexity.identifiability.min_ess=5000"
    code, out, err = _invoke(config, "--scenario", "careful", "--set", strict)
    assert code == 1
    assert "posterior failed" in err
    assert "Recommended" not in out
