"""Several brands: a configuration and a code location each, one history; and their fits on Dask workers."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

import mmm_assets.brands
from mmm_assets.assembly import build_definitions
from mmm_assets.cli import BAD_INPUT, BLOCKED, app
from mmm_assets.fleet import BRAND_TAG
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import INSIDE_TAG
from mmm_assets.workspace import Location, locations
from mmm_core.config.loading import load_config
from tests.assets import projects
from tests.postgres import postgres_server

WORKSPACE = """\
# Ours.
load_from:
  - python_module:   # the first one
      module_name: mmm_assets.brands
      attribute: config/first.yaml
      location_name: first
"""


def mmm(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_a_new_project_is_one_more_location_and_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("workspace.yaml").write_text(WORKSPACE)
    assert mmm("new-project", "acme-eu")[0] == 0
    assert mmm("new-project", "other", "--folder", "brands/other")[0] == 0
    assert Path("workspace.yaml").read_text().startswith(WORKSPACE)
    assert locations()[1:] == [
        Location("acme-eu", Path("config/acme-eu.yaml")),
        Location("other", Path("brands/other/project.yaml")),
    ]
    for path in ("config/acme-eu.yaml", "brands/other/project.yaml"):
        loaded = load_config(Path(path), environ={})
        assert loaded.config.paths.storage == f".mmm/brands/{loaded.config.project.name}"
    found = getattr(mmm_assets.brands, "config/acme-eu.yaml")
    keys = found.resolve_asset_graph().get_all_asset_keys()
    assert {key.path[0] for key in keys} == {"acme_eu"}


def test_a_name_that_is_taken_or_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert mmm("new-project", "acme-eu")[0] == 0
    before = Path("workspace.yaml").read_text()
    assert [location.name for location in locations()] == ["mmm", "mmm_benchmark", "acme-eu"]
    for name, reason in {
        "acme-eu": "config/acme-eu.yaml is there already",
        "acme_eu": "has the code location acme-eu already",
        "Acme": "is no name for a project",
    }.items():
        code, output = mmm("new-project", name)
        assert code == BAD_INPUT
        assert reason in output
    assert Path("workspace.yaml").read_text() == before
    Path("workspace.yaml").write_text("load_from: [{python_file: x.py}]\n")
    code, output = mmm("new-project", "later")
    assert (code, "cannot be continued" in output) == (BAD_INPUT, True)
    assert not Path("config/later.yaml").exists()


def test_dagster_itself_loads_the_locations_of_one_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("workspace.yaml").write_text(WORKSPACE.replace("first", "one"))
    config = projects.settings(tmp_path, None, deployment={"asset_prefix": "one"})
    Path("config").mkdir()
    projects.write_config(tmp_path, config).rename("config/one.yaml")
    assert mmm("new-project", "two")[0] == 0
    home = tmp_path / "home"
    home.mkdir()
    command = [str(Path(sys.executable).with_name("dagster")), "definitions", "validate", "-w", "workspace.yaml"]
    environment = os.environ | {"DAGSTER_HOME": str(home), "MMM_CONFIG": "config/one.yaml"}
    found = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=600, check=False, start_new_session=True
    )
    assert found.returncode == 0, found.stdout[-3000:]
    for name in ("one", "two"):
        assert f"Validation successful for code location {name}" in found.stdout + found.stderr


def brand(folder: Path, name: str, home: Path, **deployment: object) -> Path:
    folder = folder / name
    folder.mkdir()
    shared = {"dagster_home": str(home), "asset_prefix": name, **deployment}
    return projects.write_config(
        folder, projects.settings(folder, None, project={"name": name}, deployment=shared)
    )


def test_brands_that_share_a_history_do_not_mix(tmp_path: Path) -> None:
    """The same assets, one Dagster instance: each brand makes its own, and then keeps them."""
    brands = [projects.load(brand(tmp_path, name, tmp_path / "home")) for name in ("north", "south")]
    first = [projects.run(project, ["transform"]) for project in brands]
    assert [outcome.stops for outcome in first] == [[], []]
    assert sorted(first[0].made) == sorted(first[1].made)
    again = [projects.run(project, ["transform"]) for project in brands]
    assert [outcome.made for outcome in again] == [[("source_snapshot", None)]] * 2
    with open_instance(brands[0]) as instance:
        keys = {key.path[0] for key in instance.all_asset_keys()}
        assert instance.get_latest_materialization_event(dg.AssetKey("source_snapshot")) is None
    assert keys == {"north", "south"}


def test_every_asset_and_check_has_the_prefix(tmp_path: Path) -> None:
    plain = build_definitions(projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, None))))
    config = brand(tmp_path, "north", tmp_path / "home")
    graph = build_definitions(projects.load(config)).resolve_asset_graph()
    expected = plain.resolve_asset_graph()
    assert graph.get_all_asset_keys() == {key.with_prefix("north") for key in expected.get_all_asset_keys()}
    assert {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys} == {
        (key.asset_key.path[-1], key.name) for key in expected.asset_check_keys
    }
    for key in expected.get_all_asset_keys():
        parents = {parent.with_prefix("north") for parent in expected.get(key).parent_keys}
        assert graph.get(key.with_prefix("north")).parent_keys == parents


def test_two_brands_that_would_write_over_one_another_are_refused(tmp_path: Path) -> None:
    same = brand(tmp_path, "north", tmp_path / "home")
    copy = tmp_path / "copy.yaml"
    copy.write_text(same.read_text())
    code, output = mmm("brands", str(same), str(copy), "--config", str(same))
    assert code == BAD_INPUT
    assert "have the same paths.storage" in output


def test_a_brand_that_stops_does_not_stop_the_others(tmp_path: Path) -> None:
    """Both lack their file; each is named, with the process that found it and the file."""
    configs = []
    for name in ("north", "south"):
        (tmp_path / name).mkdir()
        shared = {"dagster_home": str(tmp_path / "home"), "asset_prefix": name, "executor": {"kind": "in_process"}}
        values = projects.settings(tmp_path / name, tmp_path / f"{name}.csv", deployment=shared)
        configs.append(projects.write_config(tmp_path / name, {**values, "project": {"name": name}}))
    code, output = mmm("brands", *map(str, configs), "--config", str(configs[0]))
    output = output.replace("\n", " ")
    assert code == BLOCKED
    for name, config in zip(("north", "south"), configs, strict=True):
        said = output[output.index(f"Stopped      {config}") :]
        assert f"({platform.node()}, process {os.getpid()})" in said
        assert f"{name}.csv" in said


@pytest.mark.full
def test_two_brands_are_fitted_at_once_on_two_dask_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history in PostgreSQL, results in folders that both workers reach, each brand in a worker of its own."""
    with postgres_server() as url:
        monkeypatch.setenv("HISTORY", url)
        history = {"dagster_storage": {"kind": "postgres", "url": "${HISTORY}"}}
        executor = {"executor": {"kind": "dask", "workers": 2}}
        configs = [brand(tmp_path, name, tmp_path / "home", **history, **executor) for name in ("north", "south")]
        program = str(Path(sys.executable).with_name("mmm"))
        found = subprocess.run(
            [program, "brands", *map(str, configs), "--config", str(configs[0])],
            env=os.environ | {"HISTORY": url},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
            start_new_session=True,
        )
        assert found.returncode == 0, found.stderr[-3000:]
        project = Project(load_config(configs[0], None, (), {"HISTORY": url}))
        with open_instance(project) as instance:
            fits = {name: _fit_of(instance, name) for name in ("north", "south")}
    assert fits["north"][0] != fits["south"][0], "both were fitted by the same process"
    assert max(begin for _, begin, _ in fits.values()) < min(end for _, _, end in fits.values()), (
        "one after the other"
    )


def _fit_of(instance: dg.DagsterInstance, name: str) -> tuple[str, float, float]:
    """Process, beginning and end of the run that fitted a brand."""
    event = instance.get_latest_materialization_event(dg.AssetKey([name, "posterior"]))
    assert event is not None
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[event.run_id]))
    assert record.dagster_run.tags[BRAND_TAG] == name
    assert record.start_time is not None
    assert record.end_time is not None
    return record.dagster_run.tags[INSIDE_TAG], record.start_time, record.end_time
