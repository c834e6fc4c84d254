"""Secrets of the environment are nowhere: not on the console, not in a log, not in any byte that is stored."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.assets.projects import settings, write_config, write_panel
from tests.local_server import Answer, in_turn, plain, running

REPOSITORY = Path(__file__).resolve().parents[2]
WORDS = ("pl4nted-in-path", "pl4nted-in-query", "pl4nted-in-hook", "pl4nted-password")
PICKLES = {b"\x80" + bytes([version]) for version in range(2, 6)}
FIELDS = {"project", "run_id", "job", "step", "asset", "partition"}


@dataclass(frozen=True)
class Ran:
    """What the process left."""

    code: int
    output: str
    storage: Path
    received: bytes

    @property
    def records(self) -> list[dict[str, Any]]:
        """Log records: one JSON object per line; the rest is for people."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("planted")
    values = settings(
        folder, None, alerts={"webhook": {"url": "${HOOK}"}}, logging={"format": "json", "level": "DEBUG"}
    )
    config = write_config(folder, {**values, "ingest": {"path": "${DATA_URL}"}})
    storage = folder / "storage"
    with running() as web:
        web.scripts["/pl4nted-in-path/panel.csv"] = plain(write_panel(folder).read_bytes())
        web.scripts["/T0/pl4nted-in-hook"] = in_turn(Answer(200))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MMM")},
            "DATA_URL": web.url("/pl4nted-in-path/panel.csv?key=pl4nted-in-query"),
            "HOOK": web.url("/T0/pl4nted-in-hook"),
            "PLANTED_PASSWORD": "pl4nted-password",
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.security.planted_run", str(config)],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        yield Ran(
            done.returncode,
            done.stdout,
            storage,
            b"".join(seen.body for seen in web.requests("/T0/pl4nted-in-hook")),
        )


def test_the_run_was_made_and_the_talkative_one_failed(ran: Ran) -> None:
    assert ran.code == 0, ran.output[-3000:]
    stored = {path.name for path in ran.storage.rglob("*")}
    assert {"posterior.nc", "report.html", "mlflow.db", "command_line.yaml"} <= stored
    assert ran.received


@pytest.mark.parametrize("word", WORDS)
def test_no_secret_on_the_console_or_in_a_message(ran: Ran, word: str) -> None:
    assert [line for line in ran.output.splitlines() if word in line] == []
    assert word.encode() not in ran.received


@pytest.mark.parametrize("word", WORDS)
def test_no_secret_in_any_stored_byte(ran: Ran, word: str) -> None:
    spellings = [word.encode(), word.encode("utf-16-le"), word.encode()[::-1]]
    found = [
        str(path.relative_to(ran.storage))
        for path in sorted(ran.storage.rglob("*"))
        if any(word in path.name for word in WORDS)
        or (path.is_file() and any(spelling in path.read_bytes() for spelling in spellings))
    ]
    assert found == []


def test_no_pickle_is_stored(ran: Ran) -> None:
    starts = {path: path.read_bytes()[:2] for path in ran.storage.rglob("*") if path.is_file()}
    assert [path for path, start in starts.items() if start in PICKLES and "cache" not in path.parts] == []


def test_no_secret_in_compressed_files(ran: Ran) -> None:
    import pandas as pd
    import pyarrow.parquet as pq
    import xarray as xr

    for path in ran.storage.rglob("*.parquet"):
        told = [str(pq.read_schema(path).metadata), pd.read_parquet(path).to_csv()]
        assert [word for word in WORDS if any(word in text for text in told)] == [], path
    for path in ran.storage.rglob("*.nc"):
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            text = " ".join(str(node.attrs) + str(node.to_dict()) for node in tree.subtree)
        assert [word for word in WORDS if word in text] == [], path


def test_what_was_said_is_told_with_the_secret_masked(ran: Ran) -> None:
    for source in ("core", "library", "dagster"):
        said = [record["message"] for record in ran.records if record["message"].startswith(f"{source} ")]
        assert said == [f"{source} *** and *** and ***"], source
    assert "cannot log in with" in ran.output
    assert "refused" in ran.output


def test_records_of_a_step_say_where_they_come_from(ran: Ran) -> None:
    said = {record["message"].split()[0]: record for record in ran.records if "*** and" in record["message"]}
    for source in ("core", "library", "dagster"):
        record = said[source]
        assert record.keys() >= FIELDS, source
        assert (record["asset"], record["partition"], record["project"]) == ("talkative", "Geo0", "tiny")
        assert record["run_id"] == said["core"]["run_id"]


def test_records_outside_of_steps_have_no_run(ran: Ran) -> None:
    outside = [record for record in ran.records if record["logger"] == "mmm_assets.resources.alerts"]
    assert all("run_id" not in record for record in outside)
    of_geos = [record for record in ran.records if record["logger"].startswith("mmm_core.") and "asset" in record]
    assert of_geos
    assert all(record["run_id"] for record in of_geos)
