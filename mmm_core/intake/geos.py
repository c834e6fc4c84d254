"""Many geos from the rows of the source to their features, in one process or in several."""

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.mapping import raw_panel
from mmm_core.data.sources.table import SourceTable
from mmm_core.intake.geo import prepare_rows
from mmm_core.intake.report import GeoReport
from mmm_core.progress import Progress, silent

_WORTH_A_PROCESS = 100
"""Geos per process below which starting it takes longer than it saves."""
_AT_ONCE = 8
"""Geos that a process is given at a time."""
_AHEAD = 2
"""Such portions per process that are made before they are wanted: memory stays small."""


@dataclass(frozen=True)
class PreparedGeo:
    """What is needed of a geo further on."""

    features: pd.DataFrame | None
    """None if the geo is blocked before its features."""
    report: GeoReport
    """Every verdict, those on the features included."""
    changes: int
    """Cells that cleaning changed or dropped."""
    seconds: Mapping[str, float]
    """Processor seconds by stage: raw_panel (checks), clean_panel and features."""


@dataclass(frozen=True)
class _Task:
    """The same for all geos."""

    mapping: ColumnMapping
    config: Config
    origin: str

    def prepared(self, raw: pd.DataFrame) -> PreparedGeo:
        clock = _Clock()
        intake = prepare_rows(raw, self.mapping, self.config, self.origin, clock.begins)
        clock.begins("")
        changes = 0 if intake.cleaned is None else len(intake.cleaned.changes)
        return PreparedGeo(intake.features, intake.report, changes, clock.seconds)


class _Clock:
    """Processor seconds of this thread by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "", time.thread_time()

    def begins(self, stage: str) -> None:
        """End the stage that is on, begin this one."""
        now = time.thread_time()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now


def prepare_geos(
    source: SourceTable,
    mapping: ColumnMapping,
    config: Config,
    geos: Sequence[str],
    workers: int | None = None,
    progress: Progress = silent,
) -> dict[str, PreparedGeo]:
    """Take geos from their rows to their features; what comes of it does not depend on the number of processes.

    The rows of a geo are looked up here and sent to a process that does the rest.  Processes are started afresh
    (`spawn`), so nothing that this one holds, such as threads or a device, gets in their way.

    Args:
        source: the prepared source.
        mapping: resolved for it.
        config: the project's; `runtime.cores` is the largest number of processes unless `workers` is given.
        geos: of `mapping.geo_names`.
        workers: processes, at least 1; 1: this one alone; None: as many as are worth their start.
        progress: told how many geos are done.

    Returns:
        geo -> what is needed further on, in the order of `geos`.

    Raises:
        DataError: there is no such geo, or a feature's column is impossible.
        ConfigError: a setting of cleaning or features is wrong.
    """
    task = _Task(mapping, config, source.origin)
    panels = (raw_panel(source, mapping, geo) for geo in geos)
    count = _useful_workers(len(geos), config.runtime.cores) if workers is None else workers
    found: dict[str, PreparedGeo] = {}
    progress("geos", 0, len(geos))
    results = map(task.prepared, panels) if count <= 1 else _spread(panels, task, count)
    for geo, prepared in zip(geos, results, strict=True):
        found[geo] = prepared
        progress("geos", len(found), len(geos))
    return found


def _useful_workers(geos: int, cores: int | None) -> int:
    return max(1, min(cores or os.cpu_count() or 1, geos // _WORTH_A_PROCESS))


def _spread(panels: Iterator[pd.DataFrame], task: _Task, workers: int) -> Iterator[PreparedGeo]:
    """Results in the order of the panels; only some panels are made before their results are wanted."""
    waiting: deque[Future[list[PreparedGeo]]] = deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(task,)) as pool:
        try:
            for portion in _portions(panels):
                waiting.append(pool.submit(_prepare, portion))
                if len(waiting) >= workers * _AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _portions(panels: Iterable[pd.DataFrame]) -> Iterator[list[pd.DataFrame]]:
    portion: list[pd.DataFrame] = []
    for panel in panels:
        portion.append(panel)
        if len(portion) == _AT_ONCE:
            yield portion
            portion = []
    if portion:
        yield portion


_task: _Task | None = None
"""Of a process that was started for it."""


def _begin(task: _Task) -> None:
    global _task
    _task = task


def _prepare(panels: list[pd.DataFrame]) -> list[PreparedGeo]:
    if _task is None:
        raise RuntimeError("this process was not begun with a task")
    return [_task.prepared(panel) for panel in panels]
