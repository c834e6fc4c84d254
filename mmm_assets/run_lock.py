"""One command at a time per project: a second one waits until the first is done."""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256

from filelock import FileLock, Timeout

from mmm_assets.resources.project import Project
from mmm_core.storage import write_text

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_SECONDS = 0.5


@contextmanager
def only_run(project: Project) -> Iterator[None]:
    """Hold the project while the block makes its assets; wait, and say so, while another process holds it.

    The system frees the lock when a process dies.  It holds on one machine: on several, the queue and its pools
    keep runs apart.
    """
    folder = project.work / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    name = sha256(str(project.storage).encode()).hexdigest()[:12]
    lock, owner = FileLock(folder / f"{name}.lock"), folder / f"{name}.owner"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = owner.read_text(encoding="utf-8") if owner.exists() else "another process"
        _LOG.warning("%s is making assets of this project; waiting for it to end (Ctrl-C gives up).", who)
        _acquire(lock)
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_text(owner, f"Process {os.getpid()} on {socket.gethostname()}, since {now},")
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock) -> None:
    """In short waits, so that Ctrl-C is heard at once."""
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            time.sleep(_LOOK_EVERY_SECONDS)
        else:
            return
