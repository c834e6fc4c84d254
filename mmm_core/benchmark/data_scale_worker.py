"""The data path once, in a process of its own: `python -m mmm_core.benchmark.data_scale_worker FOLDER`.

Reads `job.json` and the panel in FOLDER, goes from the Parquet file to the model's data as the assets do, and
writes `measured.json`.  Progress goes to standard output, one JSON list `[what, done, total]` per line.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from mmm_core.benchmark.memory import MemoryWatch
from mmm_core.benchmark.scale_panel import scale_config
from mmm_core.config.outputs import RuntimeConfig
from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.fingerprints import geo_fingerprints
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import GateError
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.intake.geos import PreparedGeo, prepare_geos
from mmm_core.quality.check import require
from mmm_core.quality.source_checks import check_source
from mmm_core.storage import write_text

JOB, PANEL, MEASURED = "job.json", "panel.parquet", "measured.json"
STAGES = ("read", "snapshot", "source checks", "validate", "transform", "features", "between", "model data")
"""What is measured; `between`: rows of each geo looked up, and sent to the other processes."""
_BY_GEO = {"validate": "raw_panel", "transform": "clean_panel", "features": "features"}


class Stopwatch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.processor: dict[str, float] = {}
        """Of this process and of children that have ended."""

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Measure the block."""
        wall, processor = time.perf_counter(), processor_seconds()
        yield
        self.wall[stage] = time.perf_counter() - wall
        self.processor[stage] = processor_seconds() - processor


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    import resource

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main(folder: Path) -> None:
    """Run the job of a folder; imports are not measured."""
    import pyarrow.parquet  # noqa: F401

    job = json.loads((folder / JOB).read_text(encoding="utf-8"))
    config = scale_config(folder / PANEL, RuntimeConfig(cores=job["cores"]))
    watch = Stopwatch()
    start = time.perf_counter()
    with MemoryWatch() as memory:
        measured = _data_path(config, folder, watch, job["workers"])
    seconds = time.perf_counter() - start
    measured |= {"seconds": seconds, "peak_memory_bytes": memory.peak_bytes, "cores": os.cpu_count()}
    write_text(folder / MEASURED, json.dumps(measured))


def _data_path(config: Config, folder: Path, watch: Stopwatch, workers: int | None) -> dict[str, Any]:
    source, mapping = _ingested(config, folder / "snapshot.parquet", watch)
    with watch.of("source checks"):
        require(check_source(source, mapping, config), source.origin)
        geos = geo_names(source, mapping)
    size = {"geos": len(geos), "rows": len(source.frame), "columns": source.frame.shape[1] - 1}
    with watch.of("geos"):
        prepared = prepare_geos(source, mapping, config, geos, workers, _report)
    with watch.of("model data"):
        data = _assembled(prepared, mapping, config, source.content_hash)
    by_geo = {stage: _sum(prepared, of_geo) for stage, of_geo in _BY_GEO.items()}
    processor = {**watch.processor, **by_geo}
    processor["between"] = max(processor.pop("geos") - sum(by_geo.values()), 0.0)
    return {
        **size,
        "weeks": len(data.dates),
        "changes": sum(geo.changes for geo in prepared.values()),
        "processor_seconds": {stage: processor[stage] for stage in STAGES},
        "wall_seconds": watch.wall,
    }


def _ingested(config: Config, snapshot: Path, watch: Stopwatch) -> tuple[SourceTable, ColumnMapping]:
    """The prepared source, stored and read again as the assets do."""
    with watch.of("read"):
        source = prepared_source(config)
        mapping = resolve_mapping(config, list(map(str, source.frame.columns)), source.origin)
    with watch.of("snapshot"):
        geo_fingerprints(source, mapping)
        source.frame.to_parquet(snapshot, index=False)
        origin, content_hash, notes = source.origin, source.content_hash, source.notes
        del source  # an asset of the next stage does not hold it either
        stored = SourceTable(pd.read_parquet(snapshot), origin, content_hash, notes=notes)
    return stored, mapping


def _assembled(
    prepared: Mapping[str, PreparedGeo], mapping: ColumnMapping, config: Config, content_hash: str
) -> ModelData:
    """All geos together, checked.

    Raises:
        GateError: a geo or the cube is blocked.
    """
    frames = {}
    for geo, found in prepared.items():
        require(found.report.every_result, f"geo {geo}")
        if found.features is None:
            raise GateError(f"geo {geo} has no features")
        frames[geo] = found.features
    data = assemble_model_data(frames, mapping, config, content_hash)
    require(check_model_data(data, config), "model_data")
    return data


def _sum(prepared: Mapping[str, PreparedGeo], stage: str) -> float:
    return sum(geo.seconds.get(stage, 0.0) for geo in prepared.values())


def _report(what: str, done: int, total: int) -> None:
    sys.stdout.write(json.dumps([what, done, total]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
