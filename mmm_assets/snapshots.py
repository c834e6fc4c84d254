"""The stored versions of the source."""

from functools import lru_cache
from pathlib import PurePath
from typing import Any

import pandas as pd
from upath import UPath

from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there, local_copy
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import StorageError
from mmm_core.plausible import require_plausible


def stored_source(record: dict[str, Any], project: Project) -> SourceTable:
    """The table of a version (`record` is the value of `source_snapshot`).

    Raises:
        StorageError: it is gone or damaged.
    """
    path = project.snapshots / PurePath(record["snapshot"]).name
    if not is_there(path):
        raise StorageError(f"The snapshot {path} is gone; materialize source_snapshot again.")
    notes, passed_over = tuple(record["notes"]), tuple(record["passed_over"])
    return _snapshot_table(path, record["origin"], record["content_hash"], notes, passed_over)


@lru_cache(maxsize=1)
def _snapshot_table(
    path: UPath, origin: str, content_hash: str, notes: tuple[str, ...], passed_over: tuple[str, ...]
) -> SourceTable:
    """The file never changes, and one process often reads it for many geos."""
    import pyarrow

    try:
        with local_copy(path) as local:
            require_plausible(local)
            frame = pd.read_parquet(local)
    except (pyarrow.ArrowException, OSError) as error:
        raise StorageError(
            f"The snapshot {path} is damaged ({error}); delete it and materialize source_snapshot again."
        ) from None
    return SourceTable(frame, origin, content_hash, notes=notes, passed_over=passed_over)
