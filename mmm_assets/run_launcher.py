"""How Dagster's daemon starts the process of a run: forked from one that has imported everything already.

Dagster's own launcher starts a fresh interpreter per run, whose imports take longer than the tables of one geo, so
that a backfill of many geos is mostly imports.  The interfaces used here are no public ones of Dagster, whose
version is pinned.  `run_launcher` in `dagster.yaml` names this class; without the line Dagster's own is used.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

import mmm_core
from mmm_assets.resources.tracking import INSIDE_TAG, PROCESS_TAG, process_is_alive
from mmm_assets.run_server import READY

_MODULE = "mmm_assets.run_server"
_LOOK_EVERY_SECONDS = 1.0
_KILLED = "The process of this run was killed; a new run makes what is missing."


class ForkingRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Starts runs on this machine, each in a process of its own."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._server: _Server | None = None
        self._one_at_a_time = threading.Lock()
        self._going_on: dict[str, int] = {}
        """Run -> number of its process."""
        self._over = threading.Event()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What `dagster.yaml` says."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "ForkingRunLauncher":
        """As Dagster makes it."""
        return cls(inst_data=inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the process, and note which it is."""
        run = context.dagster_run
        if run.job_code_origin is None:
            raise RuntimeError(f"Run {run.run_id} does not say where its code is; launch it from the UI.")
        arguments = ExecuteRunArgs(run.job_code_origin, run.run_id, self._instance.get_ref())
        with self._one_at_a_time:
            number = self._ready_server().start(serialize_value(arguments))
            if not self._going_on:
                threading.Thread(target=self._watch, daemon=True, name="runs").start()
            self._going_on[run.run_id] = number
        self._instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{socket.gethostname()}:{number}"})
        self._instance.report_engine_event(f"Started process {number}.", run, cls=self.__class__)

    def _watch(self) -> None:
        """Until no run goes on: close those whose process was killed."""
        while not self._over.wait(_LOOK_EVERY_SECONDS):
            for run_id, number in list(self._going_on.items()):
                if not _is_of_a_run(number):
                    self._close(run_id)
                    with self._one_at_a_time:
                        del self._going_on[run_id]
                        if not self._going_on:
                            return

    def _close(self, run_id: str) -> None:
        """The run of a process that has ended; one that said so itself stays as it is."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        if run.status is dg.DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run)
        else:
            self._instance.report_run_failed(run, _KILLED)

    def _ready_server(self) -> "_Server":
        """The server; a new one if it died or the program has changed since."""
        if self._server is None or not self._server.serves(_newest_source()):
            if self._server is not None:
                self._server.stop()
            self._server = _Server(_newest_source())
        return self._server

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process, which then ends as cancelled."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        number = _number_of(run)
        if number is None:
            return False
        os.kill(number, signal.SIGINT)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """So that a run whose process was killed does not stay open."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is alive; of a run that somebody else started, whether it may be."""
        if INSIDE_TAG in run.tags:
            alive = process_is_alive(run.tags[INSIDE_TAG])
        else:
            alive = PROCESS_TAG not in run.tags or _number_of(run) is not None
        if alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, _KILLED)

    def dispose(self) -> None:
        """No more runs; those that are going on go on."""
        self._over.set()
        if self._server is not None:
            self._server.stop()
            self._server = None


class _Server:
    """A process of `run_server`."""

    def __init__(self, source: float) -> None:
        self._source = source
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect(READY)

    def serves(self, source: float) -> bool:
        """Whether it is alive and has imported the program as it is now."""
        return self._process.poll() is None and self._source == source

    def start(self, request: str) -> int:
        """Start a run; returns the number of its process.

        Raises:
            RuntimeError: the server has died.
        """
        stdin = self._process.stdin
        if stdin is None:
            raise RuntimeError("The process that starts runs takes no requests.")
        try:
            stdin.write(f"{request}\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise RuntimeError("The process that starts runs has died; launch the run again.") from error
        return int(self._expect(""))

    def _expect(self, word: str) -> str:
        answer = "" if self._process.stdout is None else self._process.stdout.readline().strip()
        if not answer or (word and answer != word):
            raise RuntimeError("The process that starts runs has died; launch the run again.")
        return answer

    def stop(self) -> None:
        """Let it end."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _number_of(run: DagsterRun) -> int | None:
    """Number of a run's process, if that is alive on this machine; numbers are given again, to other programs."""
    host, _, number = run.tags.get(PROCESS_TAG, "").rpartition(":")
    if host != socket.gethostname():
        return None
    return int(number) if _is_of_a_run(int(number)) else None


def _is_of_a_run(number: int) -> bool:
    """Whether a process is there and was forked from the server."""
    try:
        program = Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return _MODULE in program


def _newest_source() -> float:
    """When a file of the program was last changed: a run must not execute what was imported before."""
    folders = (Path(__file__).parent, Path(mmm_core.__file__).parent)
    return max(path.stat().st_mtime for folder in folders for path in folder.rglob("*.py"))
