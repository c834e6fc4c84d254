"""Compiled JAX programs, kept on disk between runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition

_LARGEST = 2**29
"""Bytes that the folder may hold (512 MB); beyond, the programs that were written first go."""
_JAXS_OWN = "JAX_COMPILATION_CACHE_DIR"
"""JAX's variable for a folder of its own; projects that set the same one share their programs."""
_OPTIONS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


class _Users:
    """Who uses the one cache that JAX has: several at a time may, if they want the same folder."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.folder: Path | None = None
        self.count = 0
        self.before: dict[str, object] = {}


_USERS = _Users()


@contextmanager
def compile_cache(folder: Path | None) -> Iterator[None]:
    """While in the block, JAX looks for compiled programs in `folder` and leaves new ones there.

    JAX's settings are as before afterwards.  Threads that want the same folder share it, threads that want
    another one wait.  A folder that cannot be read or written costs a warning by JAX and a compilation.  Where the
    environment names a folder for JAX itself, JAX keeps all programs there, as its own variables say, and this
    block does nothing.

    Args:
        folder: made if it is missing; None: nothing is kept.
    """
    if folder is None or os.environ.get(_JAXS_OWN):
        yield
        return
    _enter(folder.resolve())
    try:
        yield
    finally:
        _leave()


def _enter(folder: Path) -> None:
    import jax

    with _USERS.changed:
        _USERS.changed.wait_for(lambda: _USERS.count == 0 or _USERS.folder == folder)
        if _USERS.count == 0:
            options = {"jax_compilation_cache_dir": str(folder), "jax_enable_compilation_cache": True, **_OPTIONS}
            _USERS.before = {name: getattr(jax.config, name) for name in options}
            _USERS.folder = folder
            _prune(folder)
            _switch(options)
        _USERS.count += 1


def _leave() -> None:
    with _USERS.changed:
        _USERS.count -= 1
        if _USERS.count == 0:
            _switch(_USERS.before)
            _USERS.changed.notify_all()


def _switch(options: dict[str, object]) -> None:
    """Set JAX's options; the cache looks at them only when it is new."""
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    for name, value in options.items():
        jax.config.update(name, value)
    reset_cache()


def _prune(folder: Path) -> None:
    """Delete the oldest programs until the rest fits."""
    if not folder.is_dir():
        return
    files = sorted(_ages(folder))
    excess = sum(size for _, size, _ in files) - _LARGEST
    for _, size, path in files:
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size


def _ages(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Time of last change, size and path of each program; another process may delete some meanwhile."""
    for path in folder.glob("*-cache"):
        with suppress(FileNotFoundError):
            about = path.stat()
            yield about.st_mtime, about.st_size, path
