"""`kill -9` in the middle of a fit, while a second command waits for the first."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmm_assets.damage import is_whole
from mmm_assets.resources.project import Project
from mmm_core.storage import temporary_beside
from tests.assets import projects
from tests.faults import commands

LONG = {"chains": 2, "tune": 100, "draws": 2000}
"""Long enough to be stopped in the middle."""


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    return commands.own_copy(finished, tmp_path, training=LONG, reports={})


def _left_by_a_dead_process(target: Path) -> Path:
    """A temporary file with the name that a process gave it which is no more."""
    code = (
        f"from pathlib import Path; from mmm_core.storage import *; print(temporary_beside(Path({str(target)!r})))"
    )
    name = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    Path(name).write_bytes(b"half")
    return Path(name)


@pytest.mark.slow
def test_a_killed_fit_is_gone_on_with_by_the_command_that_waited(project: Project) -> None:
    with commands.started(project, "run") as fits:
        commands.until(lambda: list(project.checkpoint.glob("*.npz")), fits, "a checkpoint")
        commands.freeze(project, fits.process.pid)
        with commands.started(project, "run") as waits:
            commands.until(lambda: "waiting for it to end" in waits.words, waits, "a word of waiting")
            assert f"Process {fits.process.pid} on " in waits.words
            mine = temporary_beside(project.storage / "assets" / "contributions.parquet")
            mine.write_bytes(b"half, but its writer lives")
            left = _left_by_a_dead_process(project.storage / "assets" / "posterior.nc")
            fits.kill()
            assert waits.code() == 0, waits.said[-3000:]
    commands.is_clear(waits, "are marked as failed", "goes on from step", "Report")
    assert not left.exists()
    assert commands.temporary_files(project) == [mine]
    statuses = commands.dagster_statuses(project)
    assert statuses.count("FAILURE") == 1
    assert set(statuses) == {"SUCCESS", "FAILURE"}
    assert commands.mlflow_statuses(project) == ["FINISHED", "FAILED", "FINISHED"]
    assert not project.checkpoint.exists()
    assert all(is_whole(path) for path in project.assets.rglob("*.*") if path.is_file() and path != mine)
    again = projects.run(project, stages=["evaluate"])
    assert not again.stops
    assert {("posterior", None), ("contributions", None)} <= set(again.kept)
