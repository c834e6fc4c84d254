import hashlib
import logging
import socket
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mmm_core.config.schema import Config
from mmm_core.data.sources.source import configured_connectors, read_source, read_table
from mmm_core.errors import ConfigError, DataError, UnreachableError
from tests.local_server import Answer, LocalServer, as_json, in_turn, plain, storage

CSV = b"geo,time,x\n007,2023-01-02,1\nN,2023-01-09,2\n"
SMALL = {"n_geos": 1, "n_weeks": 20, "n_channels": 1}
QUICK = {"attempts": 2, "first_pause_seconds": 0.001, "timeout_seconds": 5}


def config(**sections: Any) -> Config:
    ingest = {"simulator": SMALL, "retries": QUICK} | sections.pop("ingest", {})
    return Config.model_validate({"ingest": ingest} | sections)


@pytest.fixture
def dead() -> Any:
    """Address at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table sales as select 'N' as geo, 7 as x")
    return f"duckdb:///{path}"


@pytest.mark.parametrize("name", ["file", "local_csv"])
def test_first_configured_connector_is_taken(tmp_path: Path, name: str) -> None:
    both = {"connector_priority": [name, "simulator"]}
    table = read_source(config(ingest=both))
    assert table.origin == "simulator (seed 20240101)"
    assert table.truth is not None
    (tmp_path / "a.csv").write_bytes(CSV)
    assert len(read_source(config(ingest=both | {"path": str(tmp_path / "a.csv")})).frame) == 2
    with pytest.raises(DataError, match=r"does not exist"):
        read_source(config(ingest=both | {"path": str(tmp_path / "typo.csv")}))
    with pytest.raises(ConfigError, match=r"No data source is configured"):
        read_source(Config())


def test_order_is_that_of_the_configuration(tmp_path: Path, database: str) -> None:
    (tmp_path / "a.csv").write_bytes(CSV)
    given = {"path": str(tmp_path / "a.csv"), "sql": {"url": database, "table": "sales"}}
    for order, rows in ((["sql", "file"], 1), (["file", "sql"], 2)):
        chosen = config(ingest=given | {"connector_priority": order})
        assert configured_connectors(chosen) == order
        assert len(read_source(chosen).frame) == rows


def test_configured_keys_and_dates_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("store;week;x\n007;20230102;1,5\n")
    chosen = config(
        ingest={"path": str(path), "format": {"decimal": ","}}, data={"keys": ["store"], "date_col": "week"}
    )
    frame = read_source(chosen).frame
    assert frame["store"].tolist() == ["007"]
    assert frame["week"].tolist() == ["20230102"]
    assert frame["x"].tolist() == [1.5]


def test_unreachable_connector_is_passed_over_and_said(
    dead: str, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = {
        "connector_priority": ["file", "sql"],
        "path": f"{dead}/x.csv?sig=hidden",
        "sql": {"url": database, "table": "sales"},
    }
    with caplog.at_level(logging.WARNING):
        table = read_source(config(ingest=given))
    assert table.frame["x"].tolist() == [7]
    assert len(table.passed_over) == 1
    assert table.passed_over[0].startswith(f"file: {dead}/x.csv could not be fetched in 2 attempt(s)")
    assert "Connector file is passed over" in caplog.text
    assert "hidden" not in caplog.text + table.passed_over[0]
    with pytest.raises(UnreachableError, match=r"could not be fetched"):
        read_source(config(ingest=given | {"if_unreachable": "stop"}))


def test_simulated_data_never_stands_in(dead: str) -> None:
    given = {"connector_priority": ["file", "simulator"], "path": f"{dead}/x.csv"}
    with pytest.raises(UnreachableError, match=r"No configured source can be reached. file: "):
        read_source(config(ingest=given))


def test_what_is_reached_but_wrong_stops(server: LocalServer, database: str) -> None:
    given = {"connector_priority": ["file", "sql"], "path": server.url("/x.csv")}
    given |= {"sql": {"url": database, "table": "sales"}}
    for answer, message in ((Answer(404), "does not exist"), (Answer(200, b"geo,x\n"), "no data rows")):
        server.scripts["/x.csv"] = in_turn(answer)
        with pytest.raises(DataError, match=message):
            read_source(config(ingest=given))


def test_downloads_are_kept_where_that_is_wanted(server: LocalServer, tmp_path: Path) -> None:
    server.scripts["/x.csv"] = storage(CSV)
    for kept, expected in ((True, [False, True]), (False, [False, False])):
        server.seen.clear()
        chosen = config(ingest={"path": server.url("/x.csv"), "download_cache": kept})
        for _ in range(2):
            assert read_source(chosen, tmp_path / "cache").content_hash == hashlib.sha256(CSV).hexdigest()
        assert ["If-None-Match" in seen.headers for seen in server.seen] == expected
    assert read_source(config(ingest={"path": server.url("/x.csv")})).origin == server.url("/x.csv")


def test_figshare_is_a_source_and_a_place_of_further_tables(server: LocalServer) -> None:
    files = [
        {"id": number, "name": name, "size": 1, "download_url": server.url(f"/{name}"), "computed_md5": ""}
        for number, name in enumerate(("main.csv", "rates.csv"), start=1)
    ]
    server.scripts["/articles/7"] = in_turn(as_json({"id": 7, "version": 1}))
    server.scripts["/articles/7/files"] = in_turn(as_json(files))
    server.scripts["/main.csv"] = plain(CSV)
    server.scripts["/rates.csv"] = plain(b"currency;rate\nEUR;1,5\n")
    rates = {
        "path": "figshare:rates.csv",
        "format": {"decimal": ","},
        "levels": {"rate": "rate"},
        "keys": {"currency": "currency"},
    }
    figshare = {"article_id": 7, "file_name": "main.csv", "api": server.address}
    chosen = config(ingest={"connector_priority": ["figshare"], "figshare": figshare, "tables": {"fx": rates}})
    assert read_source(chosen).frame["geo"].tolist() == ["007", "N"]
    assert read_table(chosen.ingest.tables["fx"], chosen).frame["rate"].tolist() == [1.5]


def test_further_table_is_read_with_its_own_keys_as_text(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("store,month_of,tv\n007,202301,5\n")
    media = {
        "path": str(tmp_path / "m.csv"),
        "date_col": "month_of",
        "keys": {"store": "geo"},
        "amounts": {"tv": "tv"},
    }
    chosen = config(external_data={"media": media, "gone": media | {"path": str(tmp_path / "gone.csv")}})
    frame = read_table(chosen.external_data["media"], chosen).frame
    assert frame[["store", "month_of", "tv"]].to_numpy().tolist() == [["007", "202301", 5]]
    with pytest.raises(DataError, match=r"gone\.csv does not exist; set external_data\.gone\.path"):
        read_table(chosen.external_data["gone"], chosen)


def test_errors_of_a_further_table_name_its_format(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"geo,x\nS\xe3o,1\n")
    chosen = config(ingest={"tables": {"media": {"path": str(tmp_path / "m.csv"), "levels": {"x": "x"}}}})
    with pytest.raises(DataError, match=r"set ingest\.tables\.media\.format\.encoding"):
        read_table(chosen.ingest.tables["media"], chosen)
