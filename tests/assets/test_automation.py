"""Jobs and sensors."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.automation.sensors import source_mark
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import RUN_TAG, Tracker
from tests.assets import projects


@pytest.fixture
def project(tmp_path: Path) -> Project:
    panel = projects.write_panel(tmp_path)
    return projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, panel)))


def _tick(project: Project, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    definitions = build_definitions(project)
    context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions)
    data = definitions.get_repository_def().get_sensor_def("register_geos").evaluate_tick(context)
    for request in data.dynamic_partitions_requests or []:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return data


def test_geos_are_registered_once_and_the_source_is_not_read_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = _tick(project, instance, None)
        assert instance.get_dynamic_partitions("tiny_geos") == list(projects.GEOS)
        monkeypatch.setattr("mmm_assets.automation.sensors.prepared_source", pytest.fail)
        second = _tick(project, instance, first.cursor)
    assert second.skip_message == "The source has not changed."


def test_geos_follow_the_source(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = _tick(project, instance, None)
        panel = projects.panel_of(project)
        projects.edit(panel, panel, lambda frame: frame.assign(geo=frame["geo"].replace("Geo0", "Geo10")))
        _tick(project, instance, first.cursor)
        assert set(instance.get_dynamic_partitions("tiny_geos")) == {"Geo1", "Geo10"}


def test_geos_that_were_removed_by_hand_come_back(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = _tick(project, instance, None)
        instance.delete_dynamic_partition("tiny_geos", "Geo0")
        _tick(project, instance, first.cursor)
        assert set(instance.get_dynamic_partitions("tiny_geos")) == set(projects.GEOS)


@pytest.mark.parametrize("content", [None, "", "a,b\n1,2\n"])
def test_a_source_that_cannot_be_read_is_told_and_tried_again(project: Project, content: str | None) -> None:
    panel = projects.panel_of(project)
    panel.unlink()
    if content is not None:
        panel.write_text(content, encoding="utf-8")
    with dg.DagsterInstance.ephemeral() as instance:
        tick = _tick(project, instance, None)
    assert tick.skip_message is not None
    assert "cannot be read" in tick.skip_message
    assert tick.cursor is None


def test_the_mark_changes_with_mapping_and_simulation(project: Project, tmp_path: Path) -> None:
    base = source_mark(project, ())
    assert source_mark(project, ()) == base
    assert source_mark(projects.load(project.loaded.path, "data.week_start=sunday"), ()) != base
    assert source_mark(projects.load(project.loaded.path, "training.draws=60"), ()) == base


def test_a_database_is_not_read_each_minute(project: Project) -> None:
    database = projects.load(
        project.loaded.path,
        "ingest.connector_priority=[sql]",
        "ingest.sql.url=duckdb:///x.duckdb",
        "ingest.sql.table=t",
    )
    with dg.DagsterInstance.ephemeral() as instance:
        tick = _tick(database, instance, source_mark(database, ()))
    assert tick.skip_message == "The source has not changed."


def test_an_mlflow_run_left_open_is_closed_when_its_dagster_run_has_failed(project: Project) -> None:
    tracker = Tracker.of(project)
    with tracker.run("done", {}):
        pass
    client = tracker.client()
    experiment = client.get_experiment_by_name("tiny").experiment_id

    @dg.job
    def fails() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(fails)
        left = client.create_run(experiment, tags={RUN_TAG: run.run_id}).info.run_id
        event = dg.DagsterEvent(event_type_value="PIPELINE_FAILURE", job_name="fails", message="killed")
        context = dg.build_run_status_sensor_context(
            sensor_name="close_mlflow_run_after_failure",
            dagster_event=event,
            dagster_instance=instance,
            dagster_run=run,
            resources={"tracker": tracker},
        )
        sensor = build_definitions(project).get_repository_def().get_sensor_def("close_mlflow_run_after_failure")
        assert isinstance(sensor, dg.RunStatusSensorDefinition)
        sensor(context)
    assert client.get_run(left).info.status == "FAILED"


def test_a_stage_job_does_what_the_command_does(project: Project) -> None:
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        result = definitions.get_job_def("stage_ingest").execute_in_process(instance=instance)
        assert result.success
        stored = instance.get_materialized_partitions(dg.AssetKey("raw_panel"))
        runs = instance.get_runs(dg.RunsFilter(tags={"mmm/requested_by": result.run_id}))
    assert stored == set(projects.GEOS)
    assert len(runs) == 1 + len(projects.GEOS)


def test_a_stage_job_fails_with_the_reason(project: Project) -> None:
    panel = projects.panel_of(project)

    def negative(frame: pd.DataFrame) -> None:
        frame.loc[3, "tv_spend"] = "-5"

    projects.edit(panel, panel, negative)
    with open_instance(project) as instance:
        job = build_definitions(project).get_job_def("stage_validate")
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert "tv_spend" in projects.reason(result)
