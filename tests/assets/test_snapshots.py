"""Snapshots are named by what is in them, never written twice, and never taken for something else."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mmm_assets.resources.project import Project
from mmm_assets.snapshots import stored_source
from mmm_assets.stages.ingest import take_snapshot
from mmm_core.errors import StorageError
from tests.assets import projects
from tests.panels import SECTION, source_rows


def _project(folder: Path, panel: Path, **data: Any) -> Project:
    values = projects.settings(folder, panel, data=SECTION | data)
    return projects.load(projects.write_config(folder, values))


def _panel(path: Path) -> Path:
    frames = [source_rows(20, geo, seed=n) for n, geo in enumerate(("007", "NA"))]
    pd.concat(frames, ignore_index=True).to_csv(path, index=False)
    return path


def test_the_same_content_under_another_name_is_the_same_snapshot(tmp_path: Path) -> None:
    panel = _panel(tmp_path / "panel.csv")
    first, _ = take_snapshot(_project(tmp_path, panel))
    written = Path(first["snapshot"]).stat()
    other = tmp_path / "other.csv"
    other.write_bytes(panel.read_bytes())
    again, _ = take_snapshot(_project(tmp_path, other))
    assert {**again, "origin": ""} == {**first, "origin": ""}
    assert Path(again["snapshot"]).stat() == written
    assert len(list(Path(first["snapshot"]).parent.iterdir())) == 1


def test_other_rows_are_another_snapshot_and_the_old_one_stays(tmp_path: Path) -> None:
    panel = _panel(tmp_path / "panel.csv")
    first, _ = take_snapshot(_project(tmp_path, panel))
    before = Path(first["snapshot"]).read_bytes()
    lines = panel.read_text().splitlines(keepends=True)
    panel.write_text("".join([lines[0], *reversed(lines[1:])]))
    second, _ = take_snapshot(_project(tmp_path, panel))
    assert second["content_hash"] != first["content_hash"]
    assert Path(first["snapshot"]).read_bytes() == before


def test_the_same_bytes_with_other_keys_are_read_as_those_keys(tmp_path: Path) -> None:
    """Without the key, 007 is a number and NA is missing; with it, both are names."""
    panel = _panel(tmp_path / "panel.csv")
    national, _ = take_snapshot(_project(tmp_path, panel, keys=[]))
    project = _project(tmp_path, panel)
    by_geo, _ = take_snapshot(project)
    assert (list(national["geos"]), list(by_geo["geos"])) == (["national"], ["007", "NA"])
    assert set(stored_source(by_geo, project).frame["region"]) == {"007", "NA"}


def test_a_damaged_snapshot_is_named(tmp_path: Path) -> None:
    project = _project(tmp_path, _panel(tmp_path / "panel.csv"))
    record, _ = take_snapshot(project)
    path = Path(record["snapshot"])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StorageError, match="is damaged"):
        stored_source(record, project)
