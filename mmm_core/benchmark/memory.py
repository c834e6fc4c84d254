"""How much memory a process and its children have at most, pages that they share counted once."""

import sys
import threading
from pathlib import Path
from types import TracebackType

_PROC = Path("/proc")
_KILOBYTE = 1024
_EVERY_SECONDS = 0.2


def peak_resident_bytes() -> int:
    """Most resident memory that this process has had, children not counted."""
    import resource

    unit = 1 if sys.platform == "darwin" else _KILOBYTE
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def shared_memory_bytes(pid: int | None = None) -> int:
    """Proportional set size of a process (None: this one) and all below it; 0 where the system does not say.

    A page that n processes share counts one n-th in each.
    """
    folder = _PROC / ("self" if pid is None else str(pid))
    try:
        lines = (folder / "smaps_rollup").read_text(encoding="ascii").splitlines()
        children = [
            int(child)
            for task in (folder / "task").iterdir()
            for child in (task / "children").read_text(encoding="ascii").split()
        ]
    except OSError:  # it has just ended, or the system is not Linux
        return 0
    own = sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return own * _KILOBYTE + sum(map(shared_memory_bytes, children))


class MemoryWatch:
    """Looks at the memory from time to time while its block runs."""

    def __init__(self) -> None:
        self._highest = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def peak_bytes(self) -> int:
        """Most memory that was seen, of this process and its children, and at least the peak of this process."""
        return max(self._highest, peak_resident_bytes())

    def _look(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self._highest = max(self._highest, shared_memory_bytes())
