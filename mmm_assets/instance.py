"""The project's own Dagster instance, under its storage, with settings fit for one machine."""

import os
import sys
from pathlib import Path

import dagster as dg
import yaml
from filelock import FileLock, Timeout

from mmm_assets.dagster_storage import require_server, with_storage
from mmm_assets.resources.project import Project
from mmm_core.errors import BusyError
from mmm_core.storage import write_text

SETTINGS = "dagster.yaml"
_COMMAND_LINE_SETTINGS = "command_line.yaml"
_OPENING, _OPENING_SECONDS = "opening.lock", 180
_LONGEST_RUN_SECONDS = 12 * 3600
_TEMPLATE = """\
# Settings of this project's Dagster instance, written by mmm on first use.  Edit freely: the file is not
# overwritten.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: {runs}   # each run is a process of several hundred MB; sqlite wants few writers
  pools:
    granularity: run
    default_limit: {fits}   # fits at a time: pool `fit`
run_queue:
  dequeue_interval_seconds: 1   # the tables of one geo take about as long
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 120
  max_runtime_seconds: {longest}   # ends a run that hangs; the tag dagster/max_runtime sets another limit
  free_slots_after_run_end_seconds: 60
"""
_FORKING = """\
run_launcher:   # processes of runs are forked from one that has imported everything
  module: mmm_assets.run_launcher
  class: ForkingRunLauncher
"""


def prepare_instance(project: Project) -> Path:
    """Create `DAGSTER_HOME` with its settings, if they are not there yet.

    Returns:
        The folder, which is also put into this process's environment.

    Raises:
        ConfigError: `deployment.dagster_storage` cannot be used.
    """
    home = project.dagster_home
    settings = home / SETTINGS
    before = settings.read_text(encoding="utf-8") if settings.exists() else None
    text = with_storage(_new_settings(project) if before is None else before, project)
    if text != before:
        write_text(settings, text)
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _new_settings(project: Project) -> str:
    runs = min(4, max(1, os.cpu_count() or 1))
    fits = project.config.deployment.fits_at_once
    text = _TEMPLATE.format(runs=max(runs, fits), fits=fits, longest=_LONGEST_RUN_SECONDS)
    return text + (_FORKING if sys.platform == "linux" else "")


def open_instance(project: Project) -> dg.DagsterInstance:
    """The instance, for runs inside this process.

    Same storage as the UI's, written faster (`event_storage`); and the capture of standard output is off, which
    would swallow progress bars and cost a process per run.

    Raises:
        ConfigError: `deployment.dagster_storage` cannot be used, or its server does not answer.
        BusyError: another process does not get done with opening it.
    """
    home = prepare_instance(project)
    settings = yaml.safe_load((home / SETTINGS).read_text(encoding="utf-8")) or {}
    settings["compute_logs"] = {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
    if "storage" not in settings:
        settings["storage"] = {
            "custom": {
                "module": "mmm_assets.event_storage",
                "class": "LocalStorage",
                "config": {"base_dir": str(home)},
            }
        }
    write_text(home / _COMMAND_LINE_SETTINGS, yaml.safe_dump(settings))
    require_server(project)
    try:
        # Two processes that make Dagster's tables at once would leave a history that nobody can open.
        with FileLock(home / _OPENING, timeout=_OPENING_SECONDS):
            return dg.DagsterInstance.from_config(str(home), _COMMAND_LINE_SETTINGS)
    except Timeout:
        raise BusyError(
            f"Another process has been opening Dagster's history in {home} for {_OPENING_SECONDS} s; end it, and "
            "run the same again."
        ) from None
