"""Jobs, and sensors that end what was left open."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import RUN_TAG, Tracker
from tests.assets import projects


@pytest.fixture
def project(tmp_path: Path) -> Project:
    panel = projects.write_panel(tmp_path)
    return projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, panel)))


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
