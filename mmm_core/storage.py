"""Atomic writes: a reader sees the old file or the new one, never half of one."""

import errno
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

from mmm_core.errors import DiskFullError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space left, quota used up, file larger than files may be."""
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{8}\.tmp")
"""Names that `temporary_beside` gives, and what sqlite puts beside them."""
_DAY_SECONDS = 86400
DEFAULT_WORK = ".mmm"
"""Folder of what has to be local, where the storage is an object store."""


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it to `target` if the block succeeds.

    The parent folder is created.  On any error the temporary file is removed and `target` stays as it was.

    Raises:
        DiskFullError: there is no room for it.
    """
    temporary = temporary_beside(target)
    try:
        with room_for(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_beside(target: Path, suffix: str = "") -> Path:
    """A hidden name in the same folder that tells which process writes it: `.NAME.HOST-PID-RANDOM.tmp`."""
    writer = f"{_this_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return target.with_name(f".{target.name}.{writer}.tmp{suffix}")


def remove_abandoned(folder: Path) -> list[Path]:
    """Remove temporary files whose process was killed, wherever they are below a folder.

    Those of other machines, whose processes cannot be seen from here, only when they are a day old.

    Returns:
        What was removed.
    """
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in names
        if (match := _TEMPORARY.match(name)) and _is_abandoned(Path(place) / name, match)
    ]
    for path in found:
        path.unlink(missing_ok=True)
    return found


def _is_abandoned(path: Path, match: re.Match[str]) -> bool:
    if match["host"] == _this_host() and os.name == "posix" and not is_running(int(match["pid"])):
        return True
    try:
        return time.time() - path.stat().st_mtime > _DAY_SECONDS
    except FileNotFoundError:
        return False


def is_running(pid: int) -> bool:
    """Whether a process of this machine exists (POSIX)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@cache
def _this_host() -> str:
    return sha256(socket.gethostname().encode()).hexdigest()[:8]


@contextmanager
def room_for(target: Path) -> Iterator[None]:
    """One clear sentence where the block finds no room on the disk, whichever library says so.

    Raises:
        DiskFullError: the disk is full, a quota is used up, or the file is larger than files may be.
    """
    try:
        yield
    except DiskFullError:
        raise
    except (OSError, RuntimeError) as error:
        number = no_room(error)
        if number is None:
            raise
        inner = _TEMPORARY.match(target.name)
        raise DiskFullError(
            f"{inner['name'] if inner else target.name} cannot be written to {target.parent}: "
            f"{os.strerror(number)}. What was there before is unchanged. Free some space on that disk, or set "
            "paths.storage to a folder on a larger one; then run the same again, which makes only what is missing."
        ) from error


def no_room(error: BaseException) -> int | None:
    """The error number, if an error means that there is no room; libraries written in C give it only in words."""
    given = getattr(error, "errno", None)
    return next((n for n in _NO_ROOM if given == n or re.search(rf"errno:? ?=? ?{n}\b", str(error))), None)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_remote(storage: str) -> bool:
    """Whether `paths.storage` names an object store rather than a folder of this machine."""
    return "://" in storage


def working_folder(storage: str, work: str | None) -> Path:
    """Absolute folder of what has to be local, from `paths.storage` and `paths.work`."""
    local = DEFAULT_WORK if is_remote(storage) else storage
    return Path(work or local).expanduser().resolve()
