"""The launcher of runs tells living processes of runs from dead ones and from other programs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from mmm_assets.resources.tracking import PROCESS_TAG, this_process
from mmm_assets.run_launcher import ForkingRunLauncher

_WAITS = (
    "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "print('there', flush=True); time.sleep(600)"
)
Process = subprocess.Popen[str]


@pytest.fixture
def process() -> Iterator[Process]:
    """A process that looks like one of a run."""
    arguments = [sys.executable, "-c", _WAITS, "mmm_assets.run_server"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.kill()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def _launcher(instance: dg.DagsterInstance) -> ForkingRunLauncher:
    launcher = ForkingRunLauncher()
    launcher.register_instance(instance)
    return launcher


def _started(instance: dg.DagsterInstance, number: int) -> dg.DagsterRun:
    host = this_process().rpartition(":")[0]
    tags = {PROCESS_TAG: f"{host}:{number}"}
    return create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)


def test_a_run_whose_process_is_killed_is_marked_as_failed(instance: dg.DagsterInstance, process: Process) -> None:
    launcher, run = _launcher(instance), _started(instance, process.pid)
    launcher._going_on[run.run_id] = process.pid
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    process.kill()
    process.wait()
    launcher._watch()
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.FAILURE
    assert launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND


def test_a_run_that_said_itself_how_it_ended_stays_as_it_is(
    instance: dg.DagsterInstance, process: Process
) -> None:
    launcher = _launcher(instance)
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.SUCCESS)
    launcher._going_on[run.run_id] = process.pid
    process.kill()
    process.wait()
    launcher._watch()
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is dg.DagsterRunStatus.SUCCESS


def test_terminating_interrupts_the_process_of_the_run_and_no_other(
    instance: dg.DagsterInstance, process: Process
) -> None:
    launcher = _launcher(instance)
    assert launcher.terminate(_started(instance, process.pid).run_id)
    assert process.wait(120) != 0
    other = _started(instance, os.getpid())
    assert not launcher.terminate(other.run_id)
