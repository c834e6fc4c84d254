"""One run in a process of its own: `python -m mmm_core.benchmark.worker FOLDER`.

Reads `job.json` in FOLDER and the data set beside it; writes `result.json`.  Progress goes to standard output,
one JSON list `[what, done, total]` per line.  Memory is then this run's own, and a crash is no one else's.
"""

import json
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path

import xarray as xr

from mmm_core.benchmark.job import DATA, JOB, TRUTH, Job, RunResult
from mmm_core.benchmark.truth import KnownTruth
from mmm_core.errors import MMMError
from mmm_core.features.model_data import ModelData

_JAX_SAMPLERS = ("numpyro", "blackjax")


def main(folder: Path) -> None:
    """Run the job of a folder."""
    job = Job(**json.loads((folder / JOB).read_text(encoding="utf-8")))
    result = RunResult(job.key, job.dataset, job.runner, "failed", settings=job.settings, versions=job.versions)
    try:
        result = _measured(job, folder, result)
    except MMMError as error:
        result = replace(result, reason=str(error))
    result.save(folder)


def _measured(job: Job, folder: Path, result: RunResult) -> RunResult:
    library, _, sampler = job.runner.partition(":")
    if library == "pymc_reference" and sampler in _JAX_SAMPLERS:
        # Before JAX is imported: one device per core, so that PyMC's JAX samplers run chains side by side.
        cores = min(job.sampler_settings.cores or os.cpu_count() or 1, job.sampler_settings.chains)
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={cores}"
    from mmm_core.benchmark.metrics import all_metrics
    from mmm_core.benchmark.runners import fit

    data = ModelData.from_dataset(xr.load_dataset(folder.parent / DATA, engine="h5netcdf"))
    truth_file = folder.parent / TRUTH
    truth = None
    if truth_file.exists():
        truth = KnownTruth.from_dataset(xr.load_dataset(truth_file, engine="h5netcdf"))
    found = fit(job, data, folder, _report)
    memory = peak_memory_bytes() if found.peak_memory_bytes is None else found.peak_memory_bytes
    metrics, by_geo, by_channel = all_metrics(found, data, truth)
    metrics |= {"peak_memory_bytes": memory, "artifact_bytes": found.artifact_bytes, "version": found.version}
    metrics |= found.more
    n_geos, n_weeks, n_channels = data.media.shape
    size = {"geos": n_geos, "weeks": n_weeks, "channels": n_channels, "controls": len(data.controls)}
    return replace(
        result, status="ok", size=size, metrics=metrics, by_geo=tuple(by_geo), by_channel=tuple(by_channel)
    )


def peak_memory_bytes() -> int:
    """Most resident memory that this process, or the largest of its children, has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def _report(what: str, done: int, total: int) -> None:
    sys.stdout.write(json.dumps([what, done, total]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
