"""Versions of the model in MLflow's model registry, with explicit stores, never the process-wide ones."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmm_assets.io_managers import PosteriorIOManager, StoredFit
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker, answering
from mmm_assets.run_lock import held
from mmm_core.config.schema import Config
from mmm_core.errors import StorageError, TrackingError
from mmm_core.storage import room_for

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
_FIT, _VERDICT, _PROMOTED, _PROJECT = "fit", "verdict", "promoted_at", "project"
_FOLDER, _FIT_FILE, _MODEL = "version", "fit.nc", "model"
_PATIENCE_SECONDS = 1800.0
"""Far longer than registering a large fit with a slow server takes."""


@dataclass(frozen=True)
class Version:
    """A fit that was accepted when it was registered."""

    number: int
    fit: str
    """Version of the posterior (`StoredFit.version`)."""
    verdict: str
    """Level of the last verdict on it."""
    run_id: str
    """MLflow run of the fit, which holds the files."""
    promoted_at: str | None
    """When it last became the champion (ISO 8601, UTC); None: never."""


@dataclass(frozen=True)
class Registry:
    """The versions of one model."""

    tracker: Tracker
    name: str
    project: str
    lock: Path
    """File whose lock keeps two processes from registering the same fit twice."""
    patience_seconds: float = _PATIENCE_SECONDS
    """How long that lock is waited for."""

    @classmethod
    def of(cls, project: Project, tracker: Tracker) -> "Registry":
        """The registry beside the project's MLflow runs."""
        name = project.config.project.name
        lock = project.work / "locks" / "registry.lock"
        return cls(tracker, project.config.promotion.model_name or name, name, lock)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process of this machine changes versions during the block.

        Raises:
            BusyError: one has been at it for longer than anything there takes; says which.
        """
        with held(self.lock, f"is changing versions of the model {self.name}", self.patience_seconds):
            yield

    def versions(self) -> list[Version]:
        """All versions, the oldest first; of other projects under the same name none.

        Raises:
            TrackingError: the store does not answer.
        """
        if not self.tracker.exists:
            return []
        with self._answering() as client:
            found = client.search_model_versions(f"name = '{self.name.replace(chr(39), '')}'", max_results=10_000)
        own = [one for one in found if one.tags.get(_PROJECT) == self.project]
        return sorted((_version(one) for one in own), key=lambda version: version.number)

    def numbers_by_alias(self) -> dict[str, int]:
        """alias -> number; empty if nothing is registered.

        Raises:
            TrackingError: the store does not answer.
        """
        if not self.versions():
            return {}
        with self._answering() as client:
            return {alias: int(number) for alias, number in client.get_registered_model(self.name).aliases.items()}

    def add(self, fit: StoredFit, verdict: str, config: Config) -> Version:
        """Register a fit.

        The files go to the fit's MLflow run: the served model, and the whole fit, from which `fit_of` restores it.
        A version exists once its files are there, so an interruption leaves none that cannot be used.

        Raises:
            TrackingError: the store does not answer, or does not know the run of the fit.
            DiskFullError: there is no room for temporary files.
        """
        from mmm_core.serving.package import thinned, write_model

        served = thinned(fit.posterior, config.promotion.draws)
        about = {"project": self.project, "fit": fit.version, "mlflow_run_id": fit.mlflow_run_id}
        with room_for(Path(tempfile.gettempdir()) / _FIT_FILE), tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / _FOLDER
            folder.mkdir()
            write_model(served, config.features, about, folder / _MODEL)
            PosteriorIOManager().write(fit, folder / _FIT_FILE)
            with self._answering() as client:
                client.log_artifacts(fit.mlflow_run_id, str(folder), _FOLDER)
        return self._create(fit, verdict, served.n_draws)

    def fit_of(self, number: int) -> StoredFit:
        """The fit of a version, as it was registered.

        Raises:
            TrackingError: the store does not answer.
            StorageError: there is no such version, or its file is gone or damaged.
        """
        version = next((one for one in self.versions() if one.number == number), None)
        if version is None:
            raise StorageError(f"Model {self.name} has no version {number}.")
        lost = (
            f"The file of version {number} of {self.name} is gone from its MLflow run {version.run_id}, or "
            "damaged; choose another version."
        )
        with tempfile.TemporaryDirectory() as folder:
            try:
                with self._answering() as client:
                    path = client.download_artifacts(version.run_id, f"{_FOLDER}/{_FIT_FILE}", folder)
                fit = PosteriorIOManager().read(Path(path))
            except (TrackingError, StorageError, OSError, KeyError, ValueError) as error:
                raise StorageError(lost) from error
        if fit.version != version.fit:
            raise StorageError(lost)
        return fit

    def promote(self, number: int) -> None:
        """Make a version the champion.

        Raises:
            TrackingError: the store does not answer.
        """
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        with self._answering() as client:
            client.set_model_version_tag(self.name, str(number), _PROMOTED, now)
            client.set_registered_model_alias(self.name, CHAMPION, str(number))
        if self.numbers_by_alias().get(CHALLENGER) == number:
            self.drop_challenger()

    def challenge(self, number: int) -> None:
        """Make a version the challenger.

        Raises:
            TrackingError: the store does not answer.
        """
        with self._answering() as client:
            client.set_registered_model_alias(self.name, CHALLENGER, str(number))

    def drop_challenger(self) -> None:
        """There is none any more.

        Raises:
            TrackingError: the store does not answer.
        """
        with self._answering() as client:
            client.delete_registered_model_alias(self.name, CHALLENGER)

    def judge(self, version: Version, verdict: str) -> None:
        """Note the verdict of today, if it is another one.

        Raises:
            TrackingError: the store does not answer.
        """
        if version.verdict != verdict:
            with self._answering() as client:
                client.set_model_version_tag(self.name, str(version.number), _VERDICT, verdict)

    def _create(self, fit: StoredFit, verdict: str, draws: int) -> Version:
        tags = {_PROJECT: self.project, _FIT: fit.version, _VERDICT: verdict, "served_draws": str(draws)}
        with self._answering() as client:
            if not any(model.name == self.name for model in client.search_registered_models()):
                client.create_registered_model(self.name, description="Marketing mix model: docs/promotion.md")
            source = f"{client.get_run(fit.mlflow_run_id).info.artifact_uri}/{_FOLDER}/{_MODEL}"
            found = client.create_model_version(self.name, source, run_id=fit.mlflow_run_id, tags=tags)
        return _version(found)

    @contextmanager
    def _answering(self) -> Iterator["MlflowClient"]:
        client = self.tracker.client()
        with answering(self.tracker.tracking_uri):
            yield client


def _version(found: Any) -> Version:
    tags = found.tags
    return Version(int(found.version), tags[_FIT], tags.get(_VERDICT, ""), str(found.run_id), tags.get(_PROMOTED))
