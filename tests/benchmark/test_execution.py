"""Runs are processes of their own: what they leave is kept, and what goes wrong is a result too."""

import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm_core.benchmark.datasets import BenchmarkData
from mmm_core.benchmark.execution import run_job
from mmm_core.benchmark.job import Job, RunResult, plan_job
from mmm_core.benchmark.session import run_one, stored_results
from mmm_core.benchmark.truth import KnownTruth
from mmm_core.config.schema import Config
from mmm_core.errors import StorageError
from mmm_core.model.backend import SamplerSettings
from tests.factories import tiny_model_data

SETTINGS = SamplerSettings(2, 20, 20, 0.9, 8, 1)
GOOD = """
import json, sys
from pathlib import Path
from mmm_core.benchmark.job import Job, RunResult
folder = Path(sys.argv[1])
job = Job(**json.loads((folder / "job.json").read_text()))
print("some library says hello")
print(json.dumps(["sampling", 3, 10]), flush=True)
marks = folder.parent / "runs.txt"
marks.write_text(marks.read_text() + "x" if marks.exists() else "x")
RunResult(job.key, job.dataset, job.runner, "ok", metrics={"seconds": 1.5, "max_rhat": float("inf")}).save(folder)
"""


def _data(name: str = "configured", seed: int = 7) -> BenchmarkData:
    data = tiny_model_data(seed=seed)
    return BenchmarkData(name, data, KnownTruth.of_contributions(data.media), Config())


def _job(output: Path, seed: int = 7, settings: SamplerSettings = SETTINGS, runner: str = "pymc") -> Job:
    return plan_job(_data(seed=seed), runner, settings, {}, output)


def _program(code: str) -> Callable[[Path], list[str]]:
    return lambda folder: [sys.executable, "-c", code, str(folder)]


def _runs(output: Path) -> int:
    marks = output / "configured" / "runs.txt"
    return len(marks.read_text()) if marks.exists() else 0


def test_the_same_run_is_not_done_twice_unless_forced(tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    first, known = run_job(
        _job(tmp_path), tmp_path, 60, progress=lambda *said: heard.append(said), command=_program(GOOD)
    )
    assert (first.status, known, _runs(tmp_path)) == ("ok", False, 1)
    assert heard == [("sampling", 3, 10)]
    again, known = run_job(_job(tmp_path), tmp_path, 60, command=_program(GOOD))
    assert (known, _runs(tmp_path)) == (True, 1)
    assert again == first
    _, known = run_job(_job(tmp_path), tmp_path, 60, force=True, command=_program(GOOD))
    assert (known, _runs(tmp_path)) == (False, 2)


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"settings": dataclasses.replace(SETTINGS, draws=21)}], ids=["data", "settings"]
)
def test_other_data_or_settings_are_another_run(tmp_path: Path, change: dict[str, object]) -> None:
    run_job(_job(tmp_path), tmp_path, 60, command=_program(GOOD))
    _, known = run_job(_job(tmp_path, **change), tmp_path, 60, command=_program(GOOD))
    assert (known, _runs(tmp_path)) == (False, 2)


def test_other_versions_and_another_model_are_another_run(tmp_path: Path) -> None:
    job = _job(tmp_path)
    assert dataclasses.replace(job, versions={**job.versions, "jax": "0"}).key != job.key
    assert dataclasses.replace(job, spec=job.spec.replace("geometric", "binomial")).key != job.key
    assert _job(tmp_path).key == job.key


def test_a_worker_that_is_killed_is_recorded_and_tried_again(tmp_path: Path) -> None:
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    result, _ = run_job(_job(tmp_path), tmp_path, 60, command=_program(killed))
    assert result.status == "crashed"
    assert "out of memory" in result.reason
    assert stored_results(tmp_path)[0] == result
    result, known = run_job(_job(tmp_path), tmp_path, 60, command=_program(GOOD))
    assert (result.status, known) == ("ok", False)


def test_an_unexpected_error_is_recorded_with_its_last_line(tmp_path: Path) -> None:
    result, _ = run_job(_job(tmp_path), tmp_path, 60, command=_program("raise ValueError('no such thing')"))
    assert result.status == "crashed"
    assert "ValueError: no such thing" in result.reason


def test_a_worker_that_says_nothing_is_recorded(tmp_path: Path) -> None:
    result, _ = run_job(_job(tmp_path), tmp_path, 60, command=_program("pass"))
    assert result.status == "crashed"
    assert "No readable benchmark result" in result.reason


def test_what_takes_too_long_is_stopped_with_its_children_and_recorded(tmp_path: Path) -> None:
    slow = (
        "import subprocess, sys, time; from pathlib import Path\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "(Path(sys.argv[1]) / 'child').write_text(str(child.pid)); time.sleep(600)"
    )
    began = time.monotonic()
    result, _ = run_job(_job(tmp_path), tmp_path, 3, command=_program(slow))
    assert time.monotonic() - began < 60
    assert (result.status, result.timeout_seconds) == ("timeout", 3)
    child = int((_job(tmp_path).folder(tmp_path) / "child").read_text())
    for _ in range(600):
        if not _is_running(child):
            break
        time.sleep(0.1)
    assert not _is_running(child)
    _, known = run_job(_job(tmp_path), tmp_path, 3, command=_program(GOOD))
    assert known
    result, known = run_job(_job(tmp_path), tmp_path, 300, command=_program(GOOD))
    assert (result.status, known) == ("ok", False)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_real_worker_tells_why_it_cannot(tmp_path: Path) -> None:
    result, _ = run_one(_data(), "pymc_reference:nutpie", SETTINGS, tmp_path, 300)
    assert result.status == "failed"
    assert "nutpie is not installed" in result.reason


def test_a_peer_that_is_not_there_is_a_result(tmp_path: Path) -> None:
    result, known = run_one(_data(), "pymc_marketing:nutpie", SETTINGS, tmp_path, 300)
    assert (result.status, known) == ("failed", False)
    assert "benchmark.peer_python" in result.reason
    assert [stored.runner for stored in stored_results(tmp_path)] == ["pymc_marketing:nutpie"]


def test_an_interpreter_without_the_peer_is_a_result(tmp_path: Path) -> None:
    config = Config.model_validate({"benchmark": {"peer_python": sys.executable}})
    data = dataclasses.replace(_data(), config=config)
    result, _ = run_one(data, "pymc_marketing:nutpie", SETTINGS, tmp_path, 300)
    assert "has no pymc-marketing" in result.reason


def test_results_survive_the_disk_and_damage_is_refused(tmp_path: Path) -> None:
    row = {"geo": "a", "srmse": 0.5}
    result = RunResult("k", "d", "pymc", "ok", metrics={"x": 1.0, "y": None}, by_geo=(row,), by_channel=())
    result.save(tmp_path)
    assert RunResult.load(tmp_path) == result
    for damage in ("no json", "{}", "[]", json.dumps({"by_geo": [], "by_channel": []})):
        (tmp_path / "result.json").write_text(damage)
        with pytest.raises(StorageError, match="run the benchmark again"):
            RunResult.load(tmp_path)


def test_the_truth_of_earlier_data_does_not_stay(tmp_path: Path) -> None:
    data = tiny_model_data()
    truth = KnownTruth.of_contributions(data.media)
    for known in (truth, None):
        made = BenchmarkData("configured", data, known, Config())
        plan_job(made, "pymc", SETTINGS, {}, tmp_path)
        assert (tmp_path / "configured" / "truth.nc").exists() == (known is not None)
