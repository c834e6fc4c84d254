import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mmm_core.config.ingest import KaggleConfig
from mmm_core.data.sources.kaggle import fetch_kaggle, kaggle_signs
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import DataError, UnreachableError
from tests.local_server import Answer, LocalServer, as_json, in_turn, redirect, storage

CSV = b"geo,time,x\n" + b"N,2023-01-02,1\n" * 1000
ABOUT = "/api/v1/datasets.DatasetApiService/GetDataset"
DOWNLOAD = "/api/v1/datasets.DatasetApiService/DownloadDataset"
ONE = KaggleConfig(dataset="owner/name", file="data.csv")


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def service(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LocalServer:
    """kagglehub's own client, led to a local server."""
    from kagglesdk import kaggle_env

    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, server.address)
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", "kaggle-key")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    server.scripts[ABOUT] = in_turn(as_json({"currentVersionNumber": 3, "ref": "owner/name"}))
    server.scripts[DOWNLOAD] = in_turn(redirect(server.url("/store/data.csv"), 302))
    server.scripts["/store/data.csv"] = storage(CSV)
    return server


def test_file_of_the_newest_version_is_fetched_once(service: LocalServer, how: Transfer) -> None:
    told: list[tuple[int, int]] = []
    how = Transfer(how.retries, how.folder, lambda what, done, total: told.append((done, total)))
    for _ in range(2):
        file = fetch_kaggle(ONE, how)
    assert file.path.read_bytes() == CSV
    assert file.path.is_relative_to(how.folder)
    assert file.origin == "Kaggle dataset owner/name, file data.csv"
    assert len(service.requests("/store/data.csv")) == 1
    assert b"data.csv" in service.requests(DOWNLOAD)[0].body
    assert told[-1] == (len(CSV), len(CSV))


def test_new_version_is_fetched(service: LocalServer, how: Transfer) -> None:
    fetch_kaggle(ONE, how)
    before = kaggle_signs(ONE, how)
    service.scripts[ABOUT] = in_turn(as_json({"currentVersionNumber": 4}))
    service.scripts["/store/data.csv"] = storage(CSV + b"N,2023-01-09,2\n")
    assert len(fetch_kaggle(ONE, how).path.read_bytes()) > len(CSV)
    assert kaggle_signs(ONE, how) != before


def test_given_version_needs_no_question(service: LocalServer, how: Transfer) -> None:
    settings = KaggleConfig(dataset="owner/name/versions/2")
    assert fetch_kaggle(settings, how, "data.csv").path.read_bytes() == CSV
    assert kaggle_signs(settings, how) == ["kaggle owner/name/versions/2"]
    assert not service.requests(ABOUT)


def test_only_table_of_a_dataset_is_taken(service: LocalServer, how: Transfer) -> None:
    settings = KaggleConfig(dataset="owner/name")
    service.scripts["/store/data.csv"] = storage(archive(**{"a.csv": CSV, "readme.md": b"text"}))
    assert fetch_kaggle(settings, how).name == "a.csv"


def test_several_tables_are_listed(service: LocalServer, how: Transfer) -> None:
    service.scripts["/store/data.csv"] = storage(archive(**{"a.csv": CSV, "b.csv": CSV}))
    with pytest.raises(DataError, match=r"has 2 tables; set ingest\.kaggle\.file to one of: a\.csv, b\.csv"):
        fetch_kaggle(KaggleConfig(dataset="owner/name"), how)


def test_truncated_download_is_repeated(service: LocalServer, how: Transfer) -> None:
    service.scripts["/store/data.csv"] = storage(CSV, cuts=(5000,))
    assert fetch_kaggle(ONE, how).path.read_bytes() == CSV


def test_trouble_passes_or_is_unreachable(service: LocalServer, how: Transfer) -> None:
    service.scripts[ABOUT] = in_turn(Answer(503), Answer(429), as_json({"currentVersionNumber": 3}), Answer(503))
    assert fetch_kaggle(ONE, how).path.read_bytes() == CSV
    with pytest.raises(
        UnreachableError, match=r"Kaggle dataset owner/name, file data.csv could not be fetched in 5"
    ):
        fetch_kaggle(ONE, how)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "may not be read.*KAGGLE_USERNAME"),
        (403, "may not be read"),
        (404, "does not exist"),
        (400, "answered 400"),
    ],
)
def test_refusals_are_explained(service: LocalServer, how: Transfer, status: int, message: str) -> None:
    service.scripts[ABOUT] = in_turn(as_json({"code": status, "message": "no"}, status))
    with pytest.raises(DataError, match=message) as caught:
        fetch_kaggle(ONE, how)
    assert not isinstance(caught.value, UnreachableError)
    assert "kaggle-key" not in str(caught.value)
    assert len(service.requests(ABOUT)) == 1


def test_missing_package_is_named(how: Transfer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(DataError, match=r"needs the extra `kaggle`: run `pip install"):
        fetch_kaggle(ONE, how)


def test_nothing_is_printed(service: LocalServer, how: Transfer, capfd: Any) -> None:
    fetch_kaggle(ONE, how)
    written = capfd.readouterr()
    assert written.out == ""
    assert written.err == ""
