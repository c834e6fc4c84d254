"""The module that Dagster loads: quick, light, and clear about a broken configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.assets import projects

HEAVY = ("meridian", "tensorflow", "jax", "pymc", "mlflow", "numpyro", "arviz", "matplotlib", "pandera", "scipy")
_IMPORT = "import json, sys; import mmm_assets.definitions; print(json.dumps(sorted(sys.modules)))"


def _import(config: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "MMM_CONFIG": str(config)}
    return subprocess.run(
        [sys.executable, "-c", _IMPORT], env=environment, capture_output=True, text=True, check=False
    )


def test_import_is_light(tmp_path: Path) -> None:
    run = _import(projects.write_config(tmp_path, projects.settings(tmp_path, None)))
    assert run.returncode == 0, run.stderr
    assert not set(HEAVY) & set(json.loads(run.stdout))


def test_a_broken_configuration_is_told_first_and_without_its_causes(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None, trainig={"draws": 100}))
    run = _import(config)
    assert run.returncode == 1
    assert "trainig" in run.stderr
    assert "training" in run.stderr.splitlines()[-1]
    assert "During handling" not in run.stderr
    assert "direct cause" not in run.stderr


def test_a_set_variable_that_is_no_list_is_refused(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    environment = {**os.environ, "MMM_CONFIG": str(config), "MMM_SET": "training.draws=5"}
    run = subprocess.run(
        [sys.executable, "-c", _IMPORT], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "MMM_SET" in run.stderr.splitlines()[-1]
