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
from mmm_core.errors import TrackingError
from mmm_core.storage import atomic_path, is_running, no_room

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

RUN_TAG, ASSET_TAG, PROCESS_TAG = "dagster_run_id", "dagster_asset_key", "mmm_process"
INSIDE_TAG = "mmm_inside_process"
"""Tag of a Dagster run inside the process of a command or a job: which; `PROCESS_TAG`: of a run with its own."""
UI_ADDRESS = "http://127.0.0.1:5000"
"""Where `mmm ui --mlflow` shows a store that has no server of its own."""
_SQLITE = "sqlite:///"
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_PARAMETERS_PER_REQUEST = 100
_LONGEST_PARAMETER = 6000
_LONGEST_KEY = 250
_MIGRATION_TIMEOUT_SECONDS = 120
_HABITS = {
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""Unless the environment says otherwise.  With MLflow's own, a server that is down costs minutes per request, and
a restored fit prints bars of its own between ours."""
_LONGEST_REASON = 200

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrackedRun:
    """One MLflow run that is being written."""

    client: "MlflowClient"
    run_id: str
    url: str
    """Page of the run in the MLflow UI."""
    store: str
    """Address of the store, for messages."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record parameters; names keep the characters that MLflow knows."""
        from mlflow.entities import Param

        named = {_known_characters(key): str(value)[:_LONGEST_PARAMETER] for key, value in params.items()}
        for chunk in _chunks([Param(key, value) for key, value in named.items()], _PARAMETERS_PER_REQUEST):
            with answering(self.store):
                self.client.log_batch(self.run_id, params=chunk)

    def log_metrics(self, metrics: Mapping[str, float | None]) -> None:
        """Record the finite ones of these numbers."""
        for key, value in metrics.items():
            if value is not None and math.isfinite(value):
                with answering(self.store):
                    self.client.log_metric(self.run_id, _known_characters(key), float(value))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add or replace tags."""
        for key, value in tags.items():
            with answering(self.store):
                self.client.set_tag(self.run_id, key, value)

    def log_file(self, path: Path, folder: str | None = None) -> None:
        """Copy a file to the run's artifacts, or nothing of it where there is no room.

        Raises:
            TrackingError: the store does not answer, or its disk is full.
        """
        try:
            with answering(self.store):
                self.client.log_artifact(self.run_id, str(path), folder)
        except TrackingError as error:
            if error.__cause__ is not None and no_room(error.__cause__) is not None:
                self._remove(f"{folder}/{path.name}" if folder else path.name)
            raise

    def _remove(self, artifact: str) -> None:
        """Delete what was copied of a file."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with answering(self.store):
            get_artifact_repository(self.client.get_run(self.run_id).info.artifact_uri).delete_artifacts(artifact)

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
        settings, storage = project.config.tracking, project.work
        return cls(
            tracking_uri=settings.tracking_uri or f"{_SQLITE}{(storage / 'mlflow.db').as_posix()}",
            experiment=settings.experiment or project.config.project.name,
            artifact_root=(storage / "mlartifacts").as_uri() if _is_database(settings.tracking_uri) else None,
            lock=storage / "mlflow.lock",
        )

    @property
    def exists(self) -> bool:
        """Whether there may be runs: a local store is created with the first one."""
        return not self.tracking_uri.startswith(_SQLITE) or Path(self.tracking_uri.removeprefix(_SQLITE)).exists()

    def client(self) -> "MlflowClient":
        """A client of the store, which is created or migrated first if need be.

        Raises:
            TrackingError: the store does not answer within a minute or two.
        """
        with answering(self.tracking_uri):
            _prepare(self.tracking_uri, self.lock)
        return _client(self.tracking_uri)

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """A new MLflow run: FINISHED if the block succeeds, FAILED if anything at all ends it early.

        A store that does not take the end costs a warning, as what was made in the block counts for more; it is
        told later (`end_late`).

        Raises:
            TrackingError: the store does not answer.
        """
        client = self.client()
        experiment = self._experiment_id(client)
        with answering(self.tracking_uri):
            run_id = client.create_run(experiment, tags=dict(tags), run_name=name).info.run_id
        status = "FAILED"
        try:
            yield TrackedRun(client, run_id, self.url(experiment, run_id), self.tracking_uri)
            status = "FINISHED"
        finally:
            self._end(client, run_id, status)

    def _end(self, client: "MlflowClient", run_id: str, status: str) -> None:
        try:
            with answering(self.tracking_uri):
                client.set_terminated(run_id, status)
        except TrackingError as error:
            with self._not_ended.open("a", encoding="utf-8") as notes:
                notes.write(f"{run_id} {status}\n")
            _LOG.warning("MLflow run %s stays open until the next command. %s", run_id, error)

    @property
    def _not_ended(self) -> Path:
        """Runs whose end the store has not taken: their id and status, one per line."""
        return self.lock.with_suffix(".unfinished")

    def end_late(self) -> None:
        """End the runs whose end the store did not take when it was time.

        Raises:
            TrackingError: the store still does not answer.
        """
        if not self._not_ended.exists():
            return
        client = self.client()
        for line in self._not_ended.read_text(encoding="utf-8").splitlines():
            run_id, _, status = line.partition(" ")
            with answering(self.tracking_uri):
                client.set_terminated(run_id, status)
        self._not_ended.unlink()

    def reopen(self, run_id: str) -> TrackedRun:
        """An ended run, to add artifacts to it; its status stays.

        Raises:
            TrackingError: the store does not answer, or does not know the run.
        """
        client = self.client()
        with answering(self.tracking_uri):
            experiment = client.get_run(run_id).info.experiment_id
        return TrackedRun(client, run_id, self.url(experiment, run_id), self.tracking_uri)

    def close_abandoned(self, is_over: Callable[[Mapping[str, str]], bool]) -> list[str]:
        """End runs that a killed process left open.

        Args:
            is_over: whether nobody writes to the run with these tags any more.

        Returns:
            Ids of the MLflow runs that are FAILED now.

        Raises:
            TrackingError: the store does not answer.
        """
        client = self.client()
        experiment = self._experiment_id(client)
        with answering(self.tracking_uri):
            runs = client.search_runs([experiment], "attributes.status = 'RUNNING'")
        abandoned = [run.info.run_id for run in runs if is_over(run.data.tags)]
        for run_id in abandoned:
            with answering(self.tracking_uri):
                client.set_terminated(run_id, "FAILED")
        return abandoned

    def url(self, experiment_id: str, run_id: str) -> str:
        """Page of a run in the MLflow UI."""
        server = self.tracking_uri if self.tracking_uri.startswith("http") else UI_ADDRESS
        return f"{_without_password(server).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"

    def _experiment_id(self, client: "MlflowClient") -> str:
        with answering(self.tracking_uri), _exclusive(self.lock):
            experiment = client.get_experiment_by_name(self.experiment)
            if experiment is not None:
                return str(experiment.experiment_id)
            return str(client.create_experiment(self.experiment, artifact_location=self.artifact_root))


def _is_database(tracking_uri: str | None) -> bool:
    """Whether MLflow's tables are used without a server, which would put artifacts into the working directory."""
    return tracking_uri is None or tracking_uri.partition("://")[0].partition("+")[0] in _DATABASES


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


@contextmanager
def answering(tracking_uri: str) -> Iterator[None]:
    """One clear sentence where the store does not do what the block asks for.

    Raises:
        TrackingError: it is down, locked, full, or refuses.
    """
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        what = _what_went_wrong(str(error))
        raise TrackingError(
            f"MLflow at {_without_password(tracking_uri)} {what}. Run the same again then; what is finished is "
            "kept."
        ) from error


def _what_went_wrong(text: str) -> str:
    lower = text.lower()
    if any(word in lower for word in ("max retries", "refused", "timed out", "resolve", "connection aborted")):
        return "does not answer: start it, or correct tracking.tracking_uri (left out, a local file is used)"
    if "database is locked" in lower:
        return "is locked by another process: close what has the database open"
    if any(word in lower for word in ("no space left", "disk is full", "disk i/o", "file too large", "quota")):
        return "cannot be written, its disk is full: free some space there"
    reason = " ".join(text.split())[:_LONGEST_REASON]
    return f"refuses or fails ({reason}): see its log, or correct tracking.tracking_uri"


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)


def _client(tracking_uri: str) -> "MlflowClient":
    for name, value in _HABITS.items():
        os.environ.setdefault(name, value)
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
    return is_running(int(number))


def _known_characters(key: str) -> str:
    return re.sub(r"[^\w\-./: ]", "_", key)[:_LONGEST_KEY]


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
