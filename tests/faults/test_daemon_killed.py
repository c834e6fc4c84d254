"""Runs of the UI: `kill -9` of the process that fits, then of the daemon in the middle of a backfill."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill

from mmm_assets.assembly import build_definitions
from mmm_assets.commands.ui import dagster_command
from mmm_assets.instance import open_instance, prepare_instance
from mmm_assets.recovery import recover
from mmm_assets.resources.project import Project, environment_of
from tests.assets import projects
from tests.faults import commands

_PID = re.compile(r"Started process (\d+)\.")
pytestmark = pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources` is deprecated")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("daemon")
    values = projects.settings(folder, None, training={"chains": 2, "tune": 100, "draws": 4000})
    project = projects.load(projects.write_config(folder, values))
    assert not projects.run(project, stages=["features"]).stops
    return project


@contextmanager
def _daemon(project: Project) -> Iterator["subprocess.Popen[bytes]"]:
    """The daemon of `dagster dev`, which starts the code server and, through it, runs."""
    workspace = dagster_command(project, 0, "warning")[5]
    environment = commands.clean_environment() | environment_of(project.loaded.path, None, ())
    environment["DAGSTER_HOME"] = str(prepare_instance(project))
    with project.loaded.path.with_name("daemon.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace],
            cwd=commands.ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        commands.stop_group(process)


def _backfill(project: Project, instance: dg.DagsterInstance, asset: str, geos: Sequence[str] | None) -> str:
    """Ask for an asset as the UI does; of some geos, or of everything."""
    name = uuid.uuid4().hex[:8]
    instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id=name,
            asset_graph=build_definitions(project).resolve_asset_graph(),
            partition_names=None if geos is None else list(geos),
            asset_selection=[dg.AssetKey(asset)],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=geos is None,
            title=None,
            description=None,
            run_config=None,
        )
    )
    return name


def _runs(instance: dg.DagsterInstance, backfill: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill})))


def _worker(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int:
    messages = [event.message or event.user_message or "" for event in instance.all_logs(run.run_id)]
    return next(int(match[1]) for message in messages if (match := _PID.search(message)))


def _status(instance: dg.DagsterInstance, backfill: str) -> str:
    found = instance.get_backfill(backfill)
    assert found is not None
    return str(found.status.value)


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_daemon_are_seen_and_the_rest_is_made(project: Project) -> None:
    with open_instance(project) as instance:
        with _daemon(project) as daemon:
            fit = _backfill(project, instance, "posterior", None)
            commands.until(lambda: list(project.checkpoint.glob("*.npz")), None, "a checkpoint of the fit")
            (run,) = _runs(instance, fit)
            os.kill(_worker(instance, run), signal.SIGKILL)
            commands.until(lambda: instance.get_run_by_id(run.run_id).is_finished, None, "the end of the run")
            assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.FAILURE
            assert not (project.assets / "posterior.nc").exists()
            geos = _backfill(project, instance, "features", projects.GEOS)
            commands.until(lambda: _runs(instance, geos), None, "a run of the backfill")
            os.kill(daemon.pid, signal.SIGKILL)
            daemon.wait(60)
            assert _status(instance, geos) == "REQUESTED"
        recover(project, instance)  # as `mmm ui` does when it is started again
        with _daemon(project):
            commands.until(lambda: _status(instance, geos) != "REQUESTED", None, "the end of the backfill")
            runs = _runs(instance, geos)
    assert len(runs) == len(projects.GEOS)
    assert all(run.is_finished for run in runs)
    shorter = projects.load(project.loaded.path, "training.draws=100")
    outcome = projects.run(shorter, stages=["train"])
    assert not outcome.stops
    assert ("posterior", None) in outcome.made
    assert ("model_data", None) in outcome.kept
    assert not commands.temporary_files(project)
    assert "STARTED" not in commands.dagster_statuses(project)
    assert commands.mlflow_statuses(project) == ["FINISHED", "FAILED"]
