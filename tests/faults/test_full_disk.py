"""No room on the disk: whoever writes says so in one sentence, and what was there is still there."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_core.errors import TrackingError
from tests.assets import projects
from tests.faults import commands

_EVERY_WRITER = r"""
import json, resource, sys
from pathlib import Path
import dagster as dg
from mmm_assets.assembly import build_definitions
from mmm_assets.instance import prepare_instance
from mmm_assets.partitions import partitions_name
from tests.assets import projects

project = projects.load(Path(sys.argv[1]))
definitions = build_definitions(project)
instance = dg.DagsterInstance.ephemeral()
geos = list(projects.GEOS)
instance.add_dynamic_partitions(partitions_name(project.config.project.name), geos)
graph = definitions.resolve_asset_graph()
largest = resource.getrlimit(resource.RLIMIT_FSIZE)
found = {}
for name in sys.argv[3:]:
    partitioned = graph.get(dg.AssetKey(name)).is_partitioned
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), largest[1]))
    try:
        result = projects.quiet_run(definitions, instance, name, geo=geos[0] if partitioned else None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, largest)
    errors = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    found[name] = [result.success, projects.reason(result) + "".join(error.error.to_string() for error in errors)]
print(json.dumps(found))
"""
"""Makes assets while no file of this process may become longer than some bytes; the history is in memory."""
WRITERS = (
    *("source_snapshot", "raw_panel", "features", "model_data", "exploration", "contributions"),
    *(
        "evaluation",
        "model_verdict",
        "report",
        "exports",
        "deck",
        "dashboard_exports",
        "geo_reports",
        "dated_outputs",
    ),
)


def _materialized(project: Project, limit: int, *assets: str) -> tuple[dict[str, tuple[bool, str]], str]:
    """Asset -> whether it was made, and what was said if not; and what the process wrote to standard error.

    Args:
        project: whose assets.
        limit: how long files may become (bytes).
        assets: what to make, one after the other.
    """
    answer = subprocess.run(
        [sys.executable, "-c", _EVERY_WRITER, str(project.loaded.path), str(limit), *assets],
        cwd=commands.ROOT,
        env=commands.clean_environment(),
        capture_output=True,
        text=True,
        timeout=commands.SECONDS,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    return json.loads(answer.stdout.splitlines()[-1]), answer.stderr


def test_every_writer_says_that_there_is_no_room_and_leaves_what_was_there(project: Project) -> None:
    (snapshot,) = project.snapshots.iterdir()
    snapshot.unlink()  # it is written only where it is missing
    shutil.rmtree(project.storage / "outputs")  # likewise
    shutil.rmtree(project.storage / "accepted")
    folders = (project.storage / "assets", project.exports)
    found, _ = _materialized(project, 64, WRITERS[0])
    success, text = found[WRITERS[0]]
    assert not success
    assert "cannot be written to" in text
    assert not projects.run(project, stages=["ingest"]).stops
    before = [commands.hashes(folder) for folder in folders]
    found, _ = _materialized(project, 64, *WRITERS[1:])
    assert found.keys() == set(WRITERS[1:])
    for name, (success, text) in found.items():
        assert not success, name
        assert "cannot be written" in text, (name, text[-2000:])
        assert "ree some space" in text, name
    assert [commands.hashes(folder) for folder in folders] == before
    assert not commands.temporary_files(project)


def _may_mount() -> bool:
    """Whether this machine lets tests have a small disk of their own."""
    with tempfile.TemporaryDirectory() as folder:
        return os.geteuid() == 0 and _mounted(folder, "64k") and _unmounted(folder)


def _mounted(folder: str, size: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
    return subprocess.run(command, capture_output=True).returncode == 0


def _unmounted(folder: str) -> bool:
    return subprocess.run(["umount", "-l", folder], capture_output=True).returncode == 0


@contextmanager
def _no_room(project: Project, way: str) -> Iterator[str]:
    """Until the end of the block nothing can be written to the storage; what a process that tries runs first."""
    if way == "limit":
        yield "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))"
        return
    storage, aside = project.storage, project.storage.with_name("aside")
    storage.rename(aside)
    storage.mkdir()
    used = sum(path.stat().st_size + 8192 for path in aside.rglob("*"))
    assert _mounted(str(storage), str(2 * used))
    try:
        shutil.copytree(aside, storage, dirs_exist_ok=True)
        filler = storage / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        yield ""
        filler.unlink()
        shutil.rmtree(aside)
        shutil.copytree(storage, aside)
    finally:
        _unmounted(str(storage))
        storage.rmdir()
        aside.rename(storage)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["limit", *(["tmpfs"] if _may_mount() else [])])
def test_a_command_on_a_full_disk_says_so_and_the_next_one_succeeds(project: Project, way: str) -> None:
    exports = commands.hashes(project.exports)
    with _no_room(project, way) as before:
        command = commands.run(project, "report", before=before)
        assert command.process.returncode == 1, command.said[-3000:]
        assert commands.hashes(project.exports) == exports
    commands.is_clear(command, "Free some space", "paths.storage")
    assert commands.hashes(project.exports) == exports
    assert not commands.temporary_files(project)
    outcome = projects.run(project, stages=["report"])
    assert not outcome.stops
    assert ("posterior", None) in outcome.kept
    assert "STARTED" not in commands.dagster_statuses(project)


@pytest.mark.slow
def test_a_fit_that_finds_no_room_is_told_and_the_next_one_is_stored(finished: Project, tmp_path: Path) -> None:
    many = {**finished.config.training.model_dump(exclude_unset=True), "draws": 4000}
    project = commands.own_copy(finished, tmp_path, training=many)
    limit = (project.work / "mlflow.db").stat().st_size + 2**18
    before = commands.hashes(project.assets)
    found, said = _materialized(project, limit, "posterior")
    success, text = found["posterior"]
    assert not success
    assert f"posterior.nc cannot be written to {project.assets}" in text
    assert "The fit is finished, but its MLflow run" in said
    assert commands.hashes(project.assets) == before
    assert not commands.temporary_files(project)
    again = projects.run(project, stages=["train"])
    assert not again.stops
    assert ("posterior", None) in again.made
    assert (project.assets / "posterior.nc").stat().st_size > limit


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process may become longer during the block (bytes)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_an_artifact_for_which_mlflow_has_no_room_is_told_and_nothing_of_it_stays(tmp_path: Path) -> None:
    tracker = Tracker(
        f"sqlite:///{tmp_path / 'mlflow.db'}", "tests", (tmp_path / "artifacts").as_uri(), tmp_path / "lock"
    )
    large = tmp_path / "large.nc"
    large.write_bytes(b"x" * 2**23)
    with tracker.run("fit", {}) as run:
        with _files_of_at_most(2**22), pytest.raises(TrackingError, match="its disk is full: free some space"):
            run.log_file(large)
        run.log_bytes(b"small", "small.txt")
    assert [path.name for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == ["small.txt"]
    with tracker.run("fit", {}) as again:
        again.log_file(large)
    (stored,) = (tmp_path / "artifacts").rglob("large.nc")
    assert stored.read_bytes() == large.read_bytes()
