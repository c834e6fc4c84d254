"""The module that Dagster loads: quick, light, and clear about a broken configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.assets import projects

HEAVY = ("meridian", "tensorflow", "jax", "pymc", "mlflow", "numpyro", "arviz", "matplotlib", "pandera", "scipy")
LIMIT_SECONDS = 3.0
_IMPORT = (
    "import json, sys, time; start = time.process_time(); import mmm_assets.definitions; "
    "print(json.dumps([time.process_time() - start, sorted(sys.modules)]))"
)


def _import(config: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "MMM_CONFIG": str(config)}
    return subprocess.run(
        [sys.executable, "-c", _IMPORT], env=environment, capture_output=True, text=True, check=False
    )


def test_import_is_quick_and_light(tmp_path: Path) -> None:
    config = projects.write_config(tmp_path, projects.settings(tmp_path, None))
    runs = [_import(config) for _ in range(3)]  # the first one may have to compile
    assert [run.returncode for run in runs] == [0, 0, 0], runs[0].stderr
    measured = [json.loads(run.stdout) for run in runs]
    assert not set(HEAVY) & set(measured[0][1])
    # Processor time, because a busy machine says nothing about the import.
    assert min(seconds for seconds, _ in measured) < LIMIT_SECONDS


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
