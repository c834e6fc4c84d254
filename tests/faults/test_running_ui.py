"""Faults of a running UI: several backfills at once, `kill -9` of the process that fits, and of the daemon.

The tests of this file are one story on one project, in their order.
"""

import os
import signal
from collections.abc import Iterator

import pytest

from mmm_assets.damage import is_whole
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from tests.assets import projects
from tests.faults import commands
from tests.faults.live import LiveUI, processes_of, running

OFF = {"running": False}
BY_GEO = {"raw_panel", "validation_report", "clean_panel", "change_log", "features"}
LONG = {"chains": 2, "tune": 100, "draws": 2000}
"""Long enough to be stopped in the middle."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Where nothing runs that the tests have not asked for."""
    quiet = {"new_data": OFF, "after_backfill": OFF, "drift": OFF}
    return commands.own_copy(finished, tmp_path_factory.mktemp("ui"), automation=quiet, reports={})


@pytest.fixture(scope="module")
def ui(project: Project) -> Iterator[LiveUI]:
    with running(project) as found:
        yield found


def _is_in_order(project: Project) -> None:
    """Nothing half, nothing that seems to go on."""
    assert all(is_whole(path) for path in project.assets.rglob("*") if path.is_file())
    assert not commands.temporary_files(project)
    assert {"STARTED", "QUEUED"}.isdisjoint(commands.dagster_statuses(project))
    assert "RUNNING" not in commands.mlflow_statuses(project)


def test_backfills_at_once_leave_what_one_alone_makes(ui: LiveUI, project: Project) -> None:
    before = commands.hashes(project.assets)
    backfills = [ui.backfill(BY_GEO | {"model_data"}), ui.backfill(BY_GEO | {"model_data"})]
    again = ("backfill", "--all", "--no-fit")
    with commands.started(project, *again) as one, commands.started(project, *again) as other:
        assert [one.code(), other.code()] == [0, 0], one.said[-3000:] + other.said[-3000:]
    for backfill in backfills:
        state = ui.end_of(backfill)
        assert state["status"] == "COMPLETED_SUCCESS", state
        assert len(state["runs"]) >= len(projects.GEOS)
    _is_in_order(project)
    after = commands.hashes(project.assets)
    # The project was copied, and these three say where the source is.
    about_the_source = {"source_snapshot.json", "validation_summary.json", "model_data.nc"}
    assert {name for name in before if after[name] != before[name]} <= about_the_source
    outcome = projects.run(project, stages=["train"])
    assert not outcome.stops
    assert outcome.made == [("source_snapshot", None)]
    assert ("posterior", None) in outcome.kept


def test_a_killed_fit_of_the_job_is_gone_on_with_by_those_who_waited(ui: LiveUI, project: Project) -> None:
    values = project.config.model_dump(mode="json", exclude_unset=True)
    always_the_same = {"training": LONG, "runtime": {"warm_start": False}}
    long = projects.load(projects.write_config(project.loaded.path.parent, {**values, **always_the_same}))
    job = ui.launch("full")
    commands.until(lambda: list(project.checkpoint.glob("*.npz")), ui.command, "a checkpoint of the fit")
    worker = ui.worker(job)
    commands.freeze(project, worker)
    queued = ui.backfill({"posterior"})
    (waiting,) = ui.runs_of(queued)
    with commands.started(project, "run") as command:
        commands.until(lambda: "waiting for it to end" in command.words, command, "a word of waiting")
        assert f"Process {worker} on " in command.words
        assert ui.run(job)["status"] == "STARTED"
        assert ui.run(waiting["id"])["status"] == "QUEUED"  # by the pool `fit`: there is room for another run
        os.kill(worker, signal.SIGKILL)
        commands.until(lambda: ui.run(job)["status"] == "FAILURE", ui.command, "the end of the run")
        assert command.code() == 0, command.said[-3000:]
    commands.is_clear(command, "goes on from step")
    assert ui.end_of(queued)["status"] == "COMPLETED_SUCCESS"
    assert ui.run(waiting["id"])["startTime"] >= ui.run(job)["endTime"]
    _is_in_order(project)
    assert sorted(commands.mlflow_statuses(project)) == ["FAILED", *["FINISHED"] * 3]
    again = projects.run(long, stages=["evaluate"])
    assert not again.stops
    assert {("posterior", None), ("contributions", None)} <= set(again.kept)


def test_a_backfill_whose_daemon_is_killed_goes_on_when_the_ui_is_started_again(
    ui: LiveUI, project: Project
) -> None:
    backfill = ui.backfill(BY_GEO)
    ui.runs_of(backfill)
    (daemon,) = processes_of(project, ["dagster._daemon"])
    os.kill(daemon, signal.SIGKILL)
    assert ui.command.code() == 1
    with open_instance(project) as instance:
        found = instance.get_backfill(backfill)
    assert found is not None
    assert found.status.value == "REQUESTED"
    with running(project) as again:
        state = again.end_of(backfill)
    assert len(state["runs"]) == len(projects.GEOS)
    assert {run["status"] for run in state["runs"]} <= {"SUCCESS", "FAILURE"}
    outcome = projects.run(projects.load(project.loaded.path), stages=["train"])
    assert not outcome.stops
    assert ("posterior", None) in outcome.kept
    _is_in_order(project)
