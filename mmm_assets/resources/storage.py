"""Where a project's results live: a folder of this machine, or of an object store such as S3.

Files are made locally and put there whole.  What is put to an object store becomes visible when it is complete
(S3's PUT, and the completion of a multipart upload): a reader sees the old file or the new one, as with a local
rename.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from upath import UPath

from mmm_core.config.inputs import PathsConfig
from mmm_core.config.loading import LoadedConfig
from mmm_core.config.masking import mask
from mmm_core.data.sources.extras import install_hint
from mmm_core.data.sources.remote_store import library_errors
from mmm_core.errors import ConfigError, StorageError, StoreUnusableError
from mmm_core.storage import atomic_path, is_remote

_SECRET_OPTION = re.compile(r"key|secret|token|password|credential|connection_string", re.IGNORECASE)
_S3 = ("s3", "s3a")
_PATIENCE = {"connect_timeout": 10, "read_timeout": 120, "retries": {"max_attempts": 3}}
"""Of botocore; its own 60 seconds per connection make an unreachable store look like one that hangs."""
_NO_LISTING_CACHE = {"use_listings_cache": False}
"""Other processes write to the same store."""
_PROBE = ".mmm"


def open_storage(loaded: LoadedConfig) -> UPath:
    """The folder that `paths.storage` names; a `pathlib.Path` if it is local.

    Raises:
        ConfigError: the URL has no bucket, its protocol is unknown or not installed, or a secret is written out.
    """
    paths = loaded.config.paths
    if not is_remote(paths.storage):
        _refuse_options_of_a_folder(paths)
        return Path(paths.storage).expanduser().resolve()
    _refuse_written_secrets(loaded)
    protocol, _, rest = paths.storage.partition("://")
    if not rest.strip("/"):
        raise ConfigError(
            f"paths.storage is {paths.storage!r}, which names no bucket; write {protocol}://bucket/folder."
        )
    try:
        place = UPath(paths.storage.rstrip("/"), **_options(protocol, paths))
        place.fs  # noqa: B018  the client is made, its package is needed
    except ImportError as error:
        hint = install_hint(protocol, error.name)
        raise ConfigError(f"paths.storage is {paths.storage!r}: {hint}.") from None
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"paths.storage is {paths.storage!r}, which cannot be opened ({mask(str(error), loaded.secrets)}); "
            "give a folder, or a URL such as s3://bucket/folder with options that its fsspec client knows."
        ) from None
    return place


def _options(protocol: str, paths: PathsConfig) -> dict[str, Any]:
    options: dict[str, Any] = _NO_LISTING_CACHE | dict(paths.storage_options)
    if paths.endpoint_url is not None:
        options["endpoint_url"] = paths.endpoint_url
    if protocol in _S3:
        options["config_kwargs"] = _PATIENCE
    return options


def _refuse_options_of_a_folder(paths: PathsConfig) -> None:
    for key, value in (("endpoint_url", paths.endpoint_url), ("storage_options", paths.storage_options)):
        if value:
            raise ConfigError(
                f"paths.{key} is set, but paths.storage is the folder {paths.storage!r}; write s3://bucket/folder "
                f"there, or remove paths.{key}."
            )


def _refuse_written_secrets(loaded: LoadedConfig) -> None:
    for name in loaded.config.paths.storage_options:
        key = f"paths.storage_options.{name}"
        if _SECRET_OPTION.search(name) and key not in loaded.interpolated:
            raise ConfigError(
                f"{key} is written out in the configuration; put it into the environment and write ${{NAME}}."
            )


def require_writable(storage: UPath) -> None:
    """Prove that an object store can be written to and read, before anything else is done.

    Raises:
        StoreUnusableError: it cannot; says whether bucket, credentials or address are to blame.
    """
    if isinstance(storage, Path):
        return
    probe = storage / _PROBE
    with store_errors(storage):
        if storage.protocol not in _ATOMIC_PUT:
            storage.fs.makedirs(storage.path, exist_ok=True)
        probe.fs.pipe_file(probe.path, b"written by mmm to see whether it may\n")
        probe.fs.cat_file(probe.path)


@contextmanager
def store_errors(place: UPath) -> Iterator[None]:
    """One clear sentence for what the client of an object store raises.

    Raises:
        StoreUnusableError: the store did not do what was asked.
    """
    if isinstance(place, Path):
        yield
        return
    expected: tuple[type[Exception], ...] = (OSError, *library_errors())
    try:
        yield
    except expected as error:
        raise StoreUnusableError(_sentence(place, error)) from None


_SENTENCES = (
    (
        ("nosuchbucket", "bucket does not exist", "filenotfound"),
        "the bucket does not exist; create it, or correct the name.",
    ),
    (
        ("nocredentials", "partialcredentials", "unable to locate credentials"),
        "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what this store uses, in "
        "the environment.",
    ),
    (
        (
            "permission",
            "forbidden",
            "denied",
            "invalidaccesskey",
            "signature",
            "invalidtoken",
            "expired",
            "unauthorized",
        ),
        "access is denied; check the credentials in the environment, and that they may write there.",
    ),
    (
        ("connect", "timeout", "timed out", "resolve"),
        "the store does not answer; check paths.endpoint_url and the network, or try later.",
    ),
)
"""Words of an error, and what they mean; the first that occur count."""


def _sentence(place: UPath, error: Exception) -> str:
    text = f"{type(error).__name__} {error} {error.__cause__ or ''}".lower()
    address = place.storage_options.get("endpoint_url")
    where = f"paths.storage {place}{f' at {address}' if address else ''}"
    for words, meaning in _SENTENCES:
        if any(word in text for word in words):
            return f"{where}: {meaning}"
    return (
        f"{where}: it answered {type(error).__name__} ({str(error)[:200]}); check address, bucket and credentials."
    )


def is_there(path: UPath) -> bool:
    """Whether a file is stored.

    Raises:
        StoreUnusableError: the store does not say.
    """
    with store_errors(path):
        return bool(path.exists())


def publish(path: UPath, write: Callable[[Path], None]) -> None:
    """Let `write` make a local file and put it at `path`, so that readers see the old or the new one.

    Raises:
        StoreUnusableError: the object store did not take it; what was there is still there.
    """
    if isinstance(path, Path):
        with atomic_path(Path(str(path))) as temporary:
            write(temporary)
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / path.name
        write(local)
        _put(local, path)


@contextmanager
def local_copy(path: UPath) -> Iterator[Path]:
    """A local file with the content of `path`.

    Raises:
        StorageError: there is none.
        StoreUnusableError: the object store did not give it.
    """
    if isinstance(path, Path):
        yield Path(str(path))
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / path.name
        with store_errors(path.parent):
            try:
                path.fs.get_file(path.path, str(local))
            except FileNotFoundError:
                raise StorageError(f"{path} is not there.") from None
        yield local


@contextmanager
def written_to(folder: UPath) -> Iterator[Path]:
    """A local folder whose changes are made in `folder` once the block succeeds; see `mirrored`.

    Raises:
        StoreUnusableError: the object store does not answer.
    """
    with mirrored(folder) as (local, _):
        yield local


Fetch = Callable[[Path], None]
"""Makes sure that a file of a mirror has its content, not only its name and size."""


@contextmanager
def mirrored(folder: UPath) -> Iterator[tuple[Path, Fetch]]:
    """A local folder whose changes are made in `folder` once the block succeeds, and what fetches a file there.

    A local folder is itself.  Of an object store's folder the names are there, as files of the same size without
    content, of which the block fetches those that it reads: what it writes is put, what it removes is removed, the
    rest stays as it is.

    Args:
        folder: where files are meant to be.

    Raises:
        StoreUnusableError: the object store does not answer.
    """
    if isinstance(folder, Path):
        yield Path(str(folder)), lambda _: None
        return
    with tempfile.TemporaryDirectory() as temporary:
        local = Path(temporary)
        before = _mirrored(folder, local)

        def fetch(file: Path) -> None:
            name = file.relative_to(local).as_posix()
            if before.get(name) == _stamp(file):
                with store_errors(folder):
                    folder.fs.get_file(f"{folder.path}/{name}", str(file))
                before[name] = _aged(file)

        yield local, fetch
        after = {file.relative_to(local).as_posix(): _stamp(file) for file in local.rglob("*") if file.is_file()}
        for name in sorted(after):
            if after[name] != before.get(name):
                _put(local / name, folder / name)
        for name in sorted(before.keys() - after.keys()):
            with store_errors(folder):
                (folder / name).unlink(missing_ok=True)


def _mirrored(folder: UPath, local: Path) -> dict[str, tuple[int, int]]:
    """Make a file per stored one, as large but without content (it takes no room); name -> its stamp."""
    with store_errors(folder):
        found = folder.fs.find(folder.path, detail=True)
    sizes = {path.removeprefix(folder.path.rstrip("/") + "/"): about["size"] for path, about in found.items()}
    for name, size in sizes.items():
        (local / name).parent.mkdir(parents=True, exist_ok=True)
        with (local / name).open("wb") as file:
            file.truncate(size)
    return {name: _aged(local / name) for name in sizes}


def _aged(file: Path) -> tuple[int, int]:
    """The stamp of a file, which is made older than anything that is written now."""
    os.utime(file, ns=(0, 0))
    return _stamp(file)


def _stamp(file: Path) -> tuple[int, int]:
    about = file.stat()
    return about.st_size, about.st_mtime_ns


def _put(local: Path, path: UPath) -> None:
    """Put a whole file; a store whose puts are not atomic gets it under another name first."""
    with store_errors(path.parent):
        if path.protocol in _ATOMIC_PUT:
            path.fs.put_file(str(local), path.path)
            return
        temporary = f"{path.path}.{os.getpid()}.tmp"
        path.fs.makedirs(path.parent.path, exist_ok=True)
        try:
            path.fs.put_file(str(local), temporary)
            path.fs.mv(temporary, path.path)
        finally:
            if path.fs.exists(temporary):
                path.fs.rm_file(temporary)


_ATOMIC_PUT = frozenset({*_S3, "gs", "gcs", "az", "abfs", "abfss", "memory"})
"""Object stores show a file when its upload is complete."""
