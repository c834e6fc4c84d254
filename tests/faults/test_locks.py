"""Locks between processes: held by a living one they are waited for, held by a dead one they are free."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from mmm_assets.registry import Registry
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.run_lock import only_run
from mmm_core.errors import BusyError
from tests.assets import projects
from tests.faults import commands

_HOLDER = """
import sys, time
from pathlib import Path
from mmm_assets.run_lock import only_run
from tests.assets import projects
from tests.faults.test_locks import registry
project = projects.load(Path(sys.argv[1]))
with only_run(project), registry(project).alone():
    print("held", flush=True)
    time.sleep(600)
"""
Holder = subprocess.Popen[str]


def registry(project: Project) -> Registry:
    """The project's, which gives up soon."""
    return replace(Registry.of(project, Tracker.of(project)), patience_seconds=1)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, None)))


@pytest.fixture
def holder(project: Project) -> Iterator[Holder]:
    """Another process that holds every lock of the project."""
    command = [sys.executable, "-c", _HOLDER, str(project.loaded.path)]
    environment = commands.clean_environment()
    with subprocess.Popen(command, cwd=commands.ROOT, env=environment, stdout=subprocess.PIPE, text=True) as found:
        assert found.stdout is not None
        assert found.stdout.readline() == "held\n"
        yield found
        found.kill()


def test_a_lock_is_waited_for_while_its_process_lives_and_is_free_when_that_is_killed(
    project: Project, holder: Holder, caplog: pytest.LogCaptureFixture
) -> None:
    entered = Event()

    def enter() -> None:
        with only_run(project):
            entered.set()

    Thread(target=enter, daemon=True).start()
    commands.until(lambda: caplog.messages, None, "a word of waiting")
    (told,) = caplog.messages
    who = rf"Process {holder.pid} on .+, since .+, is making assets of this project; waiting for it to end"
    assert re.match(who, told)
    who = rf"Process {holder.pid} on .+, since .+, is changing versions of the model tiny, and has not come to an"
    with pytest.raises(BusyError, match=who), registry(project).alone():
        pass
    assert not entered.is_set()
    holder.kill()
    holder.wait(commands.SECONDS)
    assert entered.wait(commands.SECONDS)
    with registry(project).alone():
        pass
