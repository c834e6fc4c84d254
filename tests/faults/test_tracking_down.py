"""MLflow that does not answer: before the fit it stops it, after the fit nothing is lost."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_core.errors import TrackingError
from tests.assets import projects
from tests.faults import commands

_PATIENCE_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tracked_at(folder: Path, port: int, **training: int) -> Project:
    values = projects.settings(
        folder,
        None,
        tracking={"tracking_uri": f"http://127.0.0.1:{port}"},
        training={"chains": 2, "tune": 100, "draws": 100, **training},
    )
    return projects.load(projects.write_config(folder, values))


@contextmanager
def _server(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A real MLflow server, until it is killed."""
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder / 'server.db'}",
        "--artifacts-destination",
        str(folder / "art"),
    ]
    with (folder / "server.log").open("wb") as log:
        environment = commands.clean_environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        commands.until(lambda: _answers(port), None, "an answer of the MLflow server")
        yield process
    finally:
        commands.stop_group(process)


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/health", timeout=5).ok
    except requests.RequestException:
        return False


def test_a_closed_port_stops_the_fit_before_it_begins(project: Project) -> None:
    (project.assets / "posterior.nc").unlink()
    address = f"http://127.0.0.1:{_free_port()}"
    closed = projects.load(project.loaded.path, f"tracking.tracking_uri={address}")
    (stop,) = projects.run(closed, stages=["train"]).stops
    assert stop.kind == "fault"
    assert "does not answer: start it, or correct tracking.tracking_uri" in stop.message
    assert not (project.assets / "posterior.nc").exists()
    assert not project.checkpoint.exists()
    assert commands.dagster_statuses(project)[0] == "FAILURE"
    again = projects.run(project, stages=["train"])
    assert not again.stops
    assert ("model_data", None) in again.kept
    assert ("posterior", None) in again.made


@pytest.mark.full
def test_a_server_that_dies_during_the_fit_costs_its_record_and_not_the_fit(tmp_path: Path) -> None:
    port = _free_port()
    project = _tracked_at(tmp_path, port, draws=3000)
    with _server(tmp_path, port) as server, commands.started(project, "run") as command:
        commands.until(lambda: list(project.checkpoint.glob("*.npz")), command, "a checkpoint")
        commands.stop_group(server)
        assert command.code() == 1, command.said[-3000:]
    commands.is_clear(command, "The fit is finished, but its MLflow run", "does not answer: start it")
    assert (project.assets / "posterior.nc").exists()
    assert not project.report.exists()
    with _server(tmp_path, port):
        assert commands.mlflow_statuses(project) == ["RUNNING"]
        again = projects.run(project)
        assert not again.stops
        assert ("posterior", None) in again.kept
        assert commands.mlflow_statuses(project) == ["FINISHED"]
    assert project.report.exists()


def test_a_locked_store_is_told_within_its_limit(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    store = tmp_path / "mlflow.db"
    tracker = Tracker(f"sqlite:///{store}", "tests", (tmp_path / "artifacts").as_uri(), tmp_path / "lock")
    with tracker.run("fit", {}):
        pass
    began = time.monotonic()
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TrackingError, match="is locked by another process"), tracker.run("fit", {}):
            pass
    assert time.monotonic() - began < _PATIENCE_SECONDS * 4
    with tracker.run("fit", {}):
        pass
