"""What a killed process left behind, put in order by the next one: runs that seem to go on, temporary files."""

import json
import logging
import re
import socket
from functools import partial
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import INSIDE_TAG, PROCESS_TAG, Tracker, process_is_alive, this_process
from mmm_core.errors import TrackingError
from mmm_core.storage import is_running, remove_abandoned

_OPEN = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_REASON = "The process that made this run was killed, or its machine went down; a new run makes what is missing."
_PID = re.compile(r"Started process for run \(pid: (\d+)\)")
_LOG = logging.getLogger(__name__)


def recover(project: Project, instance: dg.DagsterInstance) -> None:
    """Close the runs of dead processes, in Dagster and then in MLflow, and remove their temporary files.

    To be called by whoever holds the project (`run_lock`), or by the UI before it starts.
    """
    folders = {Path(str(folder)) for folder in (project.storage, project.work) if isinstance(folder, Path)}
    for folder in {project.dagster_home, *folders}:
        remove_abandoned(folder)
    closed = close_dead_runs(instance)
    if closed:
        _LOG.warning("%d run(s) of a killed process are marked as failed: %s.", len(closed), ", ".join(closed))
    close_tracking(Tracker.of(project), instance, anything=bool(closed))


def close_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed that seem to go on although their process on this machine is dead; returns their ids."""
    found = [run for run in instance.get_runs(dg.RunsFilter(statuses=_OPEN)) if _is_dead(instance, run)]
    for run in found:
        instance.report_run_failed(run, _REASON)
    return [run.run_id for run in found]


def close_tracking(tracker: Tracker, instance: dg.DagsterInstance, anything: bool) -> None:
    """End MLflow runs that MLflow did not let end; and, if there may be any, those of Dagster runs that are over.

    A store that does not answer costs a warning.
    """
    from mmm_assets.fit_tracking import is_over

    try:
        tracker.end_late()
        if anything and tracker.exists:
            tracker.close_abandoned(partial(is_over, instance))
    except TrackingError as error:
        _LOG.warning("MLflow runs that have ended may still look open. %s", error)


def _is_dead(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    if INSIDE_TAG in run.tags:
        # A restarted container has the same name and number; and this process has begun nothing yet.
        return run.tags[INSIDE_TAG] == this_process() or not process_is_alive(run.tags[INSIDE_TAG])
    if PROCESS_TAG in run.tags:
        return not process_is_alive(run.tags[PROCESS_TAG])
    if GRPC_INFO_TAG in run.tags:
        return not _server_answers(json.loads(run.tags[GRPC_INFO_TAG])) and not _worker_runs(instance, run)
    return False


def _server_answers(server: dict[str, str | int | None]) -> bool:
    """Whether the code server is there that started a run of the UI; of one elsewhere nothing can be said."""
    if server.get("host") not in ("localhost", "127.0.0.1", socket.gethostname()):
        return True
    path, port = server.get("socket"), server.get("port")
    address = str(path) if path else ("127.0.0.1", int(port or 0))
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as probe:
        probe.settimeout(2)
        return probe.connect_ex(address) == 0


def _worker_runs(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process that Dagster noted for a run still exists."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    started = [match for event in events if (match := _PID.search(event.message or event.user_message or ""))]
    return any(is_running(int(match[1])) for match in started[-1:])
