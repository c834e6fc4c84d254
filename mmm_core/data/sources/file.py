"""The connector `file`: CSV, Parquet and Excel, one file or several, on the local disk or behind a URL."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mmm_core.data.sources.address import display_name, file_name, is_pattern, is_web
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.parsing import parse_files
from mmm_core.data.sources.remote_store import fetch_from_store, open_store, store_errors
from mmm_core.data.sources.retries import with_retries
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import FetchedFile, Transfer, file_hash
from mmm_core.data.sources.web import Refused
from mmm_core.data.sources.web_download import download, refusal
from mmm_core.errors import DataError

_PARQUET_ENDINGS = (".parquet", ".parq", ".pq")
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


def read_file(path: str, layout: Layout, how: Transfer, key: str = "ingest.path") -> SourceTable:
    """Read a file, a folder of Parquet files, or all files that a pattern fits, as one table.

    Args:
        path: local path or fsspec URL.
        layout: how the files are written.
        how: patience, folder for downloads, progress.
        key: where the path stands in the configuration, for messages.

    Raises:
        UnreachableError: a service did not answer, after retries.
        DataError: missing, empty, or not a table.
    """
    origin = display_name(path)
    try:
        return parse_files(located_files(path, how, key), origin, layout)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{origin} does not exist; set {key} to the file (or --set {key}=…).") from None
    except IsADirectoryError:
        raise DataError(f"{origin} is a folder; set {key} to one file in it, or to a pattern.") from None
    except PermissionError:
        raise DataError(f"{origin} may not be read: permission denied.") from None
    except OSError as error:
        raise DataError(f"{origin} cannot be read: {error.strerror or type(error).__name__}.") from None


def located_files(path: str, how: Transfer, key: str) -> list[FetchedFile]:
    """The files that a path, URL or pattern stands for, on the local disk, in sorted order."""
    origin = display_name(path)
    if is_web(path):
        try:
            return [download(path, origin, file_name(path), how)]
        except Refused as error:
            raise DataError(refusal(origin, error.status, key)) from None
    filesystem, inner = open_store(path)
    if _is_local(filesystem):
        return _local_files(Path(inner), origin, key)
    return _store_files(filesystem, inner, path, how, key)


def local_paths(path: str, key: str) -> list[Path] | None:
    """The local files that a path or pattern stands for; None if they are not local."""
    if is_web(path):
        return None
    filesystem, inner = open_store(path)
    return _local_paths(Path(inner), display_name(path), key)[1] if _is_local(filesystem) else None


def _is_local(filesystem: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(filesystem, LocalFileSystem)


def _local_files(inner: Path, origin: str, key: str) -> list[FetchedFile]:
    root, paths = _local_paths(inner, origin, key)
    if paths == [inner]:
        return [FetchedFile(inner, origin, inner.name, file_hash(inner))]
    return [
        FetchedFile(path, str(path), path.name, file_hash(path), _partitions(path.relative_to(root).parts))
        for path in paths
    ]


def _local_paths(inner: Path, origin: str, key: str) -> tuple[Path, list[Path]]:
    """The folder that partitions are counted from, and the files."""
    if inner.is_dir():
        names = [Path(folder) / name for folder, _, files in os.walk(inner) for name in files]
        wanted = _parquet_of_folder([str(name.relative_to(inner)) for name in names], origin, key)
        return inner, [inner / name for name in wanted]
    if inner.exists() or not is_pattern(str(inner)):
        return inner.parent, [inner]
    root = Path(*inner.parts[: _first_pattern(inner.parts)])
    fitting = root.glob(str(inner.relative_to(root)))
    found = sorted(name for name in fitting if name.is_file() and not name.name.startswith("."))
    if not found:
        raise DataError(f"{origin} fits no file; set {key} to a pattern that does.")
    return root, found


def _first_pattern(parts: Sequence[str]) -> int:
    return next(place for place, part in enumerate(parts) if is_pattern(part))


def _parquet_of_folder(names: Iterable[str], origin: str, key: str) -> list[str]:
    """Parquet files by their names below a folder, in sorted order; not those that programs hide (`_SUCCESS`)."""
    seen = [name for name in names if not any(part.startswith((".", "_")) for part in Path(name).parts)]
    wanted = sorted(name for name in seen if name.lower().endswith(_PARQUET_ENDINGS))
    if not wanted:
        raise DataError(
            f"{origin} is a folder without Parquet files; set {key} to one file, or to a pattern such as "
            f"{origin.rstrip('/')}/*.csv."
        )
    return wanted


def _partitions(parts: Sequence[str]) -> tuple[tuple[str, str | None], ...]:
    """Columns in the names of folders, as Hive, Spark and DuckDB write them (`geo=Berlin/week=3/`)."""
    pairs = (part.partition("=") for part in parts[:-1] if "=" in part)
    return tuple((unquote(name), None if value == _NO_PARTITION else unquote(value)) for name, _, value in pairs)


def _store_files(filesystem: Any, inner: str, path: str, how: Transfer, key: str) -> list[FetchedFile]:
    origin = display_name(path)

    def attempt() -> tuple[str, list[str]]:
        with store_errors(origin):
            return _store_names(filesystem, inner, origin, key)

    root, names = with_retries(attempt, origin, how.retries)
    if names == [inner]:
        return [fetch_from_store(filesystem, inner, path, how)]
    files = []
    for name in names:
        file = fetch_from_store(filesystem, name, _address(filesystem, name, path), how)
        parts = name.removeprefix(root).strip("/").split("/")
        files.append(FetchedFile(file.path, file.origin, file.name, file.content_hash, _partitions(parts)))
    return files


def _store_names(filesystem: Any, inner: str, origin: str, key: str) -> tuple[str, list[str]]:
    if is_pattern(inner) and not filesystem.exists(inner):
        found = sorted(str(name) for name in filesystem.glob(inner) if not filesystem.isdir(name))
        if not found:
            raise DataError(f"{origin} fits no file; set {key} to a pattern that does.")
        parts = inner.split("/")
        return "/".join(parts[: _first_pattern(parts)]), found
    if filesystem.isdir(inner):
        below = {str(name).removeprefix(inner).strip("/"): str(name) for name in filesystem.find(inner)}
        return inner, [below[name] for name in _parquet_of_folder(below, origin, key)]
    return inner, [inner]


def _address(filesystem: Any, name: str, path: str) -> str:
    """URL of one file; of a chain of URLs, its first part names the file."""
    _, sign, rest = path.partition("::")
    return f"{filesystem.unstrip_protocol(name)}{sign}{rest}" if sign else str(filesystem.unstrip_protocol(name))
