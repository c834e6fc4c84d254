"""How long the data path takes, and how much memory, from a Parquet file to the model's data: by number of geos.

In `data_scale/` of the benchmark's folder: `data_scale.csv` one row per size, `data_scale.png`.  Each size runs in
a fresh process, over daily panels of five years and 40 columns (`scale_panel`).
"""

import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmm_core.benchmark.data_scale_plot import data_scale_picture
from mmm_core.benchmark.data_scale_worker import JOB, MEASURED, PANEL, STAGES
from mmm_core.benchmark.execution import run_program, why_it_ended
from mmm_core.benchmark.job import LOG
from mmm_core.benchmark.scale_panel import FIVE_YEARS, write_scale_panel
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, StorageError
from mmm_core.progress import Progress, silent
from mmm_core.storage import atomic_path

FOLDER, PICTURE = "data_scale", "data_scale.png"
"""Under the folder of all results; in that folder."""
_TABLE = "data_scale.csv"
_MODULE = "mmm_core.benchmark.data_scale_worker"
_MILLISECONDS = 1000.0
_MEGABYTE = 2.0**20
_NUMBERS = ("geos", "rows", "seconds", "processor_seconds", "milliseconds_per_geo", "peak_memory_bytes", *STAGES)
_FACTS = ("cores", "processor", "python", "pandas")


@dataclass(frozen=True)
class DataScale:
    """What was measured, smallest panel first."""

    table: pd.DataFrame
    """One row per size: geos, rows, columns, weeks, changes (cells that cleaning changed), seconds (wall),
    processor_seconds, milliseconds_per_geo (of the processor), `STAGES` (milliseconds of the processor per geo),
    geos_seconds (wall, from rows to features), peak_memory_bytes (all processes, shared pages once), cores,
    processor, python, pandas."""

    def growth(self) -> float:
        """Processor time per geo of the largest panel / of the smallest; 1 is flat."""
        per_geo = self.table["milliseconds_per_geo"]
        return float(per_geo.iloc[-1] / per_geo.iloc[0])

    def about(self) -> str:
        """In a sentence or two: the growth, and the machine."""
        first, last = self.table.iloc[0], self.table.iloc[-1]
        machine = f"{last['cores']} cores, {last['processor']}, Python {last['python']}, pandas {last['pandas']}."
        if len(self.table) == 1:
            return f"Measured on {machine}"
        return (
            f"From {first['geos']:,} to {last['geos']:,} geos the processor time per geo changes by a factor of "
            f"{self.growth():.2f}. Measured on {machine}"
        )

    def shown(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of a table for people: one column per size."""
        rows = self.table.to_dict("records")
        lines = {
            "rows": [f"{row['rows']:,}" for row in rows],
            "seconds": [f"{row['seconds']:.1f}" for row in rows],
            "processor seconds": [f"{row['processor_seconds']:.1f}" for row in rows],
            "peak memory, MB": [f"{row['peak_memory_bytes'] / _MEGABYTE:,.0f}" for row in rows],
            "processor ms per geo": [f"{row['milliseconds_per_geo']:.1f}" for row in rows],
            **{f"of these: {stage}": [f"{row[stage]:.1f}" for row in rows] for stage in STAGES},
        }
        header = ["", *(f"{row['geos']:,} geos" for row in rows)]
        return header, [[name, *cells] for name, cells in lines.items()]


def run_data_scale(
    config: Config,
    output: Path,
    sizes: Sequence[int],
    progress: Progress = silent,
    days: int = FIVE_YEARS,
    workers: int | None = None,
    timeout_seconds: float | None = None,
) -> DataScale:
    """Measure the data path at each size, and keep what came of it; earlier measurements are replaced.

    Args:
        config: `runtime.cores`, `benchmark.seed` and `benchmark.timeout_seconds`.
        output: folder of all benchmark results.
        sizes: numbers of geos, at least one of 1 or more.
        progress: told how far it is.
        days: of each geo.
        workers: processes; None: as many as are worth their start, at most `runtime.cores`.
        timeout_seconds: longest time of one size; None: as configured.

    Raises:
        ConfigError: a size takes longer.
        StorageError: a process ended without a result; says why.
    """
    folder = output / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    limit = config.benchmark.timeout_seconds if timeout_seconds is None else timeout_seconds
    job = {"cores": config.runtime.cores, "workers": workers}
    rows = []
    for size in sorted(set(sizes)):
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{size}_geos_") as place:
            write_scale_panel(Path(place) / PANEL, size, days, config.benchmark.seed, progress)
            (Path(place) / JOB).write_text(json.dumps(job), encoding="utf-8")
            rows.append(_row(_measured(Path(place), size, limit, progress)))
    study = DataScale(pd.DataFrame(rows))
    with atomic_path(folder / PICTURE) as temporary:
        temporary.write_bytes(data_scale_picture(study.table, STAGES))
    with atomic_path(folder / _TABLE) as temporary:
        study.table.to_csv(temporary, index=False)
    return study


def stored_data_scale(output: Path) -> DataScale | None:
    """What `run_data_scale` kept in this folder of all benchmark results; None if there is nothing.

    Raises:
        StorageError: it is damaged.
    """
    path = output / FOLDER / _TABLE
    if not path.exists():
        return None
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(_FACTS, str))
        lacking = [name for name in (*_NUMBERS, *_FACTS) if name not in table]
        if lacking or table.empty:
            raise ValueError(f"no values of {', '.join(lacking) or 'any size'}")
        table = table.astype(dict.fromkeys(_NUMBERS[2:], "float64") | {"geos": "int64", "rows": "int64"})
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path} cannot be read ({error}); make it again with mmm benchmark --data-scale, or remove it."
        ) from error
    return DataScale(table)


def _measured(place: Path, size: int, limit: float, progress: Progress) -> dict[str, Any]:
    """What the worker found within `limit` seconds."""

    def shown(what: str, done: int, total: int) -> None:
        progress(f"{size} geos", done, total)

    code = run_program([sys.executable, "-m", _MODULE, str(place)], place / LOG, limit, shown)
    if code is None:
        raise ConfigError(
            f"The data path of {size} geos took more than {limit:g} s; raise benchmark.timeout_seconds (or "
            "--timeout), or give smaller sizes."
        )
    if code or not (place / MEASURED).exists():
        raise StorageError(
            f"The data path of {size} geos could not be measured. {why_it_ended(code, place / LOG)}"
        )
    found: dict[str, Any] = json.loads((place / MEASURED).read_text(encoding="utf-8"))
    return found


def _row(found: dict[str, Any]) -> dict[str, Any]:
    per_geo = {stage: _MILLISECONDS * used / found["geos"] for stage, used in found["processor_seconds"].items()}
    return {
        **{name: found[name] for name in ("geos", "rows", "columns", "weeks", "changes", "seconds")},
        "processor_seconds": sum(found["processor_seconds"].values()),
        "milliseconds_per_geo": sum(per_geo.values()),
        **per_geo,
        "geos_seconds": found["wall_seconds"]["geos"],
        "peak_memory_bytes": found["peak_memory_bytes"],
        "cores": found["cores"],
        "processor": processor_name(),
        "python": platform.python_version(),
        "pandas": pd.__version__,
    }


def processor_name() -> str:
    """What the system calls its processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
