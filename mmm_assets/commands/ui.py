"""`mmm ui`: the Dagster UI on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from mmm_assets.automation.new_data import geos_of_source
from mmm_assets.commands.console import notes, prepare_console
from mmm_assets.commands.invocation import Invocation
from mmm_assets.instance import open_instance
from mmm_assets.partitions import register_geos
from mmm_assets.recovery import recover
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.workspace import BASE, WORKSPACE, write_workspace
from mmm_core.errors import InputError

_HOST = "127.0.0.1"
_MLFLOW_PORT = 5000
_STOP_SECONDS = 20
_KNOWN_WARNING = "ignore:Function `dev_command` is superseded"
"""`dg dev`, its successor, ignores the workspace file."""


def serve(invocation: Invocation, port: int, mlflow: bool) -> int:
    """Start the UI and stay until it is stopped.

    Open-source Dagster knows no users, so it listens on this machine only.

    Raises:
        InputError: the configuration is wrong, or the port is taken.
    """
    project = invocation.project()
    prepare_console(project, invocation.debug)
    _require_free(port, "--port")
    register_geos_of_source(project)
    if not invocation.debug:
        os.environ.setdefault("PYTHONWARNINGS", _KNOWN_WARNING)
    commands = [dagster_command(project, port, "info" if invocation.debug else "warning")]
    if mlflow:
        _require_free(_MLFLOW_PORT, "MLflow's port; stop what listens there")
        os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # needs a queue of its own
        commands.append(_mlflow_command(project))
    return _run_until_stopped(commands, port)


def register_geos_of_source(project: Project) -> None:
    """Register the source's geos, so that "Materialize all" finds them on a fresh install.

    A source that cannot be read is told and not fatal: earlier results can still be looked at.
    """
    with open_instance(project) as instance:
        recover(project, instance)
        try:
            geos = geos_of_source(project)
        except InputError as error:
            notes().print(f"No geos registered: {error}", style="bold red", markup=False)
            return
        register_geos(instance, project.config.project.name, geos)


def dagster_command(project: Project, port: int, log_level: str) -> list[str]:
    """The command line of `dagster dev`, with the workspace of the working directory if there is one."""
    workspace = WORKSPACE
    if not workspace.exists():
        workspace = project.dagster_home / WORKSPACE.name
        write_workspace(workspace, BASE)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace)]
    return [*command, "-h", _HOST, "-p", str(port), "--log-level", log_level]


def _mlflow_command(project: Project) -> list[str]:
    tracker = Tracker.of(project)
    tracker.client()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracker.tracking_uri]
    return [*command, "--host", _HOST, "--port", str(_MLFLOW_PORT), "--workers", "1"]


def _require_free(port: int, what: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise InputError(f"Port {port} is taken ({error}); choose another one with {what}.") from error


def _run_until_stopped(commands: Sequence[Sequence[str]], port: int) -> int:
    """Start processes, tell the URL when it answers, and stop all of them when one ends or on a signal."""
    _listen_to_signals()
    processes = [subprocess.Popen(command, start_new_session=True) for command in commands]
    try:
        _announce(port, processes[0])
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        return 1  # nobody has stopped it: a daemon that was killed ends it with 0
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(processes)


def _listen_to_signals() -> None:
    """SIGTERM, which service managers send, stops like Ctrl-C; and Ctrl-C works where a shell in the background
    had it ignored, here and in the processes that are started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _announce(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Tell the URL as soon as something answers there."""
    while process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((_HOST, port)) == 0:
                text = f"Dagster UI: http://{_HOST}:{port} (Ctrl-C stops it)"
                notes().print(text, style="bold green", markup=False)
                return
        time.sleep(0.5)


def _stop(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Interrupt all, then end the whole group of those that take too long."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
