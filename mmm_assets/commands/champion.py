"""What a command says about the champion when its fit did not take over."""

from collections.abc import Collection

from upath import UPath

from mmm_assets.io_managers import io_managers
from mmm_assets.planning import JUDGED
from mmm_assets.promotion import champion_of, next_steps
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there
from mmm_assets.resources.tracking import Tracker
from mmm_core.errors import StorageError, TrackingError


def champion_after_a_stop(project: Project, arguments: str, blocked: Collection[str]) -> str | None:
    """Which version stays, and what can be done, after a fit that a check has blocked.

    Args:
        project: whose versions.
        arguments: options of the command line that name the project.
        blocked: assets whose checks have failed and block.

    Returns:
        Sentences; None where versions are not kept, or the registry cannot be asked (the stop itself says why).
    """
    if not project.config.promotion.enabled:
        return None
    try:
        record = _judged(project)
        if record is None:
            champion = champion_of(project, Tracker.of(project))
            record = {"champion_version": champion, "version": None, "alias": None, "verdict": "rejected"}
        elif JUDGED.intersection(blocked):  # before there was a verdict of today
            record = {**record, "verdict": "rejected"}
    except (StorageError, TrackingError):
        return None
    if record["champion_version"] is None:
        return "there is none yet; the first fit that is accepted becomes it."
    return next_steps(record, arguments)


def _judged(project: Project) -> dict[str, object] | None:
    """The record of the stored fit's version, if the fit has been judged."""
    managers = io_managers(UPath(project.assets))
    path = managers["json"].path_of("model_version")
    if not is_there(path):
        return None
    fit = managers["posterior_io"].stored(managers["posterior_io"].path_of("posterior"), "posterior")
    record: dict[str, object] = managers["json"].stored(path, "model_version")
    return record if record["fit"] == fit.version else None
