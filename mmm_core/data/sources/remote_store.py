"""Files behind any other fsspec URL: object stores (S3, Google Cloud, Azure), FTP, ..."""

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmm_core.data.sources.address import display_name, file_name
from mmm_core.data.sources.downloads import DownloadCache, Record, Signs
from mmm_core.data.sources.extras import install_hint
from mmm_core.data.sources.retries import Transient, with_retries
from mmm_core.data.sources.transfer import FetchedFile, Transfer
from mmm_core.errors import DataError, UnreachableError

_BLOCK = 8 << 20
_LIBRARY_ERRORS = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "google.auth.exceptions": ("GoogleAuthError",),
    "gcsfs.retry": ("HttpError",),
    "azure.core.exceptions": ("AzureError",),
    "aiohttp": ("ClientError",),
}
"""What the libraries of object stores raise that is no OSError."""
_RETRYING = ("gs://", "gcs://", "s3://", "s3a://", "az://", "abfs")
"""Protocols whose libraries have tried several times before they raise anything."""
_LASTING = ("credential", "auth", "forbidden", "denied", "permission", "nosuchbucket", "not found", "notfound")


def open_store(path: str) -> tuple[Any, str]:
    """fsspec file system of a URL, and the path in it.

    Raises:
        DataError: the protocol is unknown, or its package is not installed.
    """
    import fsspec

    origin, protocol = display_name(path), path.partition("://")[0]
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it logs what it raises, with a stack trace
    try:
        filesystem, inner = fsspec.core.url_to_fs(path)
    except ImportError as error:
        raise DataError(f"{origin} cannot be opened: {install_hint(protocol, error.name)}.") from None
    except ValueError:
        if protocol in fsspec.available_protocols():
            raise DataError(
                f"{origin} cannot be opened: the {protocol} client lacks its account or credentials; set them in "
                "the environment, as its documentation says."
            ) from None
        raise DataError(
            f"{origin} cannot be opened: {protocol} is no protocol that fsspec knows; give a local path or a "
            "URL such as https://, s3://, gs:// or az://."
        ) from None
    return filesystem, str(inner)


def store_signs(filesystem: Any, inner: str, origin: str, how: Transfer) -> Signs:
    """What the store says about a file, without fetching it.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError, DataError, UnreachableError.
    """

    def attempt() -> Signs:
        with store_errors(origin):
            return _signs(filesystem.info(inner))

    return with_retries(attempt, origin, how.retries)


def fetch_from_store(filesystem: Any, inner: str, path: str, how: Transfer) -> FetchedFile:
    """One file of a store, block by block into the download cache.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError, DataError, UnreachableError.
    """
    origin = display_name(path)
    store = DownloadCache(how.folder, path)
    with store.locked():
        known = store.record()

        def attempt() -> Record:
            with store_errors(origin):
                return _attempt(filesystem, inner, origin, store, known, how)

        record = with_retries(attempt, origin, how.retries)
        return FetchedFile(store.content(record.content_hash), origin, file_name(path), record.content_hash)


def _attempt(
    filesystem: Any, inner: str, origin: str, store: DownloadCache, known: Record | None, how: Transfer
) -> Record:
    filesystem.invalidate_cache()
    about = filesystem.info(inner)
    if about.get("type") == "directory":
        raise IsADirectoryError(origin)
    signs = _signs(about)
    if known is not None and signs.etag is not None and known.signs == signs:
        return known
    begun, before = store.begun()
    if before != signs or signs.etag is None:
        store.begin(signs)
        begun = 0
    with store.partial.open("ab") as file, filesystem.open(inner, "rb") as remote:
        if begun:
            remote.seek(begun)
        while block := remote.read(_BLOCK):
            file.write(block)
            begun += len(block)
            how.progress(f"download of {origin}", begun, max(begun, signs.size or 0))
    if signs.size is not None and begun != signs.size:
        if begun > signs.size:
            store.drop_partial()
        raise Transient(f"the answer broke off after {begun} of {signs.size} bytes")
    return store.keep(store.partial, signs)


@contextmanager
def store_errors(origin: str) -> Iterator[None]:
    """Turn what libraries raise into passing trouble, the end of patience, or a message without secrets."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
        raise
    except library_errors() as error:
        text = f"{type(error).__name__} {error}".lower()
        if any(word in text for word in _LASTING):
            raise DataError(
                f"{origin} may not be read: {type(error).__name__}; check the credentials of this service in the "
                "environment, and the address."
            ) from None
        if type(error).__module__.startswith("aiohttp") and not origin.startswith(_RETRYING):
            raise Transient(type(error).__name__) from None
        raise UnreachableError(f"{origin} could not be fetched: {type(error).__name__}; try later.") from None
    except (TimeoutError, ConnectionError) as error:
        raise Transient(type(error).__name__) from None
    except NotImplementedError:
        raise DataError(f"{origin} cannot be opened: this protocol does not support reading like that.") from None
    except OSError as error:
        raise Transient(error.strerror or type(error).__name__) from None


def library_errors() -> tuple[type[Exception], ...]:
    """Exceptions of the object stores' libraries that are installed and that are no OSError."""
    found: list[type[Exception]] = []
    for module, names in _LIBRARY_ERRORS.items():
        try:
            loaded = importlib.import_module(module)
        except ImportError:
            continue
        found += [getattr(loaded, name) for name in names if hasattr(loaded, name)]
    return tuple(found)


def _signs(about: dict[str, Any]) -> Signs:
    """Version and time of change as the store tells them; names differ from store to store."""
    tags = [about.get(name) for name in ("ETag", "etag", "md5Hash", "generation", "content_md5", "checksum")]
    times = [
        about.get(name) for name in ("LastModified", "last_modified", "mtime", "modified", "updated", "created")
    ]
    size = about.get("size")
    changed = next((str(time) for time in times if time), None)
    tag = next((str(tag) for tag in tags if tag), None) or changed
    return Signs(etag=tag, last_modified=changed, size=int(size) if isinstance(size, int | float) else None)
