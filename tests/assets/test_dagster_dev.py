"""What a person does: start the UI on a fresh install, and press "Materialize all"."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mmm_assets.resources.project import Project
from tests.assets import projects
from tests.assets.test_graph import CHECKS, GRAPH

BENCHMARK = {"benchmark_result", "benchmark_summary", "calibration", "coverage"}
"""Assets of the other code location, which "Materialize all" of the pipeline leaves alone."""
START_SECONDS, RUN_SECONDS = 240, 900
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
_STATUS = """
query Status($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } runs(limit: 50) { id status } }
  }
}
"""
_ASSETS = """
query Assets {
  assetNodes {
    assetKey { path }
    isPartitioned
    staleStatus
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


class UI:
    """A running `mmm ui`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer to a GraphQL request."""
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.url}/graphql", json=body, timeout=120).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def materialize_all(self) -> str:
        """As the button does; returns the backfill's id."""
        params = {"assetSelection": [{"path": [asset]} for asset in GRAPH], "allPartitions": True}
        launched = self.ask(_LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def wait_for(self, backfill: str) -> dict[str, Any]:
        """The backfill when it is over."""
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            found = self.ask(_STATUS, id=backfill)["partitionBackfillOrError"]
            if not found["status"].startswith(("REQUESTED", "CANCELING")):
                return dict(found)
            time.sleep(1)
        pytest.fail(f"the backfill is not over after {RUN_SECONDS} s: {found}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("ui")
    return projects.load(projects.write_config(folder, projects.settings(folder, None)))


@pytest.fixture(scope="module")
def ui(project: Project) -> Iterator[UI]:
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
        yield _when_ready(UI(f"http://127.0.0.1:{port}"), process, log)
    finally:
        _stop(process)


def _when_ready(ui: UI, process: "subprocess.Popen[bytes]", log: Path) -> UI:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if {
                node["assetKey"]["path"][-1] for node in ui.ask(_ASSETS)["assetNodes"]
            } >= GRAPH.keys() | BENCHMARK:
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


@pytest.mark.slow
def test_materialize_all_makes_every_asset_of_both_kinds_and_shows_checks(ui: UI) -> None:
    over = ui.wait_for(ui.materialize_all())
    assert over["status"] == "COMPLETED_SUCCESS", over
    all_nodes = {node["assetKey"]["path"][-1]: node for node in ui.ask(_ASSETS)["assetNodes"]}
    assert set(all_nodes) >= GRAPH.keys() | BENCHMARK
    assert not any(all_nodes[name]["assetMaterializations"] for name in BENCHMARK)
    nodes = {name: all_nodes[name] for name in GRAPH}
    for name, node in nodes.items():
        assert node["assetMaterializations"], name
        assert node["isPartitioned"] == GRAPH[name][1]
        if node["isPartitioned"]:
            stats = node["partitionStats"]
            assert (stats["numMaterialized"], stats["numPartitions"], stats["numFailed"]) == (2, 2, 0), name
        checks = {check["name"]: check for check in node["assetChecksOrError"].get("checks", [])}
        assert set(checks) == CHECKS.get(name, set())
        if not node["isPartitioned"]:
            for check in checks.values():
                assert check["executionForLatestMaterialization"]["status"] in ("SUCCEEDED", "FAILED"), (
                    name,
                    check,
                )


@pytest.mark.slow
def test_results_are_where_the_command_line_looks_for_them(ui: UI, project: Project) -> None:
    assert {"report.html", "channel_summary.csv", "diagnostics.json"} <= set(projects.exported(project))
    outcome = projects.run(project)
    assert not outcome.stops
    assert ("posterior", None) in outcome.kept


@pytest.mark.slow
def test_each_geo_ran_once_and_the_model_was_fitted_once(ui: UI, project: Project) -> None:
    from mmm_assets.resources.tracking import Tracker

    client = Tracker.of(project).client()
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert [run.info.status for run in runs] == ["FINISHED"]
