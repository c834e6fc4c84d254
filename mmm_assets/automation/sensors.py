"""Sensors: geos of the source, and MLflow runs that a killed process left open."""

import hashlib
import json
from collections.abc import Sequence

import dagster as dg

from mmm_assets.automation.jobs import REQUESTED_BY
from mmm_assets.partitions import geo_change, geo_partitions, refuse_unusable_names
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import PROCESS_TAG, RUN_TAG, Tracker, process_is_alive
from mmm_assets.stages.ingest import SNAPSHOT
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.data.sources.signs import source_signs
from mmm_core.errors import InputError

_INTERVAL_SECONDS = 60


def definitions(project: Project) -> dg.Definitions:
    """Sensors of this project."""
    return dg.Definitions(
        sensors=[
            _register_geos(project),
            _close_tracking(dg.DagsterRunStatus.FAILURE),
            _close_tracking(dg.DagsterRunStatus.CANCELED),
        ]
    )


def source_mark(project: Project, registered: Sequence[str]) -> str:
    """What changes with the source, its further tables, their mapping or the registered geos; nothing is read.

    A source of which only reading tells (a database, a URL that says nothing) counts as unchanged: a query each
    minute would cost more than it tells, and `source_snapshot` registers geos as well, whenever it is made.

    Raises:
        DataError: a configured file is not there.
    """
    signs = source_signs(project.config) or []
    parts = [project.code_version(*SNAPSHOT), *sorted(registered), *signs]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _register_geos(project: Project) -> dg.SensorDefinition:
    geos = geo_partitions(project.config.project.name)

    @dg.sensor(
        name="register_geos",
        description="Keeps the registered geos equal to those of the source; reads it only when it changed.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_INTERVAL_SECONDS,
    )
    def register_geos(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        registered = geos.get_partition_keys(dynamic_partitions_store=context.instance)
        try:
            mark = source_mark(project, registered)
            if context.cursor == mark:
                return dg.SkipReason("The source has not changed.")
            found = geos_of_source(project)
        except InputError as error:
            return dg.SkipReason(f"The source cannot be read: {error}")
        change = geo_change(registered, found)
        requests = [geos.build_add_request(list(change.added))] if change.added else []
        removals = [geos.build_delete_request(list(change.removed))] if change.removed else []
        return dg.SensorResult(
            dynamic_partitions_requests=[*requests, *removals], cursor=source_mark(project, found)
        )

    return register_geos


def geos_of_source(project: Project) -> tuple[str, ...]:
    """Read the source and name its geos.

    Raises:
        InputError: the source cannot be used.
    """
    source = prepared_source(project.config, project.downloads)
    geos = geo_names(source, resolve_mapping(project.config, list(source.frame.columns), source.origin))
    refuse_unusable_names(geos, source.origin)
    return geos


def _close_tracking(status: dg.DagsterRunStatus) -> dg.RunStatusSensorDefinition:
    @dg.run_status_sensor(
        name=f"close_mlflow_run_after_{status.value.lower()}",
        description="Ends what a killed process left open: its MLflow run, and Dagster runs that it had started.",
        run_status=status,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def close_tracking(context: dg.RunStatusSensorContext, tracker: dg.ResourceParam[Tracker]) -> dg.SkipReason:
        over = context.dagster_run.run_id
        for run in _requested_by(context.instance, over):
            context.instance.report_run_failed(run, f"Run {over}, which it was a part of, has ended.")
        if not tracker.exists:
            return dg.SkipReason("Nothing was tracked yet.")
        closed = tracker.close_abandoned(
            lambda tags: tags.get(RUN_TAG) == over or not process_is_alive(tags.get(PROCESS_TAG, ""))
        )
        return dg.SkipReason(f"Closed {len(closed)} MLflow run(s).")

    return close_tracking


def _requested_by(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterRun]:
    """Runs that a job has started inside its own process and that are open."""
    runs = instance.get_runs(dg.RunsFilter(tags={REQUESTED_BY: run_id}))
    return [run for run in runs if not run.is_finished]
