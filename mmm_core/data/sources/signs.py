"""Cheap signs that a source may have changed, without reading it."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path

from mmm_core.config.ingest import RetryConfig, TableConfig
from mmm_core.config.schema import Config
from mmm_core.data.sources.address import display_name, is_pattern, is_web
from mmm_core.data.sources.figshare import figshare_signs
from mmm_core.data.sources.file import local_paths
from mmm_core.data.sources.kaggle import kaggle_signs
from mmm_core.data.sources.remote_store import open_store, store_signs
from mmm_core.data.sources.source import configured_connectors, table_key
from mmm_core.data.sources.transfer import Transfer
from mmm_core.data.sources.web import Refused, web_signs
from mmm_core.data.sources.web_download import refusal
from mmm_core.errors import DataError, UnreachableError
from mmm_core.progress import silent

_LONGEST_WAIT_S = 10.0


def source_signs(config: Config) -> list[str] | None:
    """What changes when the source or a further table changes; nothing is read.

    Local files tell size and time of change; addresses what their server says (ETag, time of change, size), a
    server that says nothing counting as unchanged; a Figshare article its version and date, a Kaggle dataset
    its version.  A service that does not answer is a sign of its own, and the next configured connector is
    asked, as in reading.

    Returns:
        Signs in a fixed order, or None where only reading tells: databases, and folders or patterns in an
        object store.

    Raises:
        DataError: a file is missing or may not be read.
    """
    retries: RetryConfig = config.ingest.retries
    hasty = RetryConfig(
        attempts=1, first_pause_seconds=0, timeout_seconds=min(retries.timeout_seconds, _LONGEST_WAIT_S)
    )
    how = Transfer(hasty, Path(), silent)
    tables: Sequence[TableConfig] = (*config.ingest.tables.values(), *config.external_data.values())
    parts = [_main_signs(config, how), *(_table_signs(table, config, how) for table in tables)]
    known = [part for part in parts if part is not None]
    return [sign for part in known for sign in part] if len(known) == len(parts) else None


def _main_signs(config: Config, how: Transfer) -> list[str] | None:
    signs: list[str] = []
    for connector in configured_connectors(config):
        if connector == "sql":
            return None
        try:
            found = _asked(_asker(connector, config, how), connector)
        except UnreachableError:
            signs.append(f"{connector} unreachable")
            if config.ingest.if_unreachable == "stop":
                return signs
            continue
        return None if found is None else [*signs, *found]
    return signs


def _asker(connector: str, config: Config, how: Transfer) -> Callable[[], list[str] | None]:
    ingest = config.ingest
    if connector == "figshare":
        return lambda: figshare_signs(ingest.figshare, how)
    if connector == "kaggle":
        return lambda: kaggle_signs(ingest.kaggle, how)
    if connector == "file":
        return lambda: _path_signs(ingest.path or "", how, "ingest.path")
    return list


def _table_signs(table: TableConfig, config: Config, how: Transfer) -> list[str] | None:
    service = table.path.partition(":")[0]
    if service == "figshare":
        ask: Callable[[], list[str] | None] = lambda: figshare_signs(config.ingest.figshare, how)  # noqa: E731
    elif service == "kaggle":
        ask = lambda: kaggle_signs(config.ingest.kaggle, how)  # noqa: E731
    else:
        key = f"{table_key(table, config)}.path"
        ask = lambda: _path_signs(table.path, how, key)  # noqa: E731
    try:
        return _asked(ask, table.path)
    except UnreachableError:
        return [f"{display_name(table.path)} unreachable"]


def _asked(ask: Callable[[], list[str] | None], what: str) -> list[str] | None:
    try:
        return ask()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise DataError(
            f"{display_name(what)} cannot be read: {error.strerror or type(error).__name__}."
        ) from None


def _path_signs(path: str, how: Transfer, key: str) -> list[str] | None:
    if is_web(path):
        origin = display_name(path)
        try:
            return [f"{sign}" for sign in astuple(web_signs(path, origin, how)) if sign is not None]
        except Refused as error:
            raise DataError(refusal(origin, error.status, key)) from None
    paths = local_paths(path, key)
    if paths is not None:
        return [f"{item} {item.stat().st_size} {item.stat().st_mtime_ns}" for item in paths]
    filesystem, inner = open_store(path)
    if is_pattern(inner):
        return None
    signs = store_signs(filesystem, inner, display_name(path), how)
    return None if signs.size in (None, 0) and signs.etag is None else [f"{sign}" for sign in astuple(signs)]
