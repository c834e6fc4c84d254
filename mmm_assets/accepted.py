"""The last fits that a verdict accepted: what the next one is compared with."""

from pathlib import Path

from mmm_assets.io_managers import PosteriorIOManager, StoredFit
from mmm_assets.resources.project import Project
from mmm_core.errors import StorageError
from mmm_core.storage import atomic_path

_CURRENT, _BEFORE = "current.nc", "before.nc"


def last_accepted_other(project: Project, version: str) -> StoredFit | None:
    """The last accepted fit that is not this one; None if there is none that can be read."""
    for name in (_CURRENT, _BEFORE):
        fit = _stored(project, name)
        if fit is not None and fit.version != version:
            return fit
    return None


def keep_accepted(project: Project, fit: StoredFit) -> None:
    """Remember an accepted fit; the one that was the last becomes the one before."""
    folder = project.storage / "accepted"
    current = _stored(project, _CURRENT)
    if current is not None and current.version == fit.version:
        return
    if current is not None:
        (folder / _CURRENT).replace(folder / _BEFORE)
    with atomic_path(folder / _CURRENT) as temporary:
        PosteriorIOManager().write(fit, temporary)


def _stored(project: Project, name: str) -> StoredFit | None:
    path: Path = project.storage / "accepted" / name
    if not path.exists():
        return None
    try:
        return PosteriorIOManager().read(path)
    except (StorageError, OSError, KeyError, ValueError):
        return None
