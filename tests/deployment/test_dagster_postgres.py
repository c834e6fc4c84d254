"""Dagster's history in a real PostgreSQL server, without its password on the disk."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.dagster_storage import URL_VARIABLE
from mmm_assets.execution import Executor, Outcome
from mmm_assets.instance import SETTINGS, open_instance, prepare_instance
from mmm_assets.resources.project import Project
from mmm_core.config.loading import load_config
from mmm_core.errors import ConfigError
from tests.assets import projects
from tests.postgres import PASSWORD, postgres_server

POSTGRES = {"dagster_storage": {"kind": "postgres", "url": "${HISTORY}"}}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres_server() as url:
        yield url


def project_of(folder: Path, url: str, name: str = "tiny", **sections: object) -> Project:
    more = {"project": {"name": name}, "deployment": POSTGRES, **sections}
    config = projects.write_config(folder, projects.settings(folder, None, **more))
    return Project(load_config(config, None, (), {"HISTORY": url}))


def features(project: Project) -> Outcome:
    with open_instance(project) as instance:
        return Executor(project, build_definitions(project), instance, lambda *_: None).run(["features"])


def test_a_run_and_one_that_keeps_everything(database: str, tmp_path: Path) -> None:
    project = project_of(tmp_path, database)
    assert not features(project).stops
    assert features(project).made == [("source_snapshot", None)]
    with open_instance(project) as instance:
        assert len(instance.get_runs()) > len(projects.GEOS)
        assert instance.get_dynamic_partitions("tiny_geos") == list(projects.GEOS)
    assert not list(project.dagster_home.rglob("*.db"))


def test_the_password_is_in_the_environment_only(database: str, tmp_path: Path) -> None:
    project = project_of(tmp_path, database)
    with open_instance(project):
        pass
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert not any(PASSWORD.encode() in content for content in written)
    assert PASSWORD in os.environ[URL_VARIABLE]


def test_two_commands_at_once_on_two_brands_of_one_server(database: str, tmp_path: Path) -> None:
    processes, mmm = [], str(Path(sys.executable).with_name("mmm"))
    for name in ("north", "south"):
        folder = tmp_path / name
        folder.mkdir()
        project = project_of(folder, database, name)
        command = [mmm, "ingest", "--config", str(project.loaded.path)]
        environment = os.environ | {"HISTORY": database}
        processes.append(
            subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE)
        )
    try:
        for process in processes:
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors.decode()[-2000:]
    finally:
        for process in processes:
            process.kill()


def test_switching_back_leaves_the_rest_of_the_settings(database: str, tmp_path: Path) -> None:
    project = project_of(tmp_path, database)
    settings = prepare_instance(project) / SETTINGS
    settings.write_text(settings.read_text() + "python_logs: {python_log_level: ERROR}\n")
    prepare_instance(project)
    assert settings.read_text().count("postgres_url") == 1
    prepare_instance(project_of(tmp_path, database, deployment={}))
    assert "postgres" not in settings.read_text()
    assert "python_log_level" in settings.read_text()
    settings.write_text(settings.read_text() + "storage: {sqlite: {base_dir: /somewhere}}\n")
    with pytest.raises(ConfigError, match="has a section storage of its own"):
        prepare_instance(project)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://brand:hidden-word@127.0.0.1:1/history", "the PostgreSQL server at 127.0.0.1"),
        ("mysql://brand@127.0.0.1/history", "must begin with postgresql://"),
        ("no url at all", "is no URL"),
    ],
)
def test_an_address_that_cannot_be_used(url: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_instance(project_of(tmp_path, url))
    assert "hidden-word" not in str(caught.value)


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    written = {"dagster_storage": {"kind": "postgres", "url": "postgresql://brand:hidden-word@host/history"}}
    with pytest.raises(ConfigError, match="holds a password") as caught:
        prepare_instance(project_of(tmp_path, "", deployment=written))
    assert "hidden-word" not in str(caught.value)
