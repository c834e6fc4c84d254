"""What is kept beside accepted fits: the configuration that they were made with, and the plan that followed."""

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd

from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there, local_copy, publish
from mmm_core.config.loading import flatten
from mmm_core.errors import StorageError
from mmm_core.refresh.changes import Setting
from mmm_core.stability.records import table_from_record, table_record

_LOG = logging.getLogger(__name__)
_FILE, _KEPT = "settings.json", 4
"""Fits that are remembered, the last ones: the accepted one, the one before, and what may come back."""


def keep_setting(project: Project, version: str, plan: pd.DataFrame | None = None) -> None:
    """Remember today's configuration with an accepted fit, and its plan (`plan_by_channel`) once it is made.

    Args:
        project: configuration and folders.
        version: of the accepted fit.
        plan: None: the plan that is known stays.
    """
    records = _records(project)
    known = records.pop(version, {}).get("plan")
    records[version] = {
        "config": setting_of(project).config,
        "plan": known if plan is None else table_record(plan),
    }
    text = json.dumps(dict(list(records.items())[-_KEPT:]), ensure_ascii=False)

    def write(local: Path) -> None:
        local.write_text(text, encoding="utf-8")

    publish(project.storage / "accepted" / _FILE, write)


def kept_setting(project: Project, version: str) -> Setting | None:
    """What was kept with a fit; None where nothing was, or it cannot be read."""
    record = _records(project).get(version)
    if record is None:
        return None
    plan = record["plan"]
    return Setting(record["config"], None if plan is None else table_from_record(plan))


def setting_of(project: Project, plan: pd.DataFrame | None = None) -> Setting:
    """Today's configuration as it is kept: secrets masked, values as JSON knows them."""
    values = {key: value for key, (value, _) in flatten(project.loaded).items()}
    return Setting(json.loads(json.dumps(values, default=str)), plan)


def _records(project: Project) -> dict[str, Any]:
    path = project.storage / "accepted" / _FILE
    if not is_there(path):
        return {}
    try:
        with local_copy(path) as local:
            found = json.loads(local.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (StorageError, OSError, ValueError) as error:
        _LOG.warning("The settings of accepted fits at %s cannot be read (%s); they are kept anew.", path, error)
        return {}
