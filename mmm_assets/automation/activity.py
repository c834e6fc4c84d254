"""Is something of this project running or queued?  Whatever asks for work by itself waits until nothing is."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

PROJECT_TAG, TRIGGER_TAG, COMMAND_TAG = "mmm/project", "mmm/trigger", "mmm/command"
"""Tags of runs: whose they are, what asked for them, and that the command line made them."""
FULL, FEATURES = "full", "stage_features"
"""Jobs that are asked for."""
_OPEN = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_OPEN_BACKFILLS = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
_BETWEEN_RUNS = timedelta(seconds=30)
"""A command makes one run after the other; so long after the last one it counts as going on."""


def activity(instance: dg.DagsterInstance, project: str) -> str | None:
    """What is going on, in a sentence; None if nothing is.

    Args:
        instance: where runs are recorded.
        project: the project's name; runs that are marked as another project's are passed over.
    """
    runs = [run for run in instance.get_runs(dg.RunsFilter(statuses=list(_OPEN))) if _is_of(run, project)]
    if runs:
        first = min(runs, key=lambda run: (_is_part(run), run.run_id))
        return f"run {first.run_id} ({_job(first)}) is {first.status.value.lower()}"
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=_OPEN_BACKFILLS), limit=1)
    if backfills:
        return f"backfill {backfills[0].backfill_id} is going on"
    lately = instance.get_runs(dg.RunsFilter(updated_after=datetime.now(UTC) - _BETWEEN_RUNS))
    command = next((run for run in lately if COMMAND_TAG in run.tags and _is_of(run, project)), None)
    return (
        None
        if command is None
        else f"the command `mmm {command.tags[COMMAND_TAG]}` made run {command.run_id} just now"
    )


def request(job: str, key: Iterable[object], trigger: str) -> dg.RunRequest:
    """Ask for a job; a sensor that asks with the same key again gets nothing."""
    return dg.RunRequest(run_key=".".join(map(str, key)), job_name=job, tags={TRIGGER_TAG: trigger})


def _is_of(run: dg.DagsterRun, project: str) -> bool:
    return run.tags.get(PROJECT_TAG, project) == project


def _is_part(run: dg.DagsterRun) -> bool:
    """Whether another run made it inside its own process."""
    return "mmm/requested_by" in run.tags


def _job(run: dg.DagsterRun) -> str:
    return "assets" if run.job_name.startswith("__") else run.job_name
