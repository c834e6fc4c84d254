"""Results in an object store: an S3 server on this machine, read by other tools; and every way to be refused."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
import pyarrow.fs as arrow
import pytest
from s3fs import S3FileSystem
from typer.testing import CliRunner
from upath import UPath

from mmm_assets.cli import BAD_INPUT, app
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import open_storage, publish, require_writable, written_to
from mmm_core.errors import ConfigError, StoreUnusableError
from tests.assets import projects
from tests.deployment.s3_server import KEYS, Server, s3_server

BUCKET = "tests"
NEVER = 10**9
ALL_FILES = {"executive_deck": True, "dashboard_exports": True, "geo_reports": True, "dated_outputs": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with s3_server() as found:
        yield found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (KEYS | {"AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # clients keep the credentials that they were made with


def paths(server: Server, folder: Path, name: str) -> dict[str, str]:
    return {"storage": f"s3://{BUCKET}/{name}", "work": str(folder / "work"), "endpoint_url": server.url}


def project_of(folder: Path, **sections: object) -> Project:
    return projects.load(projects.write_config(folder, projects.settings(folder, None, **sections)))


@pytest.fixture(scope="module")
def brand(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Everything that the system writes, in a bucket."""
    folder = tmp_path_factory.mktemp("brand")
    os.environ.update(KEYS)
    panel = projects.write_panel(folder)
    settings = projects.settings(folder, panel, paths=paths(server, folder, "brands/one"), reports=ALL_FILES)
    project = projects.load(projects.write_config(folder, settings))
    outcome = projects.run(project)
    assert not outcome.stops
    return project


def test_results_are_in_the_bucket_and_only_working_files_are_here(brand: Project, server: Server) -> None:
    keys = {key.removeprefix("brands/one/") for key in server.keys(BUCKET) if key.startswith("brands/one/")}
    assert {
        "assets/posterior.nc",
        "assets/features/geo=Geo1/part.parquet",
        "accepted/current.nc",
        "exports/report.html",
        "exports/deck.pptx",
        "exports/geos/Geo0.html",
        "exports/dashboard/channel.parquet",
        "exports/diagnostics.json",
    } <= keys
    assert any(key.startswith("snapshots/") for key in keys)
    assert any(key.startswith("outputs/") for key in keys)
    assert {path.name for path in brand.work.iterdir()} <= {
        "cache",
        "dagster",
        "locks",
        "mlflow.db",
        "mlflow.lock",
        "mlartifacts",
    }


def test_a_second_run_keeps_everything_and_leaves_no_second_copy(brand: Project, server: Server) -> None:
    before = server.keys(BUCKET)
    outcome = projects.run(brand)
    assert not outcome.stops
    assert set(outcome.made) == {("source_snapshot", None), ("report", None), ("exports", None)}
    assert server.keys(BUCKET) == before


def test_what_is_no_longer_asked_for_leaves_the_bucket(brand: Project, server: Server, tmp_path: Path) -> None:
    settings = projects.settings(tmp_path, projects.panel_of(brand), paths=dict(brand.config.paths.model_dump()))
    plain = projects.load(projects.write_config(tmp_path, settings))
    assert not projects.run(plain, ["report"]).stops
    left = [key for key in server.keys(BUCKET) if key.startswith("brands/one/exports/")]
    assert "brands/one/exports/report.html" in left
    assert not [key for key in left if "/dashboard/" in key or "/geos/" in key or key.endswith("deck.pptx")]


def test_other_tools_read_the_tables_by_geo(brand: Project, server: Server) -> None:
    names = {"access_key": KEYS["AWS_ACCESS_KEY_ID"], "secret_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    host = server.url.removeprefix("http://")
    store = arrow.S3FileSystem(**names, endpoint_override=host, scheme="http", region="us-east-1")
    table = ds.dataset(f"{BUCKET}/brands/one/assets/features", filesystem=store, format="parquet")
    assert set(table.to_table().to_pandas()["geo"]) == set(projects.GEOS)
    duckdb = pytest.importorskip("duckdb")
    import fsspec

    connection = duckdb.connect()
    connection.register_filesystem(fsspec.filesystem("s3", endpoint_url=server.url))
    files = f"s3://{BUCKET}/brands/one/assets/features/*/*.parquet"
    found = connection.read_parquet(files, hive_partitioning=True).aggregate("count(*), count(distinct geo)")
    assert found.fetchall() == [(len(projects.GEOS) * projects.N_WEEKS, len(projects.GEOS))]


# --- atomic in effect


def test_an_upload_that_breaks_off_changes_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of several parts, of which the second one is refused."""
    storage = project_of(tmp_path, paths=paths(server, tmp_path, "broken")).storage
    path = storage / "large.bin"
    publish(path, lambda local: local.write_bytes(b"old"))
    upload, put, calls = path.fs._call_s3, path.fs.put_file, []

    async def failing(method: str, *args: object, **kwargs: object) -> object:
        calls.append(method)
        if method == "upload_part" and kwargs["PartNumber"] == 2:
            raise OSError("connection lost")
        return await upload(method, *args, **kwargs)

    monkeypatch.setattr(path.fs, "_call_s3", failing)
    monkeypatch.setattr(path.fs, "put_file", lambda *given: put(*given, chunksize=5 << 20))
    with pytest.raises(StoreUnusableError, match="does not answer"):
        publish(path, lambda local: local.write_bytes(b"n" * (11 << 20)))
    assert "upload_part" in calls
    client = server.client()
    assert client.get_object(Bucket=BUCKET, Key="broken/large.bin")["Body"].read() == b"old"
    assert not client.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def _change_and_fail(folder: UPath) -> None:
    with written_to(folder) as local:
        (local / "a.csv").write_text("other")
        (local / "deep" / "b.csv").unlink()
        _ = 1 / 0


def test_a_block_that_fails_writes_and_removes_nothing(server: Server, tmp_path: Path) -> None:
    folder = project_of(tmp_path, paths=paths(server, tmp_path, "block")).storage / "exports"
    with written_to(folder) as local:
        (local / "a.csv").write_text("1")
        (local / "deep").mkdir()
        (local / "deep" / "b.csv").write_text("2")
    with pytest.raises(ZeroDivisionError):
        _change_and_fail(folder)
    assert (folder / "a.csv").read_text() == "1"
    with written_to(folder) as local:
        (local / "deep" / "b.csv").unlink()
        (local / "c.csv").write_text("3")
    assert sorted(found.name for found in folder.rglob("*.csv")) == ["a.csv", "c.csv"]
    assert (folder / "a.csv").read_text() == "1"


def test_a_store_without_atomic_puts_gets_a_file_under_another_name_first(tmp_path: Path) -> None:
    """Any fsspec URL: here a folder behind the protocol `local`, whose puts are seen while they are written."""
    project = project_of(tmp_path, paths={"storage": f"local://{tmp_path}/there", "work": str(tmp_path / "work")})
    path = project.storage / "assets" / "a.json"
    require_writable(project.storage)
    publish(path, lambda local: local.write_text("{}"))
    assert path.read_text() == "{}"
    assert [found.name for found in (tmp_path / "there" / "assets").iterdir()] == ["a.json"]


# --- refused in one sentence


def refusal(project: Project) -> str:
    with pytest.raises(StoreUnusableError) as caught:
        require_writable(project.storage)
    return str(caught.value)


def test_a_missing_bucket(server: Server, tmp_path: Path) -> None:
    where = paths(server, tmp_path, "x") | {"storage": "s3://nowhere/brand"}
    assert "s3://nowhere/brand" in refusal(project_of(tmp_path, paths=where))
    assert refusal(project_of(tmp_path, paths=where)).endswith(
        "the bucket does not exist; create it, or correct the name."
    )


def test_missing_and_wrong_credentials(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.ask_for_credentials(0)
    try:
        wrong = refusal(project_of(tmp_path, paths=paths(server, tmp_path, "wrong")))
    finally:
        server.ask_for_credentials(NEVER)
    assert "access is denied; check the credentials" in wrong
    assert not any(secret in wrong for secret in KEYS.values())
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    S3FileSystem.clear_instance_cache()
    missing = refusal(project_of(tmp_path, paths=paths(server, tmp_path, "missing")))
    assert "there are no credentials; set AWS_ACCESS_KEY_ID" in missing


def test_an_unreachable_store_ends_a_command_with_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
        where = {"storage": "s3://tests/x", "work": str(tmp_path / "work"), "endpoint_url": nobody}
        config = projects.write_config(tmp_path, projects.settings(tmp_path, None, paths=where))
        result = CliRunner().invoke(app, ["ingest", "--config", str(config)])
    assert result.exit_code == BAD_INPUT
    sentence = (
        f"paths.storage s3://tests/x at {nobody}: the store does not answer; check paths.endpoint_url and the "
        "network, or try later."
    )
    assert sentence in result.output.splitlines()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"storage": "s3://"}, "names no bucket"),
        ({"storage": "nothing://bucket/x"}, "cannot be opened"),
        ({"storage": "here", "endpoint_url": "http://minio:9000"}, "but paths.storage is the folder"),
        ({"storage": "s3://b/x", "storage_options": {"secret": "written"}}, "put it into the environment"),
    ],
)
def test_what_the_configuration_gets_wrong(where: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_storage(project_of(tmp_path, paths=where).loaded)
    assert "written'" not in str(caught.value)


def test_frames_read_back_are_the_frames_written(server: Server, tmp_path: Path) -> None:
    from mmm_assets.io_managers import ParquetIOManager

    storage = project_of(tmp_path, paths=paths(server, tmp_path, "frames")).storage
    manager = ParquetIOManager(storage)
    frame = pd.DataFrame({"geo": ["São Paulo / x"], "kpi": [1.5]})
    path = manager.path_of("features", "São Paulo / x")
    publish(path, lambda local: manager.write(frame, local))
    pd.testing.assert_frame_equal(manager.stored(path, "features"), frame)
