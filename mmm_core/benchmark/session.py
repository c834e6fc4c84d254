"""A benchmark: data sets x runners, one after the other, then the summary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mmm_core.benchmark.datasets import BenchmarkData, load_dataset
from mmm_core.benchmark.execution import run_job
from mmm_core.benchmark.job import RESULT, Job, RunResult, plan_job
from mmm_core.benchmark.peer import peer_versions
from mmm_core.benchmark.runners import PEER
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError, StorageError
from mmm_core.model.backend import SamplerSettings, sampler_settings
from mmm_core.progress import Progress, silent
from mmm_core.storage import working_folder

SettingsPreset = Literal["quick", "full"]
_PRESETS: dict[SettingsPreset, dict[str, int]] = {
    "quick": {"chains": 2, "tune": 300, "draws": 300},
    "full": {"chains": 4, "tune": 1000, "draws": 1000},
}
Done = Callable[[RunResult, bool], None]
"""`done(result, was_there_already)`."""


@dataclass(frozen=True)
class Steps:
    """Sampler steps that differ from `training`; None: as there (or as the preset says)."""

    preset: SettingsPreset | None = None
    chains: int | None = None
    tune: int | None = None
    draws: int | None = None

    def settings(self, config: Config, runner: str) -> SamplerSettings:
        """Of a run; what nothing says is the habit of the backend (of pymc for a peer).

        Nothing that was compiled before is used.
        """
        base = sampler_settings(config, "meridian" if runner == "meridian" else "pymc")
        steps = {"chains": base.chains, "tune": base.tune, "draws": base.draws}
        if self.preset is not None:
            steps |= _PRESETS[self.preset]
        given = {"chains": self.chains, "tune": self.tune, "draws": self.draws}
        steps |= {key: value for key, value in given.items() if value is not None}
        return replace(base, compile_cache=None, chains=steps["chains"], tune=steps["tune"], draws=steps["draws"])


def run_benchmark(
    config: Config,
    output: Path,
    datasets: Sequence[str] = (),
    runners: Sequence[str] = (),
    steps: Steps | None = None,
    force: bool = False,
    timeout_seconds: float | None = None,
    progress: Progress = silent,
    done: Done = lambda result, known: None,
) -> list[RunResult]:
    """Run, or read what is known; results are written as they come.

    Args:
        config: data sets, runners, model and sampler settings.
        output: folder of all runs.
        datasets: instead of `benchmark.datasets`.
        runners: instead of `benchmark.backends`.
        steps: instead of `training`.
        force: run again what is known.
        timeout_seconds: instead of `benchmark.timeout_seconds`.
        progress: told how far things are.
        done: told of each result.

    Raises:
        InputError: a data set cannot be made, or the configured model is impossible with it.
        GateError: a data set does not pass its blocking checks.
    """
    names, whom = tuple(datasets) or config.benchmark.datasets, tuple(runners) or config.benchmark.backends
    limit = config.benchmark.timeout_seconds if timeout_seconds is None else timeout_seconds
    results: list[RunResult] = []
    total = len(names) * len(whom)
    loaded = [load_dataset(name, config) for name in names]  # what is wrong with one of them is told first
    for data in loaded:
        for runner in whom:
            progress("runs", len(results), total)
            shown = _labelled(progress, f"{data.name}, {runner}")
            settings = (steps or Steps()).settings(config, runner)
            result, known = run_one(data, runner, settings, output, limit, force, shown)
            results.append(result)
            done(result, known)
    progress("runs", total, total)
    return results


def run_one(
    data: BenchmarkData,
    runner: str,
    settings: SamplerSettings,
    output: Path,
    timeout_seconds: float,
    force: bool = False,
    progress: Progress = silent,
) -> tuple[RunResult, bool]:
    """One run, and whether its result was there already; a peer that is not there is a result too.

    Raises:
        SpecificationError: the configured model is impossible with this data.
    """
    try:
        versions = peer_versions(data.config.benchmark.peer_python) if runner.startswith(PEER) else {}
    except ConfigError as error:
        missing = RunResult("", data.name, runner, "failed", str(error))
        missing.save(_made(output / data.name / runner.replace(":", "-")))
        return missing, False
    job: Job = plan_job(data, runner, settings, versions, output)
    return run_job(job, output, timeout_seconds, force, progress)


def stored_results(output: Path, datasets: Sequence[str] = (), runners: Sequence[str] = ()) -> list[RunResult]:
    """What is stored, in the order of the folders' names; damaged results are left out.

    Args:
        output: folder of all runs.
        datasets: only these; none given: all.
        runners: only these; none given: all.
    """
    results = []
    for path in sorted(output.glob(f"*/*/{RESULT}")):
        try:
            result = RunResult.load(path.parent)
        except StorageError:
            continue
        if (not datasets or result.dataset in datasets) and (not runners or result.runner in runners):
            results.append(result)
    return results


def default_output(config: Config) -> Path:
    """Where results are kept unless told otherwise."""
    return working_folder(config.paths.storage, config.paths.work) / "benchmark"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _labelled(progress: Progress, label: str) -> Progress:
    """One name for the whole run, whatever its backend calls what it does."""
    return lambda what, done, total: progress(label, done, total)
