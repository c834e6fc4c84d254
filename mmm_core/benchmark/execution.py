"""Runs one after the other, each in a process of its own; what is known already is not run again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO

from mmm_core.benchmark.job import JOB, LOG, Job, RunResult, reusable
from mmm_core.errors import StorageError
from mmm_core.progress import Progress, silent
from mmm_core.storage import write_text

_MODULE = "mmm_core.benchmark.worker"
_LAST_CHARACTERS = 2000
Command = Callable[[Path], list[str]]
"""Folder of a run -> the program that makes its result."""


def worker_command(folder: Path) -> list[str]:
    """The worker under this interpreter."""
    return [sys.executable, "-m", _MODULE, str(folder)]


def run_job(
    job: Job,
    output: Path,
    timeout_seconds: float,
    force: bool = False,
    progress: Progress = silent,
    command: Command = worker_command,
) -> tuple[RunResult, bool]:
    """The result of a job, and whether it was there already.

    A crash, an error and a timeout are results too.

    Args:
        job: what is asked.
        output: folder of all runs.
        timeout_seconds: longest time; the worker and its children are then stopped.
        force: run even if the result is there.
        progress: told how far the fit is.
        command: what is started; tests put something else here.
    """
    known = None if force else reusable(job, output, timeout_seconds)
    if known is not None:
        return known, True
    folder = job.folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    write_text(folder / JOB, json.dumps(asdict(job), indent=1))
    code = run_program(command(folder), folder / LOG, timeout_seconds, progress)
    result = _result(job, folder, code, timeout_seconds)
    result.save(folder)
    return result, False


def run_program(arguments: list[str], log: Path, timeout_seconds: float, progress: Progress) -> int | None:
    """Run a program that says how far it is on standard output, one JSON list `[what, done, total]` per line.

    Args:
        arguments: the program and its arguments.
        log: file for its standard error.
        timeout_seconds: longest time; it and its children are then stopped.
        progress: told what it says.

    Returns:
        Exit code; None if it took too long.
    """
    with log.open("wb") as errors:
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace", start_new_session=True
        )
        listener = threading.Thread(target=_listen, args=(process.stdout, progress), daemon=True)
        listener.start()
        try:
            code = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _stop(process)
            listener.join(timeout=5)
            if process.stdout is not None:
                process.stdout.close()
        return code


def _stop(process: "subprocess.Popen[str]") -> None:
    """End the process and everything that it started (they are a session of their own)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _listen(stream: IO[str] | None, progress: Progress) -> None:
    """Pass progress on; other lines are what some library had to say."""
    for line in stream or ():
        with contextlib.suppress(ValueError, TypeError):
            what, done, total = json.loads(line)
            progress(str(what), int(done), int(total))


def _result(job: Job, folder: Path, code: int | None, timeout_seconds: float) -> RunResult:
    nothing = RunResult(job.key, job.dataset, job.runner, "crashed", settings=job.settings, versions=job.versions)
    if code is None:
        reason = f"Stopped after {timeout_seconds:g} s (benchmark.timeout_seconds)."
        return replace(nothing, status="timeout", reason=reason, timeout_seconds=timeout_seconds)
    if code == 0:
        try:
            return RunResult.load(folder)
        except StorageError as error:
            return replace(nothing, reason=str(error))
    return replace(nothing, reason=why_it_ended(code, folder / LOG))


def why_it_ended(code: int, log: Path) -> str:
    """A sentence on a program that ended without a result: its exit code or signal, and what it said last."""
    text = log.read_text(encoding="utf-8", errors="replace")[-_LAST_CHARACTERS:].strip()
    last = text.splitlines()[-1] if text else "nothing was said"
    why = f"signal {-code} ({_signal_hint(-code)})" if code < 0 else f"exit code {code}"
    return f"The run ended with {why}: {last}"


def _signal_hint(number: int) -> str:
    return "most likely out of memory" if number == signal.SIGKILL else signal.Signals(number).name
