"""`mmm optimize --scenario NAME` from a stored posterior."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner
from upath import UPath

from mmm_assets.cli import app
from mmm_assets.io_managers import JsonIOManager, PosteriorIOManager, StoredFit, publish
from mmm_core.evaluation.convergence import diagnose
from mmm_core.evaluation.verdict import verdict
from mmm_core.quality.check import CheckResult
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
    write_verdict(path, [])
    return path


def write_verdict(config: Path, results: list[CheckResult], fit: str = "version") -> None:
    """The stored verdict, as if these were all checks."""
    manager = JsonIOManager(UPath(projects.load(config).assets))
    record = verdict(fit, {"fit": results}).to_record()
    publish(manager.path_of("model_verdict"), lambda local: manager.write(record, local))


def _invoke(config: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["optimize", "--config", str(config), *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_scenario_is_answered_without_any_backend(config: Path, tmp_path: Path) -> None:
    output = tmp_path / "plan.csv"
    arguments = ["optimize", "--config", str(config), "--scenario", "careful", "--output", str(output)]
    code = (
        "import json, sys\nfrom mmm_assets.cli import app\n"
        f"try:\n    app({arguments!r})\nexcept SystemExit as end:\n"
        "    print(json.dumps([end.code, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    *answer, last = done.stdout.strip().splitlines()
    exit_code, modules = json.loads(last)
    assert exit_code == 0, done.stderr
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    assert "cvar, proven within" in "\n".join(answer)
    table = pd.read_csv(output)
    columns = EXPORT_COLUMNS["budget_plan.csv"]
    assert tuple(table)[: len(columns)] == columns
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


@pytest.mark.parametrize("name", ["", "file/plan.csv"])
def test_a_plan_that_cannot_be_written_is_refused_in_one_sentence(config: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("kept")
    code, out, err = _invoke(config, "--scenario", "careful", "--output", str(tmp_path / name))
    assert code == 2
    assert err.startswith(f"--output is {tmp_path / name}, which cannot be written (")
    assert out == ""
    assert (tmp_path / "file").read_text() == "kept"


def test_a_posterior_that_failed_its_gate_is_not_interpreted(config: Path) -> None:
    strict = "complexity.identifiability.min_ess=5000"
    code, out, err = _invoke(config, "--scenario", "careful", "--set", strict)
    assert code == 1
    assert "posterior failed" in err
    assert "Recommended" not in out


def test_a_rejected_model_is_not_planned_with(config: Path) -> None:
    write_verdict(config, [CheckResult("coverage", False, "error", "Too narrow.")])
    code, _, err = _invoke(config, "--scenario", "careful")
    write_verdict(config, [], fit="another")
    other, _, told = _invoke(config, "--scenario", "careful")
    write_verdict(config, [])
    assert code == 1
    assert "The model is rejected" in err
    assert "Too narrow" in err
    assert other == 1
    assert "another fit" in told
