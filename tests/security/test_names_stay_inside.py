"""Names of geos, channels, splits and scenarios come from data: none of them leads out of the storage folder."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from mmm_assets.io_managers import io_managers
from mmm_assets.stages.backtest import _note_seconds
from mmm_core.reporting.geo_pages import geo_page_names
from mmm_core.reporting.outputs.naming import slug, unique_slugs
from tests.assets.projects import edit, load, run, settings, write_config, write_panel

HOSTILE = [
    "../../evil",
    "/etc/evil",
    "..",
    ".",
    "a/../../../evil",
    "..\\..\\evil",
    "~/evil",
    "C:\\evil",
    "%2e%2e%2fevil",
]
NAMES = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
)


def is_inside(path: Path, folder: Path) -> bool:
    return Path(os.path.normpath(path)).is_relative_to(folder) and Path(os.path.normpath(path)) != folder


@given(NAMES)
def test_stored_values_stay_inside(name: str) -> None:
    base = UPath("/storage/assets")
    for asset in ("features", "backtest"):
        path = Path(str(io_managers(base)["parquet"].path_of(asset, name)))
        assert is_inside(path, Path("/storage/assets") / asset)
        assert len(path.parts) == 6


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
def test_pages_and_dated_files_are_single_names(names: list[str]) -> None:
    files = [*geo_page_names(names).values(), *unique_slugs(names).values(), *map(slug, names)]
    for file in files:
        assert "/" not in file
        assert "\\" not in file
        assert file.strip(".")
    assert len(set(geo_page_names(names).values())) == len(names)


@pytest.mark.parametrize("channel", HOSTILE)
def test_what_a_backtest_notes_stays_inside(channel: str, tmp_path: Path) -> None:
    place = tmp_path / "one" / "two" / "three" / "place"
    _note_seconds(place, f"platform_without_{channel}", 1.0)
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {place}


def test_geos_with_hostile_names_write_into_the_storage_only(tmp_path: Path) -> None:
    def renamed(frame: pd.DataFrame) -> pd.DataFrame:
        names = dict(zip(frame["geo"].unique(), ["../../../evil", "/tmp/evil"], strict=True))  # noqa: S108
        return frame.assign(geo=frame["geo"].map(names))

    home = tmp_path / "a" / "b"
    home.mkdir(parents=True)
    panel = edit(write_panel(tmp_path), home / "hostile.csv", renamed)
    values = settings(home, panel)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    outcome = run(load(write_config(home, values)), ["ingest"])
    assert not outcome.stops
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before - {home / "project.yaml"}
    assert new
    assert all(path.is_relative_to(home / "storage") for path in new)
    assert not list(Path(tmp_path.anchor, "tmp").glob("evil*"))
