import hashlib
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from mmm_core.data.sources.address import display_name
from mmm_core.data.sources.file import read_file
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import DataError, UnreachableError
from tests.local_server import Answer, LocalServer, in_turn, storage

CSV = b"geo,time,x\nN,2023-01-02,1\nN,2023-01-09,2\n"


def read(path: Path | str, how: Transfer, *text_columns: str) -> SourceTable:
    return read_file(str(path), Layout(text_columns=frozenset(text_columns)), how)


@pytest.mark.parametrize("form", ["{path}", "file://{path}"])
def test_local_file_is_read_by_path_and_by_url(tmp_path: Path, how: Transfer, form: str) -> None:
    path = tmp_path / "söurce data [1].csv"
    path.write_bytes(CSV)
    table = read(form.format(path=path), how, "geo", "time")
    assert table.content_hash == hashlib.sha256(CSV).hexdigest()
    assert table.frame["x"].tolist() == [1, 2]
    assert table.frame["time"].tolist() == ["2023-01-02", "2023-01-09"]
    assert table.truth is None
    assert table.notes == ()


@pytest.mark.parametrize("name", ["missing.csv", "no/such/folder.csv"])
def test_missing_file_is_refused_by_name(tmp_path: Path, how: Transfer, name: str) -> None:
    with pytest.raises(DataError, match=rf"{name} does not exist; set ingest\.path"):
        read(tmp_path / name, how)


def test_folder_without_parquet_and_unknown_protocol_are_refused(tmp_path: Path, how: Transfer) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    with pytest.raises(DataError, match=r"is a folder without Parquet files.*/\*\.csv"):
        read(tmp_path, how)
    with pytest.raises(DataError, match=r"nosuch://x/y\.csv cannot be opened: nosuch is no protocol"):
        read("nosuch://x/y.csv", how)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("s3://bucket/x.csv", "s3fs", "s3"),
        ("gs://bucket/x.csv", "gcsfs", "gcs"),
        ("az://box/x.csv", "adlfs", "azure"),
    ],
)
def test_missing_package_of_a_store_is_named_with_its_extra(
    how: Transfer, monkeypatch: pytest.MonkeyPatch, url: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=rf"pip install -e '\.\[{extra}\]'"):
        read(url, how)


def test_pattern_puts_files_below_each_other_in_sorted_order(tmp_path: Path, how: Transfer) -> None:
    (tmp_path / "b.csv").write_text("x,geo\n3,7\n4,a\n")
    (tmp_path / "a.csv").write_text("geo,x\n007,1\n\n8,2\n")
    (tmp_path / ".hidden.csv").write_text("nothing")
    table = read(tmp_path / "*.csv", how)
    assert list(table.frame.columns) == ["geo", "x", "source_row"]
    # Text in one file is text in all, as it is written.
    assert table.frame["geo"].tolist() == ["007", "8", "7", "a"]
    assert table.frame["x"].tolist() == [1, 2, 3, 4]
    assert table.frame["source_row"].tolist() == [2, 4, 6, 7]
    assert "a.csv 2 to 4, " in table.notes[0]
    assert "b.csv 6 to 7." in table.notes[0]


def test_column_without_values_in_one_file_stays_a_number(tmp_path: Path, how: Transfer) -> None:
    (tmp_path / "a.csv").write_text("geo,x\nN,1\n")
    (tmp_path / "b.csv").write_text("geo,x\nN,\n")
    assert read(tmp_path / "*.csv", how).frame["x"].fillna(-1).tolist() == [1, -1]


def test_pattern_without_files_or_with_other_columns_is_refused(tmp_path: Path, how: Transfer) -> None:
    with pytest.raises(DataError, match=r"fits no file; set ingest\.path"):
        read(tmp_path / "*.csv", how)
    (tmp_path / "a.csv").write_text("geo,x\nN,1\n")
    (tmp_path / "b.csv").write_text("geo,y\nN,1\n")
    with pytest.raises(DataError, match=r"b\.csv lacks x and also has y, unlike .*a\.csv"):
        read(tmp_path / "*.csv", how)


def partitioned(folder: Path) -> pd.DataFrame:
    frame = pd.DataFrame({"geo": ["Köln/Süd", "Köln/Süd", "7"], "x": [1.0, 2.0, 3.0]})
    frame.to_parquet(folder, partition_cols=["geo"])
    (folder / "_SUCCESS").touch()
    return frame


def test_folder_of_partitioned_parquet_is_one_table(tmp_path: Path, how: Transfer) -> None:
    frame = partitioned(tmp_path / "data")
    table = read(tmp_path / "data", how, "geo")
    assert sorted(zip(table.frame["geo"], table.frame["x"], strict=True)) == sorted(
        zip(frame["geo"], frame["x"], strict=True)
    )
    assert table.frame["source_row"].is_unique


def test_content_of_a_folder_is_the_same_wherever_it_lies(tmp_path: Path, how: Transfer) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name / "geo=N"
        folder.mkdir(parents=True)
        pd.DataFrame({"x": [1.0]}).to_parquet(folder / f"{name}.parquet")
    hashes = {read(tmp_path / name, how).content_hash for name in ("one", "two")}
    assert len(hashes) == 1
    (tmp_path / "two" / "geo=N").rename(tmp_path / "two" / "geo=S")
    assert read(tmp_path / "two", how).content_hash not in hashes


def test_partition_that_contradicts_the_file_is_refused(tmp_path: Path, how: Transfer) -> None:
    folder = tmp_path / "geo=N"
    folder.mkdir()
    pd.DataFrame({"geo": ["S"], "x": [1.0]}).to_parquet(folder / "a.parquet")
    with pytest.raises(DataError, match="folder geo=N, but its column geo has other values"):
        read(tmp_path, how)


@pytest.fixture
def store() -> Iterator[str]:
    """A folder of an object store: fsspec's own, in memory."""
    root = f"/{uuid.uuid4().hex}"
    filesystem = fsspec.filesystem("memory")
    filesystem.makedirs(root)
    yield f"memory:/{root}"
    filesystem.rm(root, recursive=True)


def put(url: str, content: bytes) -> None:
    with fsspec.open(url, "wb") as file:
        file.write(content)


def test_file_in_a_store_is_read_and_kept_until_it_changes(store: str, how: Transfer) -> None:
    url = f"{store}/a.csv"
    put(url, CSV)
    first = read(url, how)
    assert first.content_hash == hashlib.sha256(CSV).hexdigest()
    assert read(url, how).content_hash == first.content_hash
    put(url, CSV + b"N,2023-01-16,3\n")
    assert len(read(url, how).frame) == 3


def test_folder_and_pattern_in_a_store(store: str, how: Transfer, tmp_path: Path) -> None:
    for name, value in (("N", 1.0), ("S", 2.0)):
        pd.DataFrame({"x": [value]}).to_parquet(tmp_path / "part.parquet")
        put(f"{store}/geo={name}/part.parquet", (tmp_path / "part.parquet").read_bytes())
    for path in (store, f"{store}/geo=*/*.parquet"):
        frame = read(path, how, "geo").frame
        assert frame["geo"].tolist() == ["N", "S"]
        assert frame["x"].tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="fits no file"):
        read(f"{store}/*.csv", how)
    with pytest.raises(DataError, match="does not exist"):
        read(f"{store}/missing.csv", how)


@pytest.fixture
def bucket(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """The local server as an S3 service, for the real client."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    yield server
    s3fs.S3FileSystem.clear_instance_cache()


def test_object_in_s3_is_read_once_until_it_changes(bucket: LocalServer, how: Transfer) -> None:
    bucket.scripts["/bucket/x.csv"] = storage(CSV)
    for _ in range(2):
        assert read("s3://bucket/x.csv", how).content_hash == hashlib.sha256(CSV).hexdigest()
    assert [seen.method for seen in bucket.requests("/bucket/x.csv")].count("GET") == 1
    bucket.scripts["/bucket/x.csv"] = storage(CSV + b"N,2023-01-16,3\n")
    assert len(read("s3://bucket/x.csv", how).frame) == 3


def test_refusal_of_s3_is_explained(bucket: LocalServer, how: Transfer) -> None:
    bucket.scripts["/bucket/x.csv"] = in_turn(Answer(403))
    with pytest.raises(DataError, match=r"s3://bucket/x\.csv may not be read") as caught:
        read("s3://bucket/x.csv", how)
    assert not isinstance(caught.value, UnreachableError)


def test_store_without_an_account_says_so(how: Transfer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT_NAME", "CONNECTION_STRING"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    with pytest.raises(DataError, match=r"the az client lacks its account or credentials"):
        read("az://box/x.csv", how)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("https://me:secret@host:8080/a b/x.csv?sig=secret#secret", "https://host:8080/a b/x.csv"),
        ("zip://a.csv::https://me:secret@host/x.zip?sig=secret", "zip://a.csv::https://host/x.zip"),
        ("s3://bucket/x.csv", "s3://bucket/x.csv"),
        ("data/100%?.csv", "data/100%?.csv"),
    ],
)
def test_shown_name_has_no_secrets(path: str, shown: str) -> None:
    assert display_name(path) == shown
