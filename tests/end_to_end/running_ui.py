"""A running `mmm ui`, asked through GraphQL as its pages do."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from mmm_assets.resources.project import Project

START_SECONDS, RUN_SECONDS = 300, 1500
"""Limits for a busy machine; a quiet one takes a tenth."""
_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message stack }
  }
}
"""
_BACKFILL = """
query Backfill($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } runs(limit: 200) { id status } }
  }
}
"""
_ASSETS = """
query Assets {
  assetNodes {
    assetKey { path }
    isPartitioned
    partitionStats { numMaterialized numPartitions numFailed }
    assetMaterializations(limit: 1) { runId }
    assetChecksOrError {
      ... on AssetChecks {
        checks { name blocking executionForLatestMaterialization { status evaluation { success } } }
      }
    }
  }
}
"""
_PARTITIONS = """
query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } }
}
"""
_COUNTS = """
query Counts($key: AssetKeyInput!, $partitions: [String!]) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode { assetMaterializations(partitions: $partitions, limit: 100) { runId } }
  }
}
"""
_RUNS = """
query Runs($job: String!) {
  runsOrError(filter: {pipelineName: $job}) { ... on Runs { results { id status tags { key value } } } }
}
"""
_OVER = ("SUCCESS", "FAILURE", "CANCELED")


class UI:
    """One running UI."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer to a GraphQL request."""
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.url}/graphql", json=body, timeout=120).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def assets(self) -> dict[str, Any]:
        """What the asset graph shows, by asset."""
        return {node["assetKey"]["path"][-1]: node for node in self.ask(_ASSETS)["assetNodes"]}

    def geos(self) -> list[str]:
        """Registered geos."""
        return list(self.ask(_PARTITIONS, key={"path": ["raw_panel"]})["assetNodeOrError"]["partitionKeys"])

    def count(self, asset: str, geo: str | None = None) -> int:
        """How often an asset (of a geo) was materialized."""
        found = self.ask(_COUNTS, key={"path": [asset]}, partitions=None if geo is None else [geo])
        return len(found["assetNodeOrError"]["assetMaterializations"])

    def backfill(self, assets: Iterable[str]) -> dict[str, Any]:
        """All partitions of these assets, as the button does; the backfill when it is over."""
        selection = [{"path": [asset]} for asset in assets]
        params = {"assetSelection": selection, "allPartitions": True}
        launched = self.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        asked = lambda: self.ask(_BACKFILL, id=launched["backfillId"])["partitionBackfillOrError"]  # noqa: E731
        return dict(wait_for(asked, lambda found: not found["status"].startswith(("REQUESTED", "CANCELING"))))

    def runs_of(self, job: str) -> list[dict[str, Any]]:
        """Runs of a job, the latest first."""
        return list(self.ask(_RUNS, job=job)["runsOrError"]["results"])

    def next_run_of(self, job: str, before: int) -> dict[str, Any]:
        """The run of a job that nobody here asked for, when it is over.

        Args:
            job: its name.
            before: how many runs it had.
        """
        done = wait_for(lambda: self.runs_of(job), lambda runs: len(runs) > before and runs[0]["status"] in _OVER)
        assert len(done) == before + 1, done
        return dict(done[0])


def wait_for(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """The first answer that is good."""
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        found = ask()
        if good(found):
            return found
        time.sleep(1)
    pytest.fail(f"not over after {RUN_SECONDS} s: {found}")


@contextmanager
def running_ui(project: Project, assets: set[str]) -> Iterator[UI]:
    """`mmm ui` in a process of its own, once it shows these assets."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["ui", "--config", str(project.loaded.path), "--port", str(port)]
    log = project.loaded.path.with_name("ui.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from mmm_assets.cli import main; main()", *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
            env={key: value for key, value in os.environ.items() if not key.startswith("MMM_")},
            start_new_session=True,
        )
    try:
        yield _when_ready(UI(f"http://127.0.0.1:{port}"), process, log, assets)
    finally:
        _stop(process)


def _when_ready(ui: UI, process: "subprocess.Popen[bytes]", log: Path, assets: set[str]) -> UI:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if set(ui.assets()) >= assets:
                return ui
        except requests.RequestException:
            pass
        time.sleep(1)
    pytest.fail(f"the UI did not start: {log.read_text(encoding='utf-8')[-5000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
