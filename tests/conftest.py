"""What tests of several packages share."""

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mmm_assets.resources.project import Project

_WITH_DAGSTER = (
    "assets",
    "cli",
    "automation",
    "deployment",
    "end_to_end",
    "faults",
    "security",
    "serving",
)
_FROM_LIBRARIES = ("ignore:The ``noload`` loader strategy is deprecated",)
"""Warnings that libraries cause among themselves (MLflow's own queries) and that are not ours to mend."""


_LONGEST_FIRST = (
    "end_to_end/test_operations.py",
    "model/backends/meridian/test_backend.py",
    "faults/",
    "model/backends/test_agreement.py",
    "security/test_planted_secrets.py",
    "deployment/",
    "serving/",
    "assets/",
    "automation/",
    "benchmark/",
    "model/backends/",
    "stability/",
)
"""Where the processor time is: the last files that two workers take up should be short ones."""
_JAX_KEEPS = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def pytest_configure(config: pytest.Config) -> None:
    """Compile each JAX program once for all workers and for the processes that tests start.

    Workers take their environment from the process that starts them.  A program that one of them reads while
    another writes it costs a warning and a compilation.
    """
    config.addinivalue_line("filterwarnings", "ignore:Error (reading|writing) persistent compilation cache")
    if config.getoption("numprocesses", None):
        os.environ.update({name: "1" for name in _ONE_THREAD if name not in os.environ})
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="compiled-for-tests-")
        os.environ.update({"JAX_COMPILATION_CACHE_DIR": folder, **_JAX_KEEPS})
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def _rank(item: pytest.Item) -> int:
    """Place of its file among the long ones."""
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return next((rank for rank, start in enumerate(_LONGEST_FIRST) if path.startswith(start)), len(_LONGEST_FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; ignore warnings among libraries where Dagster and MLflow are at work."""
    items.sort(key=_rank)
    folders = [Path(__file__).parent / name for name in _WITH_DAGSTER]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            for rule in _FROM_LIBRARIES:
                item.add_marker(pytest.mark.filterwarnings(rule))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Of the whole run, say which files took longest, so that the list above can follow."""
    if not config.getoption("numprocesses", None):
        return
    seconds: Counter[str] = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    terminalreporter.section(f"seconds by file, {sum(seconds.values()):.0f} in all")
    for path, spent in seconds.most_common(60):
        terminalreporter.write_line(f"{spent:7.1f}  {path}")


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """What a command puts into the environment is for its own child processes."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _no_instance_of_another_test() -> None:
    """Dagster remembers the last instance that was entered; where a test has ended early it is gone by now."""
    if remembered := sys.modules.get("dagster._core.storage.defs_state.base"):
        remembered._current_storage.set(None)


@pytest.fixture(autouse=True)
def _captured_output_stays_open() -> None:
    """Keep absl, where it is loaded, from closing the file that pytest captures standard error in.

    Its handler closes its stream with itself unless that is standard error at that moment; where a command is
    tried, standard error is another one, and whoever configures logging there closes all handlers.
    """
    if absl := sys.modules.get("absl.logging"):
        absl.get_absl_handler().python_handler.setStream(sys.__stderr__)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> "Project":
    """A tiny project with a file as source, whose every stage has run; do not write to it.

    The first worker that needs it makes it, and each has a copy: sqlite writes where it only reads.
    """
    from tests.assets import projects

    def made(folder: Path) -> "Project":
        panel = projects.write_panel(folder)
        return projects.load(projects.write_config(folder, projects.settings(folder, panel)))

    original = projects.once_for_all_workers(tmp_path_factory, "finished_once", made)
    return projects.copied(original, tmp_path_factory.mktemp("finished"))
