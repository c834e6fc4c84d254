"""One finished tiny project for all tests of the asset layer."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm_assets.resources.project import Project
from tests.assets import projects


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """What a command puts into the environment is for its own child processes."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a file as source, whose every stage has run; do not write to it."""
    folder: Path = tmp_path_factory.mktemp("finished")
    panel = projects.write_panel(folder)
    project = projects.load(projects.write_config(folder, projects.settings(folder, panel)))
    outcome = projects.run(project)
    if outcome.stops:
        pytest.fail(f"the tiny project stopped: {outcome.stops}")
    return project


_FROM_LIBRARIES = ("ignore:The ``noload`` loader strategy is deprecated",)  # MLflow's own queries


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings that libraries cause among themselves are not ours to mend."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for rule in _FROM_LIBRARIES:
                item.add_marker(pytest.mark.filterwarnings(rule))
