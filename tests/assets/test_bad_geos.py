"""A bad geo stops the pooled fit, or is left out of it and named everywhere; its old tables are never used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
from typer.testing import CliRunner
from upath import UPath

from mmm_assets.assembly import build_definitions
from mmm_assets.cli import app
from mmm_assets.execution import Outcome
from mmm_assets.instance import open_instance
from mmm_assets.io_managers import io_managers
from mmm_assets.resources.project import Project
from mmm_core.config.loading import load_config
from mmm_core.features.model_data import ModelData
from tests import local_server
from tests.assets import projects

N_GEOS = 5
BAD = "Geo3"
UP_TO_CUBE = ("features",)
Change = Callable[[pd.DataFrame], Any]


def _negative_spend(frame: pd.DataFrame) -> None:
    frame.loc[frame["geo"].eq(BAD).idxmax(), "tv_spend"] = "-5"


def _negative_spend_and_another_value(frame: pd.DataFrame) -> None:
    """As a week later: the rows are others, what is wrong is not."""
    _negative_spend(frame)
    frame.loc[frame["geo"].eq(BAD)[::-1].idxmax(), "tv_spend"] = "123"


def _unreadable_date(frame: pd.DataFrame) -> None:
    frame.loc[frame["geo"].eq(BAD).idxmax(), "time"] = "soon"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Five geos with their tables and cube; do not write to it."""
    folder = tmp_path_factory.mktemp("good")
    panel = projects.write_panel(folder, n_geos=N_GEOS)
    data = {"on_bad_geo": "exclude", **_columns()}
    values = projects.settings(folder, panel, data=data)
    project = projects.load(projects.write_config(folder, values))
    assert not projects.run(project, UP_TO_CUBE).stops
    return project


def _columns() -> dict[str, Any]:
    return {
        "date_col": "time",
        "keys": ["geo"],
        "kpi_col": "conversions",
        "channel_map": {"tv": "tv_spend"},
    }


def _changed(good: Project, folder: Path, change: Change | None, *overrides: str) -> Project:
    panel = projects.panel_of(good)
    if change is not None:
        panel = projects.edit(panel, folder / "panel.csv", change)
    return projects.copied(good, folder, f"ingest.path={panel}", *overrides)


def _cube(project: Project) -> ModelData:
    manager = io_managers(UPath(project.assets))["model_data_io"]
    data: ModelData = manager.stored(manager.path_of("model_data"), "model_data")
    return data


def _refusal(project: Project, asset: str = "model_data") -> str:
    """Why the pooled asset, materialized alone in the UI, refuses."""
    with open_instance(project) as instance:
        result = projects.quiet_run(build_definitions(project), instance, asset)
    assert not result.success
    return projects.reason(result)


def _stopped(outcome: Outcome) -> list[str | None]:
    return [stop.geo for stop in outcome.stops]


@pytest.mark.parametrize("change", [_negative_spend, _unreadable_date])
def test_an_excluded_geo_is_in_no_pooled_table_and_is_named_with_the_reason(
    good: Project, tmp_path: Path, change: Change
) -> None:
    project = _changed(good, tmp_path, change)
    first, second = projects.run(project, UP_TO_CUBE), projects.run(project, UP_TO_CUBE)
    for outcome in (first, second):
        assert not outcome.stops
        assert list(outcome.excluded) == [BAD]
    assert ("model_data", None) in first.made
    assert ("model_data", None) in second.kept
    data = _cube(project)
    assert BAD not in data.geos
    assert len(data.geos) == N_GEOS - 1
    assert dict(data.excluded_geos) == first.excluded
    word = "tv_spend" if change is _negative_spend else "soon"
    assert word in data.excluded_geos[BAD]


def test_a_geo_that_is_good_again_comes_back(good: Project, tmp_path: Path) -> None:
    project = _changed(good, tmp_path, _negative_spend)
    projects.run(project, UP_TO_CUBE)
    mended = projects.load(
        project.loaded.path, f"paths.storage={project.storage}", f"ingest.path={projects.panel_of(good)}"
    )
    outcome = projects.run(mended, UP_TO_CUBE)
    assert not outcome.excluded
    assert ("model_data", None) in outcome.made
    assert BAD in _cube(mended).geos


def test_stored_tables_of_a_bad_geo_are_not_pooled_by_the_ui(good: Project, tmp_path: Path) -> None:
    project = _changed(good, tmp_path, _negative_spend)
    projects.run(project, ("validate",))
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        for asset in ("model_data", "change_totals", "attribution_comparison"):
            result = projects.quiet_run(definitions, instance, asset)
            assert result.success, projects.reason(result)
            (event,) = [
                event
                for event in result.get_asset_materialization_events()
                if event.asset_key is not None and event.asset_key.path[-1] == asset
            ]
            assert BAD in event.materialization.metadata["excluded_geos"].value
    assert BAD not in _cube(project).geos


def test_tables_that_stricter_rules_would_block_are_not_pooled(good: Project, tmp_path: Path) -> None:
    def with_a_hole(frame: pd.DataFrame) -> pd.DataFrame:
        rows = frame.index[frame["geo"].eq(BAD)]
        return frame.drop(rows[10])

    lenient = _changed(good, tmp_path, with_a_hole)
    assert not projects.run(lenient, UP_TO_CUBE).excluded
    strict = projects.load(
        lenient.loaded.path,
        f"paths.storage={lenient.storage}",
        f"ingest.path={tmp_path / 'panel.csv'}",
        "validation.coverage_frequency.max_missing_weeks_pct=0.01",
    )
    with open_instance(strict) as instance:  # only the cube: everything else is as the lenient rules left it
        result = projects.quiet_run(build_definitions(strict), instance, "model_data")
    assert result.success, projects.reason(result)
    assert BAD in _cube(strict).excluded_geos
    assert "missing_weeks" in projects.run(strict, UP_TO_CUBE).excluded[BAD]


def test_more_bad_geos_than_allowed_stop_everything(good: Project, tmp_path: Path) -> None:
    project = _changed(good, tmp_path, _negative_spend, "data.max_excluded_share=0.1")
    outcome = projects.run(project, UP_TO_CUBE)
    assert _stopped(outcome) == [BAD, None]
    assert "data.max_excluded_share" in outcome.stops[-1].message
    assert ("model_data", None) not in outcome.made
    for text in ("20%", BAD):
        assert text in _refusal(project)


def test_by_default_a_bad_geo_stops_the_pooled_assets_also_in_later_runs(good: Project, tmp_path: Path) -> None:
    project = _changed(good, tmp_path, _negative_spend, "data.on_bad_geo=stop")
    assert _stopped(projects.run(project, UP_TO_CUBE)) == [BAD]
    for text in (BAD, "tv_spend", "data.on_bad_geo: exclude"):
        assert text in _refusal(project)


def test_features_that_were_only_not_made_again_are_not_a_bad_geo(good: Project, tmp_path: Path) -> None:
    def later_values(frame: pd.DataFrame) -> None:
        frame.loc[frame["geo"].eq(BAD).idxmax(), "tv_spend"] = "123"

    project = _changed(good, tmp_path, later_values)
    projects.run(project, ("ingest",))
    assert "older version of the source" in _refusal(project)


def test_people_are_told_once_of_a_geo_that_stops_the_fit_or_is_left_out(good: Project, tmp_path: Path) -> None:
    panel, storage = tmp_path / "panel.csv", tmp_path / "storage"
    shutil.copytree(good.storage, storage)
    fixed = (f"paths.storage={storage}", f"ingest.path={panel}", "alerts.webhook.url=${HOOK}")
    with local_server.running() as web:
        web.scripts["/hook"] = local_server.in_turn(local_server.Answer(200, b"ok"))

        def told(change: Change, *overrides: str) -> list[str]:
            before = len(web.seen)
            projects.edit(projects.panel_of(good), panel, change)
            given = load_config(good.loaded.path, None, (*fixed, *overrides), {"HOOK": web.url("/hook")})
            projects.run(Project(given), UP_TO_CUBE)
            return [json.loads(seen.body)["text"] for seen in web.seen[before:]]

        (stopped,) = told(_negative_spend, "data.on_bad_geo=stop")
        assert stopped.splitlines() == [
            "[tiny] Bad geo: no fit, because of a geo",
            f"geos: {BAD} (schema of raw_panel)",
        ]
        (left_out,) = told(_negative_spend)
        assert left_out.startswith("[tiny] Bad geo: the fit goes on without a geo\n")
        assert told(_negative_spend_and_another_value) == [], "the same geo fails the same check"


@pytest.mark.slow
def test_verdict_budgets_report_and_summary_name_the_geo_that_is_left_out(good: Project, tmp_path: Path) -> None:
    limits = {"geos": {BAD: {"max_spend": 1}}}
    steps = {"chains": 2, "tune": 100, "draws": 50}
    planned = {"allocation": "geo_channel", "platform_constraints": limits}
    panel = projects.edit(projects.panel_of(good), tmp_path / "panel.csv", _negative_spend)
    shutil.copytree(good.storage, tmp_path / "storage")
    sections = {"data": {"on_bad_geo": "exclude", **_columns()}, "optimization": planned, "training": steps}
    config = projects.write_config(tmp_path, projects.settings(tmp_path, panel, **sections))
    done = CliRunner().invoke(app, ["run", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert f"Left out     {BAD}" in done.output
    project = projects.load(config)
    reasons = projects.read_json(project.assets / "model_verdict.json")["reasons"]
    (reason,) = [reason for reason in reasons if reason["check"] == "excluded_geos"]
    assert not reason["blocks"]
    assert "tv_spend" in reason["message"]
    report = project.report.read_text(encoding="utf-8")
    assert f"<li>{BAD}: " in report
    assert "Do not use these numbers" not in report
    assert BAD not in set(pd.read_csv(project.exports / "budget_plan.csv")["geo"])
    with open_instance(project) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("budget_plan"))
    assert event is not None
    assert event.asset_materialization is not None
    assert BAD in event.asset_materialization.metadata["not_planned"].value
