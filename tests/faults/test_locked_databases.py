"""A database that another process holds: waited for, within a limit, and then said."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mmm_assets.resources.project import Project
from tests.assets import projects
from tests.faults import commands

_SOME_SECONDS = 5


@contextmanager
def _held(database: Path) -> Iterator[sqlite3.Connection]:
    """Locked by another connection, as by another process."""
    with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("ingested")
    project = projects.load(projects.write_config(folder, projects.settings(folder, None)))
    assert not projects.run(project, stages=["ingest"]).stops
    return project


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db"])
def test_a_history_that_is_locked_for_a_while_is_waited_for(ingested: Project, name: str) -> None:
    with _held(ingested.dagster_home / name) as connection:
        timer = threading.Timer(_SOME_SECONDS, lambda: connection.execute("ROLLBACK"))
        timer.start()
        assert not projects.run(ingested, stages=["ingest"]).stops
        timer.join()
    assert commands.dagster_statuses(ingested)[0] == "SUCCESS"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db"])
def test_a_history_that_stays_locked_is_told(ingested: Project, name: str) -> None:
    with _held(ingested.dagster_home / name):
        command = commands.run(ingested, "ingest")
    assert command.process.returncode == 1
    commands.is_clear(command, "is locked by another process", "run the same again")
    assert not projects.run(ingested, stages=["ingest"]).stops
    assert set(commands.dagster_statuses(ingested)) <= {"SUCCESS", "FAILURE"}
