"""MLflow with explicit run ids: one run per fit, ended on every path, never the process-wide active run."""

import logging
import math
import os
import re
import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmm_assets.resources.project import Project
from mmm_core.storage import atomic_path

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN_TAG, ASSET_TAG, PROCESS_TAG = "dagster_run_id", "dagster_asset_key", "mmm_process"
UI_ADDRESS = "http://127.0.0.1:5000"
"""Where `mmm ui --mlflow` shows a store that has no server of its own."""
_SQLITE = "sqlite:///"
_PARAMETERS_PER_REQUEST = 100
_LONGEST_PARAMETER = 6000
_LONGEST_KEY = 250
_MIGRATION_TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class TrackedRun:
    """One MLflow run that is being written."""

    client: "MlflowClient"
    run_id: str
    url: str
    """Page of the run in the MLflow UI."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record parameters; names keep the characters that MLflow knows."""
        from mlflow.entities import Param

        named = {_known_characters(key): str(value)[:_LONGEST_PARAMETER] for key, value in params.items()}
        for chunk in _chunks([Param(key, value) for key, value in named.items()], _PARAMETERS_PER_REQUEST):
            self.client.log_batch(self.run_id, params=chunk)

    def log_metrics(self, metrics: Mapping[str, float | None]) -> None:
        """Record the finite ones of these numbers."""
        for key, value in metrics.items():
            if value is not None and math.isfinite(value):
                self.client.log_metric(self.run_id, _known_characters(key), float(value))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        for key, value in tags.items():
            self.client.set_tag(self.run_id, key, value)

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Copy a file to the run's artifacts."""
        self.client.log_artifact(self.run_id, str(path), folder)

    def log_bytes(self, content: bytes, name: str, folder: str | None = None) -> None:
        """Store bytes as an artifact of that name."""
        import tempfile

        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / name
            path.write_bytes(content)
            self.log_file(path, folder)


@dataclass(frozen=True)
class Tracker:
    """An MLflow store and the project's experiment in it."""

    tracking_uri: str
    experiment: str
    artifact_root: str | None
    """Where artifacts go; None: wherever the tracking server says."""
    lock: Path
    """File whose lock guards the creation of the store."""

    @classmethod
    def of(cls, project: Project) -> "Tracker":
        """The configured store, or a sqlite store under the project's storage."""
        settings, storage = project.config.tracking, project.storage
        return cls(
            tracking_uri=settings.tracking_uri or f"{_SQLITE}{(storage / 'mlflow.db').as_posix()}",
            experiment=settings.experiment or project.config.project.name,
            artifact_root=None if settings.tracking_uri else (storage / "mlartifacts").as_uri(),
            lock=storage / "mlflow.lock",
        )

    @property
    def exists(self) -> bool:
        """Whether there may be runs: a local store is created with the first one."""
        return not self.tracking_uri.startswith(_SQLITE) or Path(self.tracking_uri.removeprefix(_SQLITE)).exists()

    def client(self) -> "MlflowClient":
        """A client of the store, which is created or migrated first if need be."""
        _prepare(self.tracking_uri, self.lock)
        return _client(self.tracking_uri)

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """A new MLflow run: FINISHED if the block succeeds, FAILED if anything at all ends it early."""
        client = self.client()
        experiment = self._experiment_id(client)
        run_id = client.create_run(experiment, tags=dict(tags), run_name=name).info.run_id
        status = "FAILED"
        try:
            yield TrackedRun(client, run_id, self.url(experiment, run_id))
            status = "FINISHED"
        finally:
            client.set_terminated(run_id, status)

    def reopen(self, run_id: str) -> TrackedRun:
        """An ended run, to add artifacts to it; its status stays."""
        client = self.client()
        experiment = client.get_run(run_id).info.experiment_id
        return TrackedRun(client, run_id, self.url(experiment, run_id))

    def close_abandoned(self, is_over: Callable[[Mapping[str, str]], bool]) -> list[str]:
        """End runs that a killed process left open.

        Args:
            is_over: whether nobody writes to the run with these tags any more.

        Returns:
            Ids of the MLflow runs that are FAILED now.
        """
        client = self.client()
        runs = client.search_runs([self._experiment_id(client)], "attributes.status = 'RUNNING'")
        abandoned = [run.info.run_id for run in runs if is_over(run.data.tags)]
        for run_id in abandoned:
            client.set_terminated(run_id, "FAILED")
        return abandoned

    def url(self, experiment_id: str, run_id: str) -> str:
        """Page of a run in the MLflow UI."""
        server = self.tracking_uri if self.tracking_uri.startswith("http") else UI_ADDRESS
        without_password = re.sub(r"//[^/@]*@", "//", server)
        return f"{without_password.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"

    def _experiment_id(self, client: "MlflowClient") -> str:
        with _exclusive(self.lock):
            experiment = client.get_experiment_by_name(self.experiment)
            if experiment is not None:
                return str(experiment.experiment_id)
            return str(client.create_experiment(self.experiment, artifact_location=self.artifact_root))


@cache
def _prepare(tracking_uri: str, lock: Path) -> None:
    """Let the first process create the tables; two at once would fail in the migration."""
    import_module("mlflow.tracking")  # sets up its loggers, which would overrule what follows
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with _exclusive(lock):
        store = Path(tracking_uri.removeprefix(_SQLITE))
        if tracking_uri.startswith(_SQLITE) and not store.exists() and os.name == "posix":
            # A store whose creation was interrupted could never be used, so it gets its name when it is whole.
            with atomic_path(store) as temporary:
                _client(f"{_SQLITE}{temporary}").search_experiments(max_results=1)
        _client(tracking_uri).search_experiments(max_results=1)


def _client(tracking_uri: str) -> "MlflowClient":
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri)


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Hold a lock between processes; the system releases it when a process dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(lock, timeout=_MIGRATION_TIMEOUT_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def this_process() -> str:
    """Name of this process, among those of other machines."""
    return f"{socket.gethostname()}:{os.getpid()}"


def process_is_alive(name: str) -> bool:
    """Whether a process may still run: yes, unless it is known to be dead on this machine."""
    host, _, number = name.rpartition(":")
    if os.name != "posix" or host != socket.gethostname() or not number.isdigit():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _known_characters(key: str) -> str:
    return re.sub(r"[^\w\-./: ]", "_", key)[:_LONGEST_KEY]


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
