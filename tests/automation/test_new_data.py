"""The sensor `new_data`: geos, settling, and what it asks for."""

import json
from pathlib import Path

import dagster as dg
import pytest

from mmm_assets.automation.new_data import Seen, source_mark
from mmm_assets.resources.project import Project
from mmm_core.data.preparation.prepare import prepared_source
from tests.assets import projects
from tests.automation.ticks import happened, job, one_more_week, settled, tick, touch


@pytest.fixture
def project(tmp_path: Path) -> Project:
    panel = projects.write_panel(tmp_path)
    return projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, panel)))


def test_geos_are_registered_once_and_the_source_is_not_read_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        found = settled(project, instance)
        assert instance.get_dynamic_partitions("tiny_geos") == list(projects.GEOS)
        monkeypatch.setattr("mmm_assets.automation.new_data.prepared_source", pytest.fail)
        assert tick(project, instance, "new_data", found.cursor).run_requests == []


def test_nothing_is_asked_for_before_a_person_has_fitted_the_model(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        found = settled(project, instance)
        again = tick(project, instance, "new_data", found.cursor)
    assert not found.run_requests
    assert again.skip_message == "The source is new, but posterior was never made; a person makes the first one."


def test_geos_follow_the_source_and_come_back_when_removed_by_hand(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = settled(project, instance)
        instance.delete_dynamic_partition("tiny_geos", "Geo0")
        second = settled(project, instance, first.cursor)
        assert set(instance.get_dynamic_partitions("tiny_geos")) == set(projects.GEOS)
        panel = projects.panel_of(project)
        projects.edit(panel, panel, lambda frame: frame.assign(geo=frame["geo"].replace("Geo0", "Geo10")))
        settled(project, instance, second.cursor)
        assert set(instance.get_dynamic_partitions("tiny_geos")) == {"Geo1", "Geo10"}


def test_a_file_that_is_being_written_is_not_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = projects.panel_of(project)
    whole = panel.read_text()
    with dg.DagsterInstance.ephemeral() as instance, monkeypatch.context() as patch:
        patch.setattr("mmm_assets.automation.new_data.prepared_source", pytest.fail)
        cursor = None
        for share in (0.3, 0.6, 1.0):
            panel.write_text(whole[: int(len(whole) * share)])
            found = tick(project, instance, "new_data", cursor)
            assert "is read when it is the same" in found.skip_message
            cursor = found.cursor
        patch.undo()
        tick(project, instance, "new_data", cursor)
        assert instance.get_dynamic_partitions("tiny_geos") == list(projects.GEOS)


def test_a_file_that_changes_while_it_is_read_is_read_again_later(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmm_assets.automation import new_data

    panel = projects.panel_of(project)

    def read_and_append(*args: object) -> object:
        table = prepared_source(*args)  # type: ignore[arg-type]
        panel.write_text(panel.read_text() + "\n")
        return table

    monkeypatch.setattr(new_data, "prepared_source", read_and_append)
    with dg.DagsterInstance.ephemeral() as instance:
        found = settled(project, instance)
        assert found.skip_message == "The source changed while it was read."
        assert instance.get_dynamic_partitions("tiny_geos") == []


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n"])
def test_a_source_that_cannot_be_read_is_told_and_tried_again(project: Project, content: str | None) -> None:
    panel = projects.panel_of(project)
    panel.unlink()
    if content is not None:
        panel.write_text(content, encoding="utf-8")
    with dg.DagsterInstance.ephemeral() as instance:
        found = settled(project, instance)
    assert "cannot be read" in found.skip_message
    assert Seen.of(found.cursor) == Seen()


@pytest.mark.parametrize("cursor", ["0f3a", "[1]", '{"other": 1}', ""])
def test_a_cursor_of_an_earlier_release_counts_as_nothing_seen(cursor: str) -> None:
    assert Seen.of(cursor) == Seen()


def _used(project: Project, instance: dg.DagsterInstance) -> str | None:
    """The project has been run by a person; the cursor after it."""
    content = prepared_source(project.config).content_hash
    happened(instance, "source_snapshot", content)
    happened(instance, "posterior", "first")
    return str(settled(project, instance).cursor)


def test_an_unchanged_source_asks_for_nothing_touched_or_not(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _used(project, instance)
        assert not tick(project, instance, "new_data", cursor).run_requests
        touch(project)
        assert not settled(project, instance, cursor).run_requests


def test_new_content_asks_for_the_whole_job_once(project: Project) -> None:
    before = projects.panel_of(project).read_bytes()
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _used(project, instance)
        one_more_week(project)
        asked = settled(project, instance, cursor)
        (request,) = asked.run_requests
        assert request.job_name == "full"
        content = Seen.of(asked.cursor).content
        assert content in request.run_key
        assert not tick(project, instance, "new_data", asked.cursor).run_requests
        touch(project)
        assert not settled(project, instance, asked.cursor).run_requests
        happened(instance, "source_snapshot", content)
        projects.panel_of(project).write_bytes(before)
        back = settled(project, instance, asked.cursor)
        happened(instance, "source_snapshot", Seen.of(back.cursor).content)
        one_more_week(project)
        again = settled(project, instance, back.cursor)
    keys = [request.run_key, back.run_requests[0].run_key, again.run_requests[0].run_key]
    assert len(set(keys)) == 3, "the same content after another one is asked for again"


def test_a_run_that_is_going_on_is_waited_for(project: Project) -> None:
    project = projects.load(project.loaded.path, "automation.new_data.request=features")
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _used(project, instance)
        one_more_week(project)
        run = instance.create_run_for_job(job("other"), status=dg.DagsterRunStatus.STARTED)
        waits = settled(project, instance, cursor)
        assert not waits.run_requests
        assert run.run_id in waits.skip_message
        instance.report_run_canceled(run)
        asked = tick(project, instance, "new_data", waits.cursor)
    assert [request.job_name for request in asked.run_requests] == ["stage_features"]


def test_another_projects_run_is_not_waited_for(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _used(project, instance)
        one_more_week(project)
        tags = {"mmm/project": "another"}
        instance.create_run_for_job(job("other"), status=dg.DagsterRunStatus.STARTED, tags=tags)
        assert settled(project, instance, cursor).run_requests


def test_a_command_is_waited_for_between_its_runs(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _used(project, instance)
        one_more_week(project)
        tags = {"mmm/command": "run"}
        instance.create_run_for_job(job("other"), status=dg.DagsterRunStatus.SUCCESS, tags=tags)
        found = settled(project, instance, cursor)
    assert "the command `mmm run`" in found.skip_message


def test_with_request_nothing_only_geos_are_kept(project: Project) -> None:
    project = projects.load(project.loaded.path, "automation.new_data.request=nothing")
    with dg.DagsterInstance.ephemeral() as instance:
        cursor = _used(project, instance)
        one_more_week(project)
        assert not settled(project, instance, cursor).run_requests


def test_the_mark_changes_with_mapping_and_simulation(project: Project) -> None:
    base = source_mark(project, ())
    assert source_mark(project, ()) == base
    assert source_mark(projects.load(project.loaded.path, "data.week_start=sunday"), ()) != base
    assert source_mark(projects.load(project.loaded.path, "training.draws=60"), ()) == base


def test_a_database_is_read_as_often_as_is_asked_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    database = ("ingest.connector_priority=[sql]", "ingest.sql.url=duckdb:///x.duckdb", "ingest.sql.table=t")
    never = projects.load(project.loaded.path, *database)
    assert source_mark(never, ()) == source_mark(never, ())
    often = projects.load(project.loaded.path, *database, "automation.new_data.read_every_hours=0.0000001")
    assert source_mark(often, ()) != source_mark(often, ())


def test_the_cursor_is_plain_json() -> None:
    seen = Seen("a", "b", "c", "d")
    assert Seen.of(seen.to_cursor()) == seen
    assert json.loads(seen.to_cursor())["asked"] == "d"
