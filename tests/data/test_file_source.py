import hashlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmm_core.config.mapping import DataConfig
from mmm_core.config.schema import Config
from mmm_core.data.sources import file
from mmm_core.data.sources.file import display_name, read_file
from mmm_core.data.sources.source import read_source
from mmm_core.errors import ConfigError, DataError

CSV = b"geo,time,x\nN,2023-01-02,1\nN,2023-01-09,2\n"


class CountingServer(ThreadingHTTPServer):
    """Counts requests per path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: Counter[str] = Counter()


class Handler(BaseHTTPRequestHandler):
    """Each path misbehaves in its own way."""

    def do_GET(self) -> None:
        assert isinstance(self.server, CountingServer)
        seen = self.server.seen
        seen[self.path] += 1
        status = {"/ok.csv": 200, "/cut.csv": 200, "/down.csv": 503, "/forbidden.csv": 403}.get(self.path, 404)
        if self.path == "/flaky.csv":
            status = 503 if seen[self.path] < 3 else 200
        length = len(CSV) + (100 if self.path == "/cut.csv" else 0)
        self.send_response(status)
        self.send_header("Content-Length", str(length if status == 200 else 0))
        self.end_headers()
        if status == 200:
            self.wfile.write(CSV)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingServer]:
    monkeypatch.setattr(file, "_FIRST_PAUSE_S", 0.001)
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url(server: CountingServer, name: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


@pytest.mark.parametrize("form", ["{path}", "file://{path}"])
def test_local_file_is_read_by_path_and_by_url(tmp_path: Path, form: str) -> None:
    path = tmp_path / "söurce data.csv"
    path.write_bytes(CSV)
    table = read_file(form.format(path=path), DataConfig())
    assert table.content_hash == hashlib.sha256(CSV).hexdigest()
    assert table.frame["x"].tolist() == [1, 2]
    assert table.frame["time"].tolist() == ["2023-01-02", "2023-01-09"]
    assert table.truth is None


def test_configured_keys_and_dates_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("store,week,x\n007,20230102,1\n")
    frame = read_file(str(path), DataConfig(keys=("store",), date_col="week")).frame
    assert frame["store"].tolist() == ["007"]
    assert frame["week"].tolist() == ["20230102"]


@pytest.mark.parametrize("name", ["missing.csv", "no/such/folder.csv"])
def test_missing_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name} does not exist"):
        read_file(str(tmp_path / name), DataConfig())


def test_folder_and_unknown_protocol_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read_file(str(tmp_path), DataConfig())
    with pytest.raises(DataError, match=r"nosuch://x/y\.csv cannot be opened"):
        read_file("nosuch://x/y.csv", DataConfig())


def test_http_file_is_read(server: CountingServer) -> None:
    assert read_file(url(server, "ok.csv"), DataConfig()).content_hash == hashlib.sha256(CSV).hexdigest()


def test_network_errors_are_retried(server: CountingServer) -> None:
    assert len(read_file(url(server, "flaky.csv"), DataConfig()).frame) == 2


@pytest.mark.parametrize(
    ("name", "requests", "message"),
    [
        ("gone.csv", 1, "gone.csv does not exist"),
        ("forbidden.csv", 1, "the server answered 403"),
        ("down.csv", 4, "in 4 attempt.*the server answered 503"),
        ("cut.csv", 4, "ClientPayloadError"),
    ],
)
def test_http_failures_say_what_happened(server: CountingServer, name: str, requests: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_file(url(server, name), DataConfig())
    assert server.seen[f"/{name}"] == requests


def test_unreachable_server_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_FIRST_PAUSE_S", 0.001)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/x.csv"
        with pytest.raises(DataError, match="could not be fetched in 4"):
            read_file(address, DataConfig())


def test_shown_name_of_a_url_has_no_secrets() -> None:
    shown = display_name("https://user:secret@host.example:8080/a/b.csv?token=secret#secret")
    assert shown == "https://host.example:8080/a/b.csv"
    assert display_name("data/a@b?.csv") == "data/a@b?.csv"


def test_first_configured_connector_is_taken(tmp_path: Path) -> None:
    simulator = {"n_geos": 1, "n_weeks": 20, "n_channels": 1}
    both = {"connector_priority": ["file", "simulator"], "simulator": simulator}
    table = read_source(Config.model_validate({"ingest": both}))
    assert table.origin == "simulator (seed 20240101)"
    assert table.truth is not None
    with pytest.raises(DataError, match="does not exist"):
        read_source(Config.model_validate({"ingest": both | {"path": str(tmp_path / "typo.csv")}}))
    with pytest.raises(ConfigError, match="No data source is configured"):
        read_source(Config())
