"""Files that were cut off: made again where that gives the same, else one clear sentence."""

from pathlib import Path

import pytest

from mmm_assets.accepted import last_accepted_other
from mmm_assets.damage import is_whole
from mmm_assets.resources.project import Project
from tests.assets import projects
from tests.faults import commands
from tests.faults.commands import cut

BEHIND_THE_FIT = ("contributions.parquet", "evaluation.json", "posterior.nc", "budget_plan.parquet")


def _assets(project: Project) -> list[Path]:
    return sorted(path for path in (project.storage / "assets").rglob("*") if path.is_file())


def _values(project: Project) -> dict[str, bytes]:
    """What other tools read; times of fitting differ from fit to fit."""
    return {path.name: path.read_bytes() for path in sorted(project.exports.glob("*.csv"))}


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.98])
def test_every_stored_file_that_is_cut_off_is_noticed(project: Project, share: float) -> None:
    files = _assets(project)
    assert {path.suffix for path in files} == {".parquet", ".nc", ".json"}
    assert all(is_whole(path) for path in files)
    for path in files:
        cut(path, share)
    assert not [path.name for path in files if is_whole(path)]


def test_damaged_assets_are_made_again_and_nothing_else_of_their_kind(project: Project) -> None:
    before, kept = _values(project), project.assets / "clean_panel" / "geo=Geo1" / "part.parquet"
    stamp = kept.stat().st_mtime_ns
    for name in ("raw_panel/geo=Geo0/part.parquet", "features/geo=Geo0/part.parquet", "model_data.nc"):
        cut(project.assets / name)
    (snapshot,) = project.snapshots.iterdir()
    cut(snapshot)
    outcome = projects.run(project)
    assert not outcome.stops
    assert {("raw_panel", "Geo0"), ("features", "Geo0"), ("model_data", None)} <= set(outcome.made)
    assert ("posterior", None) in outcome.kept
    assert kept.stat().st_mtime_ns == stamp
    assert _values(project) == before


def test_a_damaged_fit_is_made_again_with_the_same_draws(project: Project) -> None:
    before = _values(project)
    for name in BEHIND_THE_FIT:
        cut(project.assets / name)
    cut(project.storage / "accepted" / "current.nc")
    checkpoint = project.checkpoint / "chain-0.npz"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_bytes(b"")
    (checkpoint.parent / "chain-1.npz").write_bytes(b"PK\x03\x04 cut off")
    outcome = projects.run(project)
    assert not outcome.stops
    assert ("posterior", None) in outcome.made
    assert _values(project) == before
    assert is_whole(project.storage / "accepted" / "current.nc")


@pytest.mark.parametrize(
    ("name", "asset", "geo"),
    [
        ("posterior.nc", "contributions", None),
        ("model_data.nc", "exploration", None),
        ("evaluation.json", "model_verdict", None),
        ("raw_panel/geo=Geo0/part.parquet", "clean_panel", "Geo0"),
    ],
)
def test_a_run_of_one_asset_in_the_ui_says_which_input_to_make_again(
    project: Project, name: str, asset: str, geo: str | None
) -> None:
    cut(project.assets / name)
    text = _reason(project, asset, geo)
    damaged = name.partition("/")[0].partition(".")[0]
    assert str(project.assets / name) in text
    assert f"materialize {damaged}" in text


def test_a_damaged_snapshot_is_told(project: Project) -> None:
    (snapshot,) = project.snapshots.iterdir()
    cut(snapshot)
    assert "materialize source_snapshot again" in _reason(project, "raw_panel", "Geo0")


def test_a_damaged_accepted_fit_is_told_and_replaced(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    cut(project.storage / "accepted" / "current.nc")
    assert last_accepted_other(project, "another") is None
    assert "cannot be read" in caplog.text


def test_a_source_that_is_cut_off_is_named(project: Project, tmp_path: Path) -> None:
    import pandas as pd

    panel = tmp_path / "panel.parquet"
    pd.read_csv(projects.panel_of(project)).to_parquet(panel)
    cut(panel)
    broken = projects.load(project.loaded.path, f"ingest.path={panel}")
    before = commands.hashes(broken.exports)
    (stop,) = projects.run(broken).stops
    assert stop.kind == "input"
    assert "panel.parquet" in stop.message
    assert "Traceback" not in stop.message
    assert commands.hashes(broken.exports) == before


def _reason(project: Project, asset: str, geo: str | None) -> str:
    """What the run of one asset says, as the UI shows it."""
    from mmm_assets.assembly import build_definitions
    from mmm_assets.instance import open_instance

    with open_instance(project) as instance:
        result = projects.quiet_run(build_definitions(project), instance, asset, geo=geo)
    assert not result.success
    errors = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "\n".join(
        [projects.reason(result), *(error.error.to_string() for error in errors if error.error is not None)]
    )
