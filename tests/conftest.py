"""What tests of several packages share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mmm_assets.resources.project import Project

_WITH_DAGSTER = (
    "assets",
    "cli",
    "automation",
    "deployment",
    "end_to_end",
    "faults",
    "security",
    "serving",
)
_FROM_LIBRARIES = ("ignore:The ``noload`` loader strategy is deprecated",)
"""Warnings that libraries cause among themselves (MLflow's own queries) and that are not ours to mend."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore warnings among libraries where Dagster and MLflow are at work."""
    folders = [Path(__file__).parent / name for name in _WITH_DAGSTER]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            for rule in _FROM_LIBRARIES:
                item.add_marker(pytest.mark.filterwarnings(rule))


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """What a command puts into the environment is for its own child processes."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _no_instance_of_another_test() -> None:
    """Dagster remembers the last instance that was entered; where a test has ended early it is gone by now."""
    if remembered := sys.modules.get("dagster._core.storage.defs_state.base"):
        remembered._current_storage.set(None)


@pytest.fixture(autouse=True)
def _captured_output_stays_open() -> None:
    """Keep absl, where it is loaded, from closing the file that pytest captures standard error in.

    Its handler closes its stream with itself unless that is standard error at that moment; where a command is
    tried, standard error is another one, and whoever configures logging there closes all handlers.
    """
    if absl := sys.modules.get("absl.logging"):
        absl.get_absl_handler().python_handler.setStream(sys.__stderr__)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> "Project":
    """A tiny project with a file as source, whose every stage has run; do not write to it."""
    from tests.assets import projects

    folder: Path = tmp_path_factory.mktemp("finished")
    panel = projects.write_panel(folder)
    project = projects.load(projects.write_config(folder, projects.settings(folder, panel)))
    outcome = projects.run(project)
    if outcome.stops:
        pytest.fail(f"the tiny project stopped: {outcome.stops}")
    return project
