"""Starts processes of Dagster runs by forking: whoever has imported what a run needs takes no start-up time.

One line of JSON on standard input (`dagster._grpc.types.ExecuteRunArgs`) is one run; the answer is the number of
the process that executes it.  The process ends when its standard input does; runs that are going on go on.  The
project's configuration is read by each run, not here.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

PRELOADED = (
    "dagster._cli.api",
    "mmm_assets.assembly",
    "mmm_core.intake.geo",
    "pandera.pandas",
    "pyarrow.parquet",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "h5netcdf",
)
"""What the runs of single geos import; nothing that starts threads (JAX), which a fork would not survive."""
READY = "ready"


def serve() -> None:
    """Answer requests until there are no more."""
    for name in PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the runs
    _say(READY)
    for request in sys.stdin:
        process = os.fork()
        if process == 0:
            _execute(request)
        _say(str(process))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _execute(request: str) -> None:
    """The run, in the forked process, which then ends."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _close_requests()
        code = _run(request)
    finally:
        sys.stderr.flush()
        os._exit(code)


def _close_requests() -> None:
    """The requests and answers are the server's; what a run prints goes where errors go."""
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)


def _run(request: str) -> int:
    from dagster._cli.api import execute_run_command

    try:
        execute_run_command.main([request.strip()], standalone_mode=False)
    except SystemExit as over:
        return over.code if isinstance(over.code, int) else 1
    return 0


if __name__ == "__main__":
    serve()
