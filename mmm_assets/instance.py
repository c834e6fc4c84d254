"""The project's own Dagster instance, under its storage, with settings fit for one machine."""

import os
from pathlib import Path

import dagster as dg
import yaml

from mmm_assets.resources.project import Project
from mmm_core.storage import write_text

SETTINGS = "dagster.yaml"
_COMMAND_LINE_SETTINGS = "command_line.yaml"
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
    default_limit: 1   # one fit at a time: pool `fit`
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 120
  max_runtime_seconds: {longest}   # ends a run that hangs; the tag dagster/max_runtime sets another limit
  free_slots_after_run_end_seconds: 60
"""


def prepare_instance(project: Project) -> Path:
    """Create `DAGSTER_HOME` with its settings, if they are not there yet.

    Returns:
        The folder, which is also put into this process's environment.
    """
    home = project.dagster_home
    settings = home / SETTINGS
    if not settings.exists():
        runs = min(4, max(1, os.cpu_count() or 1))
        write_text(settings, _TEMPLATE.format(runs=runs, longest=_LONGEST_RUN_SECONDS))
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def open_instance(project: Project) -> dg.DagsterInstance:
    """The instance, for runs inside this process.

    Same storage as the UI's, written faster (`event_storage`); and the capture of standard output is off, which
    would swallow progress bars and cost a process per run.
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
    return dg.DagsterInstance.from_config(str(home), _COMMAND_LINE_SETTINGS)
