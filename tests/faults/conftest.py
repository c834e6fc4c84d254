"""A project whose every output is made once; each test gets a copy of its own."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from mmm_assets.resources.project import Project
from tests.assets import projects
from tests.faults import commands

EVERYTHING = {"executive_deck": True, "dashboard_exports": True, "geo_reports": True, "dated_outputs": True}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Made by the first worker that needs it; the others find it beside their own folders."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "finished"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "making.lock"):
        config = folder / "project.yaml"
        if (folder / "done").exists():
            return projects.load(config)
        values = projects.settings(folder, projects.write_panel(folder), reports=EVERYTHING)
        project = projects.load(projects.write_config(folder, values))
        outcome = projects.run(project)
        assert not outcome.stops, outcome.stops
        (folder / "done").touch()
        return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return commands.own_copy(finished, tmp_path)
