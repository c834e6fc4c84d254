"""The connector `kaggle`: one file of a Kaggle dataset, fetched and kept by kagglehub."""

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmm_core.config.ingest import KaggleConfig
from mmm_core.data.sources.extras import install_hint
from mmm_core.data.sources.retries import Transient, with_retries
from mmm_core.data.sources.transfer import FetchedFile, Transfer, file_hash
from mmm_core.errors import DataError

_CACHE_VARIABLE = "KAGGLEHUB_CACHE"
_TABLES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".xlsx")
_CREDENTIALS = (
    "set the environment variables KAGGLE_USERNAME and KAGGLE_KEY (or KAGGLE_API_TOKEN) to those of an account "
    "that may read it"
)


def fetch_kaggle(settings: KaggleConfig, how: Transfer, name: str | None = None) -> FetchedFile:
    """Fetch the configured file, or another file of the same dataset.

    Args:
        settings: dataset and file.
        how: patience, folder for downloads, progress.
        name: path of a file in the dataset, instead of the configured one.

    Raises:
        UnreachableError: the service did not answer, after retries.
        DataError: kagglehub is not installed, no such dataset or file, or no right to read it.
    """
    wanted = name or settings.file
    origin = f"Kaggle dataset {settings.dataset}" + (f", file {wanted}" if wanted else "")
    hub = _kagglehub(origin)
    with _prepared(settings, how), _progress_of(origin, how):
        found = Path(with_retries(lambda: _download(hub, settings, wanted, origin), origin, how.retries))
    path = found if wanted else _only_table(found, origin)
    return FetchedFile(path, origin, path.name, file_hash(path))


def kaggle_signs(settings: KaggleConfig, how: Transfer) -> list[str]:
    """The dataset's version: the configured one, or the newest."""
    dataset = str(settings.dataset)
    if "/versions/" in dataset:
        return [f"kaggle {dataset}"]
    origin = f"Kaggle dataset {dataset}"
    _kagglehub(origin)
    version = with_retries(lambda: _newest_version(dataset, origin), origin, how.retries)
    return [f"kaggle {dataset} {version}"]


def _newest_version(dataset: str, origin: str) -> int:
    from kagglehub.clients import build_kaggle_client
    from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

    question = ApiGetDatasetRequest()
    question.owner_slug, question.dataset_slug = dataset.split("/")
    with _kaggle_errors(origin), build_kaggle_client() as client:
        return int(client.datasets.dataset_api_client.get_dataset(question).current_version_number)


def _kagglehub(origin: str) -> Any:
    try:
        import kagglehub
    except ImportError as error:
        raise DataError(f"{origin} cannot be fetched: {install_hint('kaggle', error.name)}.") from None
    logging.getLogger("kagglehub").setLevel(logging.WARNING)
    return kagglehub


def _download(hub: Any, settings: KaggleConfig, wanted: str | None, origin: str) -> str:
    with _kaggle_errors(origin):
        return str(hub.dataset_download(settings.dataset, path=wanted))


@contextmanager
def _prepared(settings: KaggleConfig, how: Transfer) -> Iterator[None]:
    """kagglehub keeps files in our folder, and one process at a time works on a dataset."""
    from filelock import FileLock

    folder = how.folder / "kaggle"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(settings.dataset).encode()).hexdigest()
    before = os.environ.get(_CACHE_VARIABLE)
    with FileLock(folder / f"{name}.lock"):
        os.environ[_CACHE_VARIABLE] = str(folder)
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(_CACHE_VARIABLE, None)
            else:
                os.environ[_CACHE_VARIABLE] = before


@contextmanager
def _progress_of(origin: str, how: Transfer) -> Iterator[None]:
    """kagglehub tells its progress to a bar on the terminal, and to nobody else; we stand in for the bar."""
    from kagglehub import clients

    class Bar:
        def __init__(self, total: int, initial: int = 0, **_: object) -> None:
            self._total, self._done = total, initial

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, more: int) -> None:
            self._done += more
            how.progress(f"download of {origin}", self._done, max(self._done, self._total))

    original = clients.tqdm
    clients.tqdm = Bar
    try:
        yield
    finally:
        clients.tqdm = original


@contextmanager
def _kaggle_errors(origin: str) -> Iterator[None]:
    """Turn what kagglehub raises into passing trouble or a message."""
    import requests
    from kagglehub import exceptions

    try:
        yield
    except requests.HTTPError as error:
        status = 0 if error.response is None else error.response.status_code
        if status in (401, 403):
            raise DataError(f"{origin} may not be read: Kaggle answered {status}; {_CREDENTIALS}.") from None
        if status in (404, 410):
            raise DataError(
                f"{origin} does not exist (Kaggle answered {status}); check ingest.kaggle. If it is private, "
                f"{_CREDENTIALS}."
            ) from None
        if status == 429 or status >= 500:
            raise Transient(f"Kaggle answered {status}") from None
        raise DataError(f"{origin} cannot be fetched: Kaggle answered {status}; check ingest.kaggle.") from None
    except (exceptions.UnauthenticatedError, exceptions.CredentialError):
        raise DataError(f"{origin} may not be read without an account: {_CREDENTIALS}.") from None
    except exceptions.NotFoundError:
        raise DataError(f"{origin} does not exist; check ingest.kaggle.") from None
    except (exceptions.DataCorruptionError, exceptions.BackendError) as error:
        raise Transient(type(error).__name__) from None
    except requests.RequestException as error:
        raise Transient(f"no connection ({type(error).__name__})") from None
    except ValueError:
        raise DataError(
            f"{origin}: kagglehub does not accept the dataset or the credentials; check both."
        ) from None


def _only_table(folder: Path, origin: str) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in _TABLES)
    if len(files) == 1:
        return files[0]
    names = ", ".join(str(path.relative_to(folder)) for path in files[:20])
    if not files:
        raise DataError(f"{origin} has no CSV, Parquet or Excel file.")
    raise DataError(f"{origin} has {len(files)} tables; set ingest.kaggle.file to one of: {names}.")
