"""Sensors that end what a killed process left open."""

import dagster as dg

from mmm_assets.automation.jobs import REQUESTED_BY
from mmm_assets.resources.tracking import PROCESS_TAG, RUN_TAG, Tracker, process_is_alive


def definitions() -> dg.Definitions:
    """Sensors that listen to the end of runs."""
    return dg.Definitions(
        sensors=[
            _close_tracking(dg.DagsterRunStatus.FAILURE),
            _close_tracking(dg.DagsterRunStatus.CANCELED),
        ]
    )


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
