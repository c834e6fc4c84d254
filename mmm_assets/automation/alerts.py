"""Sensors that tell people: failed runs, failed checks that block, and alerts that were folded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from mmm_assets.automation.activity import COMMAND_TAG
from mmm_assets.automation.jobs import REQUESTED_BY
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project

_PARTITION = "dagster/partition"
_NAMED = 8
"""So many failed checks are named; the run's page has the others."""
_OVERDUE_SECONDS = 300
_BY_ITSELF = "A command tells by itself (alerts.commands)."
_NONE_FAILED = "No check failed that blocks."


def definitions(project: Project) -> dg.Definitions:
    """Sensors, if there is anyone to tell."""
    if not Alerts.of(project).are_sent:
        return dg.Definitions()
    finished = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS)
    return dg.Definitions(sensors=[_run_failures(), *(_check_failures(status) for status in finished), _overdue()])


@dataclass(frozen=True)
class FailedCheck:
    """A check that failed and blocks."""

    asset: str
    geo: str | None
    check: str


def failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[FailedCheck]:
    """Checks of severity ERROR that failed in a run, or in the runs that it started in its process."""
    started = instance.get_runs(dg.RunsFilter(tags={REQUESTED_BY: run.run_id}))
    found = [check for each in (run, *started) for check in _failed_in(instance, each)]
    return list(dict.fromkeys(found))


def _failed_in(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[FailedCheck]:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        found = event.asset_check_evaluation_data
        if not found.passed and found.severity is dg.AssetCheckSeverity.ERROR:
            yield FailedCheck(
                found.asset_key.path[-1], found.partition or run.tags.get(_PARTITION), found.check_name
            )


def tell_failed_run(instance: dg.DagsterInstance, run: dg.DagsterRun, alerts: Alerts) -> str:
    """Tell of a failed run, unless its failed checks say why: those are told by themselves.

    Returns:
        What was done, for the tick's history.
    """
    if COMMAND_TAG in run.tags:
        return _BY_ITSELF
    if failed_checks(instance, run):
        return "Its failed checks say why."
    facts = {"job": run.job_name, "run": run.run_id, "geo": run.tags.get(_PARTITION, "")}
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    failures = [event for record in records if (event := record.event_log_entry.dagster_event) is not None]
    if failures:
        facts["step"] = failures[0].step_key or ""
        facts["error"] = _class_of(failures[0])
    return _told(alerts.send("run_failed", f"{run.job_name} failed", facts))


def _class_of(event: dg.DagsterEvent) -> str:
    """Class of the innermost error: its message may quote the data."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return (error.cls_name or "") if error is not None else ""


def tell_failed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun, alerts: Alerts) -> str:
    """One message for all checks of a run that failed and block: asset, geo and check.

    Returns:
        What was done, for the tick's history.
    """
    if COMMAND_TAG in run.tags:
        return _BY_ITSELF
    failed = failed_checks(instance, run)
    return _told(send_checks(alerts, failed, run.job_name, run.run_id)) if failed else _NONE_FAILED


def send_checks(alerts: Alerts, failed: Sequence[FailedCheck], job: str, run: str) -> bool:
    """Send one message for checks that failed; returns whether it was taken (`Alerts.send`)."""
    named = "; ".join(_named(check) for check in failed[:_NAMED]) + _more(len(failed))
    number = "a check" if len(failed) == 1 else f"{len(failed)} checks"
    return alerts.send("check_failed", f"{number} failed in {job}", {"job": job, "run": run, "checks": named})


def _named(check: FailedCheck) -> str:
    place = check.asset if check.geo is None else f"{check.asset} of {check.geo}"
    return f"{check.check} ({place})"


def _more(count: int) -> str:
    return f"; and {count - _NAMED} more" if count > _NAMED else ""


def _told(sent: bool) -> str:
    return "Told." if sent else "Not told: folded, not wanted, or no channel took it (see the log)."


def _run_failures() -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_run_failed",
        description="Tells people that a run failed (section `alerts`).",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def alert_run_failed(context: dg.RunFailureSensorContext, alerts: dg.ResourceParam[Alerts]) -> dg.SkipReason:
        return dg.SkipReason(tell_failed_run(context.instance, context.dagster_run, alerts))

    return alert_run_failed


def _check_failures(status: dg.DagsterRunStatus) -> dg.RunStatusSensorDefinition:
    @dg.run_status_sensor(
        name=f"alert_check_failed_after_{status.value.lower()}",
        description="Tells people which checks failed in a run and block, of which asset and geo.",
        run_status=status,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def alert_check_failed(context: dg.RunStatusSensorContext, alerts: dg.ResourceParam[Alerts]) -> dg.SkipReason:
        return dg.SkipReason(tell_failed_checks(context.instance, context.dagster_run, alerts))

    return alert_check_failed


def _overdue() -> dg.SensorDefinition:
    @dg.sensor(
        name="alert_folded",
        description="Tells how many alerts were folded, once `alerts.min_interval_minutes` are over.",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_OVERDUE_SECONDS,
    )
    def alert_folded(alerts: dg.ResourceParam[Alerts]) -> dg.SkipReason:
        return dg.SkipReason(f"{alerts.send_overdue()} message(s).")

    return alert_folded
