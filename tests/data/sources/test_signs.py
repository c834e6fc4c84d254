import os
import socket
from pathlib import Path
from typing import Any

import pytest

from mmm_core.config.schema import Config
from mmm_core.data.sources.signs import source_signs
from mmm_core.errors import DataError
from tests.local_server import Answer, LocalServer, as_json, in_turn, plain, storage

CSV = b"geo,x\nN,1\n"


def signs(external_data: dict[str, Any] | None = None, **ingest: Any) -> list[str] | None:
    return source_signs(Config.model_validate({"ingest": ingest, "external_data": external_data or {}}))


def test_local_files_tell_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    before = signs(path=str(path))
    assert signs(path=str(path)) == before
    os.utime(path, (1, 1))
    assert signs(path=str(path)) != before
    both = signs(path=str(tmp_path / "*.csv"))
    (tmp_path / "b.csv").write_bytes(CSV)
    assert signs(path=str(tmp_path / "*.csv")) != both


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: No such file"):
        signs(path=str(tmp_path / "a.csv"))


def test_address_tells_its_tag_and_nothing_is_read(server: LocalServer) -> None:
    server.scripts["/x.csv"] = storage(CSV)
    before = signs(path=server.url("/x.csv"))
    assert [seen.method for seen in server.seen] == ["HEAD"]
    server.scripts["/x.csv"] = storage(b"geo,x\nN,2\n")
    assert signs(path=server.url("/x.csv")) != before


def test_address_that_answers_only_get_is_asked_like_that(server: LocalServer) -> None:
    good = storage(CSV)
    server.scripts["/x.csv"] = lambda seen, number: Answer(403) if seen.method == "HEAD" else good(seen, number)
    assert signs(path=server.url("/x.csv"))
    assert [seen.method for seen in server.seen] == ["HEAD", "GET"]


def test_service_that_does_not_answer_is_a_sign(server: LocalServer, tmp_path: Path) -> None:
    server.scripts["/x.csv"] = in_turn(Answer(503))
    found = signs(
        connector_priority=["file", "figshare"],
        path=server.url("/x.csv"),
        figshare={"file_id": 3, "api": server.address},
    )
    assert found == ["file unreachable", "figshare file 3"]
    assert len(server.seen) == 1, "a sensor does not wait"
    assert signs(path=server.url("/x.csv"), if_unreachable="stop") == ["file unreachable"]


def test_further_tables_count(server: LocalServer, tmp_path: Path) -> None:
    server.scripts["/articles/7"] = in_turn(as_json({"id": 7, "version": 1}), as_json({"id": 7, "version": 2}))
    (tmp_path / "a.csv").write_bytes(CSV)
    given = {
        "path": str(tmp_path / "a.csv"),
        "figshare": {"article_id": 7, "api": server.address},
        "tables": {"fx": {"path": "figshare:rates.csv", "levels": {"rate": "rate"}}},
    }
    external = {"weather": {"path": str(tmp_path / "w.csv"), "levels": {"rain": "x"}}}
    (tmp_path / "w.csv").write_bytes(CSV)
    first, second = signs(external, **given), signs(external, **given)
    assert first is not None
    assert second is not None
    assert "figshare 1" in first
    assert "figshare 2" in second
    assert any("w.csv" in sign for sign in first)


def test_only_reading_tells_about_databases() -> None:
    assert signs(connector_priority=["sql"], sql={"url": "duckdb:///x.duckdb", "table": "t"}) is None


def test_simulator_has_no_signs() -> None:
    assert signs(connector_priority=["simulator"]) == []


def test_silent_server_counts_as_unchanged(server: LocalServer) -> None:
    server.scripts["/x.csv"] = plain(CSV)
    assert signs(path=server.url("/x.csv")) == signs(path=server.url("/x.csv"))


def test_no_connection_is_a_sign() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert signs(path=f"http://127.0.0.1:{taken.getsockname()[1]}/x.csv") == ["file unreachable"]
