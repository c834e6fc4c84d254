"""Locks between the processes of one machine: one command at a time per project, and whatever else must be alone.

The system frees a lock when the process that holds it dies, so none is ever left behind.  There is none over an
object store: a lock there could only be a lease that runs out, and a process that was stopped for longer than its
lease would go on writing beside the next holder.
"""

import logging
import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from mmm_assets.resources.project import Project
from mmm_core.errors import BusyError
from mmm_core.storage import write_text

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS = 0.5


@contextmanager
def only_run(project: Project) -> Iterator[None]:
    """Hold the project while the block makes its assets; wait, and say so, while another process holds it.

    It holds on one machine: on several, the queue and its pools keep runs apart.
    """
    name = sha256(str(project.storage).encode()).hexdigest()[:12]
    with held(project.work / "locks" / f"{name}.lock", "is making assets of this project"):
        yield


@contextmanager
def held(lock: Path, does: str, patience_seconds: float = math.inf) -> Iterator[None]:
    """Hold a lock during the block; wait, and say for whom, while another process of this machine holds it.

    Args:
        lock: its file; who holds it stands beside it in a file with the ending `.owner`.
        does: what whoever holds it does, for messages: `Process 12 on HOST, since …, DOES`.
        patience_seconds: how long to wait at most.

    Raises:
        BusyError: another process has held it for all that time.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    file, owner = FileLock(lock), lock.with_suffix(".owner")
    if not _taken(file):
        _LOG.warning("%s %s; waiting for it to end (Ctrl-C gives up).", _holder(owner), does)
        _wait(file, owner, does, patience_seconds)
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_text(owner, f"Process {os.getpid()} on {socket.gethostname()}, since {now},")
        yield
    finally:
        file.release()


def _holder(owner: Path) -> str:
    return owner.read_text(encoding="utf-8") if owner.exists() else "Another process"


def _taken(file: FileLock) -> bool:
    """Whether the lock was free, and is this process's now."""
    try:
        file.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _wait(file: FileLock, owner: Path, does: str, patience_seconds: float) -> None:
    """In short waits, so that Ctrl-C is heard at once.

    Raises:
        BusyError: the patience is over.
    """
    until = time.monotonic() + patience_seconds
    while not _taken(file):
        if time.monotonic() > until:
            raise BusyError(
                f"{_holder(owner)} {does}, and has not come to an end within {patience_seconds:.0f} s. End that "
                "process if it hangs, and run the same again; what is finished is kept."
            )
        time.sleep(_LOOK_EVERY_SECONDS)
