"""After a backfill of geos: the cube once, when all of them are ready; then the fit, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.resources.project import Project
from tests.assets import projects
from tests.automation.ticks import happened, job, one_more_week, tick

BY_GEO = ("raw_panel", "clean_panel", "change_log", "features")
CUBE = dg.AssetKey("model_data")


class Shop:
    """A tiny project and its instance, with what a person does in the UI."""

    def __init__(self, project: Project, instance: dg.DagsterInstance) -> None:
        self.project, self.instance = project, instance
        self.definitions = build_definitions(project)
        self.cursor: Any = None

    def source(self) -> None:
        """Materialize the snapshot."""
        assert projects.quiet_run(self.definitions, self.instance, "source_snapshot").success

    def backfill(self, *geos: str) -> None:
        """Materialize geos; one that is blocked stops by itself."""
        for geo in geos:
            projects.quiet_run(self.definitions, self.instance, *BY_GEO, geo=geo)

    def asked(self) -> bool:
        """One evaluation of the condition of `model_data`."""
        result = dg.evaluate_automation_conditions(
            self.definitions, self.instance, dg.AssetSelection.assets(CUBE), cursor=self.cursor
        )
        self.cursor = result.cursor
        return result.get_num_requested(CUBE) == 1

    def pool(self) -> str:
        """Do what was asked for; the content of the cube."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        tags = {"mmm/trigger": "backfill"}
        done = job.execute_in_process(instance=self.instance, asset_selection=[CUBE], tags=tags)
        assert done.success
        return self.version()

    def version(self) -> str:
        """Content of the cube."""
        event = self.instance.get_latest_materialization_event(CUBE)
        assert event is not None
        assert event.asset_materialization is not None
        return str((event.asset_materialization.tags or {})["dagster/data_version"])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    panel = projects.write_panel(tmp_path)
    project = projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, panel)))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shop(project, instance)


def test_the_cube_is_asked_for_once_when_the_last_geo_is_ready(shop: Shop) -> None:
    shop.source()
    assert not shop.asked(), "no geo is ready"
    shop.backfill("Geo0")
    assert not shop.asked(), "one geo is missing"
    shop.backfill("Geo1")
    run = shop.instance.create_run_for_job(job("full"), status=dg.DagsterRunStatus.STARTED)
    assert not shop.asked(), "a job is running"
    shop.instance.report_run_canceled(run)
    assert shop.asked()
    assert not shop.asked(), "asked for already, even if its run never came"
    first = shop.pool()
    assert not shop.asked()

    shop.backfill("Geo0", "Geo1")
    assert not shop.asked(), "the same content again"

    one_more_week(shop.project)
    shop.source()
    shop.backfill("Geo0")
    assert not shop.asked(), "Geo1 is of older rows"
    shop.backfill("Geo1")
    assert shop.asked()
    assert shop.pool() != first
    assert not shop.asked()


def test_a_blocked_geo_keeps_the_others_waiting(shop: Shop) -> None:
    def negative(frame: Any) -> None:
        frame.loc[frame["geo"] == "Geo1", "tv_spend"] = "-5"

    panel = projects.panel_of(shop.project)
    good = panel.read_bytes()
    projects.edit(panel, panel, negative)
    shop.source()
    shop.backfill("Geo0", "Geo1")
    assert not shop.asked()
    panel.write_bytes(good)
    shop.source()
    shop.backfill("Geo0", "Geo1")
    assert shop.asked()


def _refit(project: Project, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    return tick(project, instance, "refit_after_backfill", cursor)


def _made_by(instance: dg.DagsterInstance, version: str, trigger: str | None) -> None:
    """The cube, made by a run with that trigger."""

    @dg.asset(name="model_data")
    def cube() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion(version))

    dg.materialize([cube], instance=instance, tags={} if trigger is None else {"mmm/trigger": trigger})


def test_a_new_cube_after_a_backfill_asks_for_the_job_once(tmp_path: Path) -> None:
    project = projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, None)))
    with dg.DagsterInstance.ephemeral() as instance:
        _made_by(instance, "one", "backfill")
        assert "never fitted" in _refit(project, instance).skip_message
        happened(instance, "posterior", "fit", model_data="one")
        assert "today's data" in _refit(project, instance).skip_message
        _made_by(instance, "two", None)
        assert "by a person" in _refit(project, instance).skip_message
        _made_by(instance, "three", "backfill")
        run = instance.create_run_for_job(job("full"), status=dg.DagsterRunStatus.STARTING)
        assert run.run_id in _refit(project, instance).skip_message
        instance.report_run_canceled(run)
        asked = _refit(project, instance)
        (request,) = asked.run_requests
        assert (request.job_name, request.tags["mmm/trigger"]) == ("full", "backfill")
        assert "already" in _refit(project, instance, asked.cursor).skip_message
        happened(instance, "posterior", "fit 2", model_data="three")
        assert "today's data" in _refit(project, instance, asked.cursor).skip_message
