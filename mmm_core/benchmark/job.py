"""One run of the benchmark as a folder: what is asked, what came of it, and when it need not be done again.

`<output>/<data set>/data.nc` and `truth.nc` are shared by all runs on a data set; each run has a folder beside
them with `job.json`, `result.json`, `log.txt` and the stored fit.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import mmm_core
from mmm_core.benchmark.datasets import BenchmarkData
from mmm_core.errors import StorageError
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.specification import build_spec
from mmm_core.storage import atomic_path, write_text

Status = Literal["ok", "failed", "timeout", "crashed"]
DATA, TRUTH, JOB, RESULT, LOG = "data.nc", "truth.nc", "job.json", "result.json", "log.txt"
_PACKAGES = ("numpy", "jax", "numpyro", "pymc", "pytensor", "google-meridian", "blackjax", "nutpie")
_CODE = ("attribution", "benchmark", "evaluation", "model", "selection")
"""Folders of this package whose code decides what a run finds."""
_CHOSEN_FROM = {"features", "model", "training"}
"""Sections that decide which model is chosen."""


@dataclass(frozen=True)
class Job:
    """A run that is asked for."""

    dataset: str
    runner: str
    """`library` or `library:sampler`."""
    settings: Mapping[str, Any]
    """Of `SamplerSettings`, as JSON has them."""
    spec: str
    """`ModelSpec.to_json`."""
    data_hash: str
    versions: Mapping[str, str]
    peer_python: str | None = None
    config: str = ""
    """Sections of the configuration from which a model is chosen, as JSON; empty where none is chosen."""

    @property
    def key(self) -> str:
        """Hash of everything that the result depends on."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def sampler_settings(self) -> SamplerSettings:
        """What the backends take; nothing compiled is kept, so that each run pays for it."""
        return SamplerSettings(**self.settings)

    def folder(self, output: Path) -> Path:
        """Where the run lives."""
        return output / self.dataset / self.runner.replace(":", "-")


@dataclass(frozen=True)
class RunResult:
    """What came of a run."""

    key: str
    dataset: str
    runner: str
    status: Status
    reason: str = ""
    """Why there are no metrics."""
    timeout_seconds: float | None = None
    """The limit that it ran into."""
    size: Mapping[str, int] = field(default_factory=dict)
    """geos, weeks, channels, controls."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    by_geo: tuple[Mapping[str, Any], ...] = ()
    """Rows of `metrics.recovery_table`."""
    by_channel: tuple[Mapping[str, Any], ...] = ()
    """Rows of `metrics.channel_table`."""

    def save(self, folder: Path) -> None:
        """Write `result.json`; what is not finite is written as null."""
        write_text(folder / RESULT, json.dumps(_finite(asdict(self)), indent=1))

    @classmethod
    def load(cls, folder: Path) -> "RunResult":
        """Read `result.json`.

        Raises:
            StorageError: there is none, or it is damaged.
        """
        path = folder / RESULT
        try:
            stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            stored |= {name: tuple(stored[name]) for name in ("by_geo", "by_channel")}
            return cls(**stored)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageError(
                f"No readable benchmark result at {path} ({error}); run the benchmark again."
            ) from error


def plan_job(
    data: BenchmarkData, runner: str, settings: SamplerSettings, peer_versions: Mapping[str, str], output: Path
) -> Job:
    """The job of a data set and a runner; writes the data set where the run finds it.

    Raises:
        SpecificationError: the configured model is impossible with this data.
    """
    folder = output / data.name
    with atomic_path(folder / DATA) as temporary:
        data.data.to_dataset().to_netcdf(temporary, engine="h5netcdf")
    if data.truth is None:
        (folder / TRUTH).unlink(missing_ok=True)
    else:
        with atomic_path(folder / TRUTH) as temporary:
            data.truth.to_dataset().to_netcdf(temporary, engine="h5netcdf")
    is_peer = runner.startswith("pymc_marketing")
    return Job(
        dataset=data.name,
        runner=runner,
        settings={key: value for key, value in asdict(settings).items() if key != "compile_cache"},
        spec=build_spec(data.config, data.data).to_json(),
        data_hash=_data_hash(data),
        versions=peer_versions if is_peer else own_versions(),
        peer_python=data.config.benchmark.peer_python if is_peer else None,
        config=data.config.model_dump_json(include=_CHOSEN_FROM) if runner.endswith(":selected") else "",
    )


def reusable(job: Job, output: Path, timeout_seconds: float) -> RunResult | None:
    """The stored result of the same job, if there is one that another try would not change.

    A run that crashed is tried again; one that was too slow only if it gets more time now.
    """
    try:
        result = RunResult.load(job.folder(output))
    except StorageError:
        return None
    if result.key != job.key or result.status == "crashed":
        return None
    if result.status == "timeout" and timeout_seconds > (result.timeout_seconds or 0):
        return None
    return result


@cache
def own_versions() -> dict[str, str]:
    """Versions of what takes part in a run here, our own code by its content."""
    found = {"python": platform.python_version(), "mmm_core": mmm_core.__version__, "code": _code_hash()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def _code_hash() -> str:
    root = Path(mmm_core.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for folder in _CODE for path in (root / folder).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _data_hash(data: BenchmarkData) -> str:
    """Content of what the model gets to see, and of the truth."""
    seen = data.data
    roles = (seen.channel_kinds, seen.control_roles, seen.control_per_capita, seen.kpi_type)
    digest = hashlib.sha256(repr(roles).encode())
    datasets = [data.data.to_dataset()] + ([] if data.truth is None else [data.truth.to_dataset()])
    for dataset in datasets:
        for name in sorted(map(str, dataset.variables)):
            values = dataset[name].values
            digest.update(name.encode())
            digest.update(repr(values.tolist()).encode() if values.dtype == object else values.tobytes())
    return digest.hexdigest()[:32]


def _finite(value: Any) -> Any:
    """The same with None where JSON has no number."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
