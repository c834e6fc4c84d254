"""A folder of an object store is changed by names: only what is compared is read, only what is new is put."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from mmm_assets.resources.storage import mirrored, written_to
from mmm_core.reporting.outputs.keeping import keep


@pytest.fixture
def folder() -> UPath:
    place = UPath(f"memory://{uuid.uuid4().hex}/outputs")
    for name, content in (("tables/old_2024-01-01.csv", "old"), ("models/big.nc", "x" * 10_000), ("a.csv", "one")):
        place.fs.pipe_file(f"{place.path}/{name}", content.encode())
    return place


@pytest.fixture
def traffic(folder: UPath, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(get or put, name) of everything that moves."""
    seen: list[tuple[str, str]] = []

    def watched(name: str, remote: int) -> None:
        real = getattr(folder.fs, name)

        def call(*given: Any, **more: Any) -> Any:
            seen.append((name[:3], Path(given[remote]).name))
            return real(*given, **more)

        monkeypatch.setattr(folder.fs, name, call)

    watched("get_file", 0)
    watched("put_file", 1)
    return seen


def kept(folder: UPath, name: str, content: str) -> str:
    with mirrored(folder) as (local, fetch):
        return keep(local / name, lambda path: path.write_bytes(content.encode()), fetch=fetch).name


def test_a_new_file_is_put_and_nothing_is_read(folder: UPath, traffic: list[tuple[str, str]]) -> None:
    assert kept(folder, "b.csv", "two") == "b.csv"
    assert traffic == [("put", "b.csv")]
    assert (folder / "b.csv").read_text() == "two"


def test_what_is_there_is_read_only_if_it_may_be_the_same(folder: UPath, traffic: list[tuple[str, str]]) -> None:
    assert kept(folder, "a.csv", "one") == "a.csv"
    assert traffic == [("get", "a.csv")]
    traffic.clear()
    assert kept(folder, "a.csv", "longer") == "a_2.csv"
    assert traffic == [("put", "a_2.csv")]
    traffic.clear()
    assert kept(folder, "a.csv", "two") == "a_3.csv"
    assert traffic == [("get", "a.csv"), ("put", "a_3.csv")]
    assert [(folder / name).read_text() for name in ("a.csv", "a_2.csv", "a_3.csv")] == ["one", "longer", "two"]


def test_a_block_sees_names_and_sizes_and_what_it_removes_is_removed(
    folder: UPath, traffic: list[tuple[str, str]]
) -> None:
    with written_to(folder) as local:
        sizes = {file.name: file.stat().st_size for file in local.rglob("*") if file.is_file()}
        (local / "a.csv").unlink()
    assert sizes == {"old_2024-01-01.csv": 3, "big.nc": 10_000, "a.csv": 3}
    assert traffic == []
    assert not (folder / "a.csv").exists()
    assert (folder / "models" / "big.nc").read_text() == "x" * 10_000


def test_a_folder_of_this_machine_is_itself(tmp_path: Path) -> None:
    with mirrored(UPath(tmp_path)) as (local, fetch):
        (local / "a.csv").write_text("one")
        fetch(local / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "one"
