"""A running `mmm ui` of a project, to be asked and hurt: launches, states and processes, through GraphQL."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import PROCESS_TAG
from tests.faults import commands

_ONE_LOCATION = """\
load_from:
  - python_module:
      module_name: mmm_assets.definitions
      location_name: mmm
"""
"""Without the benchmark's, which takes a process of its own."""
_REPOSITORIES = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""
_BACKFILL = """
mutation Backfill($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) { ... on Run { status startTime endTime tags { key value } } }
}
"""
_STATE = """
query State($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status runs(limit: 100) { id status } } }
}
"""
_GOES_ON = ("REQUESTED", "CANCELING", "FAILING")


@dataclass(frozen=True)
class LiveUI:
    """One running UI."""

    command: commands.Command
    url: str

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer to a GraphQL request."""
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.url}/graphql", json=body, timeout=120).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def places(self) -> list[dict[str, Any]]:
        """Code locations that are loaded; none before they are."""
        return list(self.ask(_REPOSITORIES)["repositoriesOrError"].get("nodes", []))

    def launch(self, job: str) -> str:
        """Run a job, as its button does; the id of the run."""
        (place,) = self.places()
        where = {"repositoryName": place["name"], "repositoryLocationName": place["location"]["name"]}
        params = {"selector": {**where, "jobName": job}, "runConfigData": {}, "mode": "default"}
        launched = self.ask(_LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, assets: Iterable[str]) -> str:
        """Materialize assets with all their partitions, as the button does; the id of the backfill."""
        params = {"assetSelection": [{"path": [asset]} for asset in sorted(assets)], "allPartitions": True}
        launched = self.ask(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def run(self, run_id: str) -> dict[str, Any]:
        """Status, times (s since 1970) and tags of a run."""
        return dict(self.ask(_RUN, id=run_id)["runOrError"])

    def worker(self, run_id: str) -> int:
        """The process of a run, once it has one."""

        def noted() -> str | None:
            return next((tag["value"] for tag in self.run(run_id)["tags"] if tag["key"] == PROCESS_TAG), None)

        return int(commands.until(noted, self.command, "the process of a run").rpartition(":")[2])

    def state(self, backfill: str) -> dict[str, Any]:
        """Status of a backfill, and its runs."""
        return dict(self.ask(_STATE, id=backfill)["partitionBackfillOrError"])

    def runs_of(self, backfill: str) -> list[dict[str, Any]]:
        """Runs of a backfill, once there are any."""
        return list(commands.until(lambda: self.state(backfill)["runs"], self.command, "a run of a backfill"))

    def end_of(self, backfill: str) -> dict[str, Any]:
        """The state of a backfill that goes on no more."""
        ended = lambda: None if (found := self.state(backfill))["status"] in _GOES_ON else found  # noqa: E731
        return dict(commands.until(ended, self.command, "the end of a backfill"))


@contextmanager
def running(project: Project) -> Iterator[LiveUI]:
    """`mmm ui` once it shows the project; behind the block every process of it is gone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = project.loaded.path.parent
    (folder / "workspace.yaml").write_text(_ONE_LOCATION, encoding="utf-8")
    with commands.started(project, "ui", "--port", str(port), folder=folder) as command:
        ui = LiveUI(command, f"http://127.0.0.1:{port}")
        try:
            commands.until(lambda: _shows(ui), command, "an answer of the UI")
            yield ui
        finally:
            _end(project, command.process)


def _shows(ui: LiveUI) -> bool:
    try:
        return bool(ui.places())
    except requests.RequestException:
        return False


def _end(project: Project, process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(60)
    for number in processes_of(project):
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def processes_of(project: Project, words: Sequence[str] = ()) -> list[int]:
    """Processes that the UI of a project has started, and whose command line has these words."""
    home = f"DAGSTER_HOME={project.dagster_home}\0".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if home in (place / "environ").read_bytes() and set(words) <= set(line):
                found.append(int(place.name))
    return found
