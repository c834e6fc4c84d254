"""What a person sees in the terminal: progress while work goes on, then what came of it."""

import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from mmm_assets.dagster_logs import log_as_configured
from mmm_assets.resources.project import Project
from mmm_core.progress import Progress as ShownProgress

_WIDTH_WITHOUT_TERMINAL = 110
_SECONDS_BETWEEN_LINES = 10
_NOISY = ("dagster", "mlflow", "alembic", "absl", "jax", "matplotlib", "urllib3", "arviz", "pytensor", "numpyro")


def results() -> Console:
    """Where answers go: standard output."""
    return Console(highlight=False, soft_wrap=True, width=_width(sys.stdout))


def notes() -> Console:
    """Where everything else goes: standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=True, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    """Of a terminal its own; a file or a pipe has room."""
    return None if stream.isatty() else _WIDTH_WITHOUT_TERMINAL


def prepare_console(project: Project, debug: bool) -> None:
    """Our own log records as configured, those of libraries and their warnings only when looking for a mistake."""
    log_as_configured(project.loaded)
    if debug:
        return
    warnings.simplefilter("ignore")
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Display:
    """Progress bars, one per kind of work, in the order in which work begins."""

    def __init__(self, bars: Progress) -> None:
        """Nothing is shown yet."""
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far `what` is; what is empty is not shown."""
        if not total:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)


class Lines:
    """The same where nobody watches a terminal (cron, CI, a file): a line per kind of work when it is done.

    Work that takes longer gets one at every tenth of it too, but never more than one in `_SECONDS_BETWEEN_LINES`.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is shown yet."""
        self._console, self._clock = console, clock
        self._began: dict[str, float] = {}
        self._told: dict[str, tuple[float, int]] = {}
        """Of each kind of work: when its last line was written, and how many tenths were done then."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Write a line, if it is time for one."""
        if not total:
            return
        now = self._clock()
        began = self._began.setdefault(what, now)
        when, tenths = self._told.setdefault(what, (now, 0))
        reached = 10 * done // total
        finished = reached == 10 and tenths < 10
        if finished or (reached != tenths and now - when >= _SECONDS_BETWEEN_LINES):
            self._told[what] = now, reached
            self._console.print(f"{what}: {done} of {total}, {now - began:.0f} s", markup=False)


@contextmanager
def display() -> Iterator[ShownProgress]:
    """How far work is, on standard error while the block runs: bars in a terminal, else lines."""
    console = notes()
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        yield Display(bars)
