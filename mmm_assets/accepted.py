"""The last fits that a verdict accepted: what the next one is compared with."""

import logging

from mmm_assets.io_managers import PosteriorIOManager, StoredFit
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there, local_copy, publish
from mmm_core.errors import StorageError

_LOG = logging.getLogger(__name__)
_CURRENT, _BEFORE = "current.nc", "before.nc"


def last_accepted_other(project: Project, version: str) -> StoredFit | None:
    """The last accepted fit that is not this one; None if there is none that can be read."""
    for name in (_CURRENT, _BEFORE):
        fit = _stored(project, name)
        if fit is not None and fit.version != version:
            return fit
    return None


def is_any_accepted(project: Project) -> bool:
    """Whether a fit was accepted so far."""
    return is_there(project.storage / "accepted" / _CURRENT)


def current_accepted(project: Project) -> StoredFit | None:
    """The last accepted fit; None if there is none that can be read."""
    return _stored(project, _CURRENT)


def keep_accepted(project: Project, fit: StoredFit) -> None:
    """Remember an accepted fit; the one that was the last becomes the one before."""
    folder, manager = project.storage / "accepted", PosteriorIOManager()
    current = _stored(project, _CURRENT)
    if current is not None and current.version == fit.version:
        return
    if current is not None:
        publish(folder / _BEFORE, lambda local: manager.write(current, local))
    publish(folder / _CURRENT, lambda local: manager.write(fit, local))


def keep_only(project: Project, fit: StoredFit) -> None:
    """Compare the next fit with this one, and this one with none: it is used again as it was accepted."""
    publish(project.storage / "accepted" / _CURRENT, lambda local: PosteriorIOManager().write(fit, local))
    (project.storage / "accepted" / _BEFORE).unlink(missing_ok=True)


def _stored(project: Project, name: str) -> StoredFit | None:
    path = project.storage / "accepted" / name
    if not is_there(path):
        return None
    try:
        with local_copy(path) as local:
            return PosteriorIOManager().read(local)
    except (StorageError, OSError, KeyError, ValueError) as error:
        _LOG.warning("The accepted fit %s cannot be read (%s); the next accepted one replaces it.", path, error)
        return None
