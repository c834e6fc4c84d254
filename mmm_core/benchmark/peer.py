"""PyMC-Marketing as a peer: its own interpreter, files in, files out."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from mmm_core.benchmark.fit import BenchmarkFit
from mmm_core.benchmark.job import Job
from mmm_core.errors import ConfigError, SamplingError, SpecificationError
from mmm_core.features.model_data import FloatArray, ModelData

_WORKER = Path(__file__).parent / "peers" / "pymc_marketing_worker.py"
_PACKAGES = ("pymc-marketing", "pymc", "nutpie", "numpyro", "blackjax")
_ASK = (
    "import json, platform, sys\n"
    "from importlib.metadata import PackageNotFoundError, version\n"
    "found = {'python': platform.python_version()}\n"
    "for name in sys.argv[1:]:\n"
    "    try:\n"
    "        found[name] = version(name)\n"
    "    except PackageNotFoundError:\n"
    "        found[name] = 'none'\n"
    "print(json.dumps(found))\n"
)
_LAST_LINES = 3


def peer_versions(python: str | None) -> dict[str, str]:
    """Versions of the packages in the peer's environment, and of the program that we run there.

    Raises:
        ConfigError: `benchmark.peer_python` is not given, is no Python, or has no pymc-marketing.
    """
    if python is None:
        raise ConfigError(
            "benchmark.peer_python is not set; make an environment with pymc-marketing (python -m venv peer; "
            "peer/bin/pip install pymc-marketing nutpie pyarrow h5netcdf) and name its interpreter there."
        )
    try:
        answer = subprocess.run(
            [python, "-c", _ASK, *_PACKAGES], capture_output=True, text=True, check=True, timeout=120
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(
            f"benchmark.peer_python is {python!r}, which does not run as Python: {error}."
        ) from error
    found: dict[str, str] = json.loads(answer.stdout)
    if found["pymc-marketing"] == "none":
        raise ConfigError(f"{python} (benchmark.peer_python) has no pymc-marketing; install it there.")
    return found | {"program": str(hash_of(_WORKER))}


def hash_of(path: Path) -> str:
    """Content of a file."""
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def fit_peer(job: Job, data: ModelData, sampler: str, folder: Path) -> BenchmarkFit:
    """Run the worker in its own interpreter.

    Raises:
        ConfigError: no interpreter is configured.
        SpecificationError: the data has what the peer does not know.
        SamplingError: the worker failed; the message has the end of what it said.
    """
    if job.peer_python is None:
        raise ConfigError("benchmark.peer_python is not set.")
    refuse_unknown(data)
    _write_request(job, data, sampler, folder)
    run = subprocess.run([job.peer_python, str(_WORKER), str(folder)], capture_output=True, text=True, check=False)
    if run.returncode:
        said = " | ".join(run.stderr.strip().splitlines()[-_LAST_LINES:])
        raise SamplingError(f"pymc-marketing stopped with code {run.returncode}: {said}")
    return _read_answer(data, folder)


def refuse_unknown(data: ModelData) -> None:
    """Refuse what the peer's model does not have.

    Raises:
        SpecificationError: names it.
    """
    unknown = sorted(set(data.channel_kinds) - {"media"})
    if unknown:
        raise SpecificationError(
            f"The pymc_marketing peer fits paid media only; this data has {', '.join(unknown)}."
        )
    if not data.observed.all():
        raise SpecificationError("The pymc_marketing peer needs the KPI of every week; this data has gaps.")


def _write_request(job: Job, data: ModelData, sampler: str, folder: Path) -> None:
    channels = [f"channel_{m}" for m in range(len(data.channels))]
    plain = [k for k, role in enumerate(data.control_roles) if role != "seasonality"]
    controls = [f"control_{k}" for k in plain]
    n_geos, n_weeks = data.kpi.shape
    columns = {
        "date": np.tile(data.dates.astype("datetime64[ns]"), n_geos),
        "geo": np.repeat(np.array(data.geos, dtype=object), n_weeks),
    }
    columns |= {name: data.media[:, :, m].ravel() for m, name in enumerate(channels)}
    standardised = data.control_values - data.control_values.mean(axis=(0, 1))
    standardised /= np.maximum(data.control_values.std(axis=(0, 1)), np.finfo(np.float64).tiny)
    columns |= {name: standardised[:, :, k].ravel() for k, name in zip(plain, controls, strict=True)}
    pd.DataFrame({**columns, "y": data.kpi.ravel()}).to_parquet(folder / "panel.parquet", index=False)
    spend = data.spend.sum(axis=(0, 1))
    settings = job.sampler_settings
    request = {
        "channels": channels,
        "controls": controls,
        "geos": list(data.geos),
        "spend_shares": (spend / spend.sum()).tolist(),
        "sampler": sampler,
        "chains": settings.chains,
        "draws": settings.draws,
        "tune": settings.tune,
        "target_accept": settings.target_accept,
        "seed": settings.seed,
        "cores": min(settings.cores or os.cpu_count() or 1, settings.chains),
    }
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")


def _read_answer(data: ModelData, folder: Path) -> BenchmarkFit:
    answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    draws = xr.load_dataset(folder / "draws.nc", engine="h5netcdf")
    contributions = draws["contributions"].values

    def by_geo(channel: int) -> Iterator[FloatArray]:
        return (contributions[:, g, :, channel] for g in range(len(data.geos)))

    n_weeks = len(data.dates)
    table = {
        "geo": np.repeat(np.array(data.geos, dtype=object), n_weeks),
        "date": np.tile(data.dates.astype("datetime64[ns]"), len(data.geos)),
        "actual": data.kpi.ravel(),
    }
    table |= {name: draws[name].values.ravel() for name in ("predicted_mean", "q05", "q95")}
    return BenchmarkFit(
        parameters=draws["parameters"].values,
        contributions=by_geo,
        table=pd.DataFrame(table),
        **{
            key: answer[key]
            for key in (
                "divergences",
                "seconds",
                "compile_seconds",
                "version",
                "artifact_bytes",
                "peak_memory_bytes",
            )
        },
    )
