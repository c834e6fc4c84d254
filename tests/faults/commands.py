"""Real processes of the command line, which tests start, kill and starve."""

import hashlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from tests.assets import projects

ROOT = Path(__file__).parents[2]
SECONDS = 600
"""Limit of whatever is waited for, on a busy machine."""
_OFF_THE_RECORD = ("MMM_", "DAGSTER_HOME", "MLFLOW_")


@dataclass(frozen=True)
class Command:
    """A running `mmm` with a process group of its own."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        """Standard output and error, so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def words(self) -> str:
        """The same on one line: the console breaks lines where it likes."""
        return " ".join(self.said.split())

    def kill(self) -> None:
        """As the system does when memory is short: no signal that could be handled."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(60) == -signal.SIGKILL

    def code(self) -> int:
        """The exit code, when it is over."""
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not over after {SECONDS} s: {self.said[-3000:]}")


@contextmanager
def started(
    project: Project, *arguments: str, before: str = "", folder: Path = ROOT, **environment: str
) -> Iterator[Command]:
    """`mmm ARGUMENTS --config …`; whatever still runs of it is killed behind the block.

    Args:
        project: whose configuration file.
        arguments: of the command.
        before: Python that the new process runs first (limits of resources).
        folder: its working directory.
        environment: further variables.
    """
    config = project.loaded.path
    log = config.with_name(f"{arguments[0]}-{time.monotonic_ns()}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"{before}\nfrom mmm_assets.cli import main; main()",
                *arguments,
                "--config",
                str(config),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=clean_environment() | environment,
            start_new_session=True,
        )
    try:
        yield Command(process, log)
    finally:
        stop_group(process)


def run(project: Project, *arguments: str, **options: Any) -> Command:
    """The same, when it is over."""
    with started(project, *arguments, **options) as command:
        command.code()
    return command


def clean_environment() -> dict[str, str]:
    """This process's, without what would choose another project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OFF_THE_RECORD)}


def stop_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process with everything that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)


def until(happened: Callable[[], Any], command: Command | None = None, what: str = "it") -> Any:
    """Wait until something happens; a command that ends before is an error."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := happened():
            return found
        if command is not None and command.process.poll() is not None:
            pytest.fail(f"ended with {command.process.returncode} before {what}: {command.said[-3000:]}")
        time.sleep(0.1)
    pytest.fail(f"{what} did not happen within {SECONDS} s: {command.said[-3000:] if command else ''}")


def freeze(project: Project, process: int) -> None:
    """Stop a process as a debugger does, where it holds none of the project's databases locked."""
    while True:
        os.kill(process, signal.SIGSTOP)
        if not any(map(_is_locked, project.work.rglob("*.db"))):
            return
        os.kill(process, signal.SIGCONT)
        time.sleep(0.1)


def _is_locked(database: Path) -> bool:
    """For longer than somebody else writes to it."""
    with closing(sqlite3.connect(database, timeout=10, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


def own_copy(finished: Project, folder: Path, **sections: Any) -> Project:
    """A copy of a finished project with a configuration file of its own, for processes.

    Args:
        finished: what is copied; its compiled programs come along, which a fit would take long to make again.
        folder: where to.
        sections: of the configuration that are different.
    """
    storage = projects.copied(finished, folder).storage
    values = finished.config.model_dump(mode="json", exclude_unset=True)
    values["paths"]["storage"] = str(storage)
    return projects.load(projects.write_config(folder, {**values, **sections}))


def hashes(folder: Path) -> dict[str, str]:
    """Path below the folder -> hash of its content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def temporary_files(project: Project) -> list[Path]:
    """What no killed or failed writer may leave for ever."""
    return [path for path in project.storage.rglob(".*.tmp*") if path.is_file()]


def dagster_statuses(project: Project) -> list[str]:
    """Of all runs, the newest first."""
    with open_instance(project) as instance:
        return [run.status.value for run in instance.get_runs()]


def mlflow_statuses(project: Project) -> list[str]:
    """Of all MLflow runs, the newest first."""
    tracker = Tracker.of(project)
    if not tracker.exists:
        return []
    client = tracker.client()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return [
        found.info.status for found in client.search_runs(experiments, order_by=["attributes.start_time DESC"])
    ]


def is_clear(command: Command, *words: str) -> bool:
    """Whether a command says these words, and shows nobody a traceback."""
    missing = [word for word in words if word not in command.words]
    assert not missing, f"not said: {missing}\n{command.said[-3000:]}"
    assert not re.search(r"Traceback \(most recent call last\)|Unexpected|--debug", command.said), command.said[
        -3000:
    ]
    return True


def cut(path: Path, share: float = 0.6) -> None:
    """Cut a file off, as a crash of the machine or a broken copy does."""
    os.truncate(path, int(path.stat().st_size * share))
