"""Reading the source with the first connector that is configured, and further tables."""

import logging
from collections.abc import Callable
from pathlib import Path

from mmm_core.config.ingest import FileFormatConfig, TableConfig
from mmm_core.config.schema import Config
from mmm_core.data.layouts import KNOWN_TEXT_COLUMNS
from mmm_core.data.sources.figshare import fetch_figshare
from mmm_core.data.sources.file import read_file
from mmm_core.data.sources.kaggle import fetch_kaggle
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.parsing import parse_files
from mmm_core.data.sources.simulated import read_simulated
from mmm_core.data.sources.sql import read_sql
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import FetchedFile, Transfer, transfer
from mmm_core.errors import ConfigError, UnreachableError
from mmm_core.progress import Progress, silent

__all__ = ["SourceTable", "configured_connectors", "read_source", "read_table"]


def read_source(config: Config, cache: Path | None = None, progress: Progress = silent) -> SourceTable:
    """Read the main table of the source data.

    Connectors are tried in the order of `ingest.connector_priority`.  One that is not configured is passed
    over (`file` without `ingest.path`).  One that is configured but cannot be reached is passed over too, with
    a warning, unless `ingest.if_unreachable` is `stop`; simulated data never stands in for it.  One that is
    reached and fails is an error: no other data is taken silently in its place.

    Args:
        config: sections ingest and data.
        cache: folder in which downloads are kept; None: they are not kept.
        progress: told how many bytes or rows have arrived.

    Raises:
        ConfigError: no connector is configured.
        UnreachableError: none of those that are configured answers.
        DataError: the source is missing, empty or not a table.
    """
    passed_over: list[str] = []
    with transfer(config.ingest, cache, progress) as how:
        for connector in configured_connectors(config):
            if passed_over and connector == "simulator":
                continue
            try:
                table = _READERS[connector](config, how)
            except UnreachableError as error:
                if config.ingest.if_unreachable == "stop":
                    raise
                passed_over.append(f"{connector}: {error}")
                logging.getLogger(__name__).warning("Connector %s is passed over: %s", connector, error)
                continue
            return _with_passed_over(table, passed_over)
    if passed_over:
        raise UnreachableError(" ".join(["No configured source can be reached.", *passed_over]))
    raise ConfigError(
        "No data source is configured: set ingest.path to a CSV, Parquet or Excel file (or ingest.sql, "
        "ingest.figshare, ingest.kaggle, and name the connector in ingest.connector_priority), or add simulator "
        "to ingest.connector_priority."
    )


def read_table(
    table: TableConfig, config: Config, cache: Path | None = None, progress: Progress = silent
) -> SourceTable:
    """Read one further table.

    Args:
        table: one of `ingest.tables` or `external_data`.
        config: the whole configuration; its Kaggle dataset and Figshare article are meant by `kaggle:FILE` and
            `figshare:NAME`.
        cache: folder in which downloads are kept; None: they are not kept.
        progress: told how many bytes have arrived.

    Raises:
        UnreachableError: the service does not answer.
        DataError: the table is missing, empty or not a table.
    """
    key = table_key(table, config)
    names = {*table.keys, *([table.date_col] if table.date_col else [])}
    layout = Layout(table.format, f"{key}.format", KNOWN_TEXT_COLUMNS | names)
    service, _, name = table.path.partition(":")
    with transfer(config.ingest, cache, progress) as how:
        if service == "kaggle":
            return _parsed(fetch_kaggle(config.ingest.kaggle, how, name), layout)
        if service == "figshare":
            return _parsed(fetch_figshare(config.ingest.figshare, how, name), layout)
        return read_file(table.path, layout, how, f"{key}.path")


def configured_connectors(config: Config) -> list[str]:
    """Connectors that have what they need, in the order in which they are tried; `local_csv` is `file`."""
    ingest = config.ingest
    configured = {
        "file": ingest.path is not None,
        "sql": ingest.sql.url is not None,
        "figshare": ingest.figshare.article_id is not None or ingest.figshare.file_id is not None,
        "kaggle": ingest.kaggle.dataset is not None,
        "simulator": True,
    }
    names = ("file" if name == "local_csv" else name for name in ingest.connector_priority)
    return [name for name in dict.fromkeys(names) if configured[name]]


def table_key(table: TableConfig, config: Config) -> str:
    """Where a further table stands in the configuration."""
    places: dict[str, TableConfig] = {f"ingest.tables.{name}": item for name, item in config.ingest.tables.items()}
    places |= {f"external_data.{name}": item for name, item in config.external_data.items()}
    return next((key for key, item in places.items() if item is table), "ingest.tables")


def _layout(config: Config) -> Layout:
    settings: FileFormatConfig = config.ingest.format
    names = {*config.data.keys, *([config.data.date_col] if config.data.date_col else [])}
    return Layout(settings, "ingest.format", KNOWN_TEXT_COLUMNS | names)


def _from_file(config: Config, how: Transfer) -> SourceTable:
    return read_file(config.ingest.path or "", _layout(config), how)


def _from_sql(config: Config, how: Transfer) -> SourceTable:
    return read_sql(config.ingest.sql, _layout(config), how)


def _from_figshare(config: Config, how: Transfer) -> SourceTable:
    return _parsed(fetch_figshare(config.ingest.figshare, how), _layout(config))


def _from_kaggle(config: Config, how: Transfer) -> SourceTable:
    return _parsed(fetch_kaggle(config.ingest.kaggle, how), _layout(config))


def _simulated(config: Config, how: Transfer) -> SourceTable:
    return read_simulated(config.ingest.simulator)


_READERS: dict[str, Callable[[Config, Transfer], SourceTable]] = {
    "file": _from_file,
    "sql": _from_sql,
    "figshare": _from_figshare,
    "kaggle": _from_kaggle,
    "simulator": _simulated,
}


def _parsed(file: FetchedFile, layout: Layout) -> SourceTable:
    return parse_files([file], file.origin, layout)


def _with_passed_over(table: SourceTable, passed_over: list[str]) -> SourceTable:
    return SourceTable(table.frame, table.origin, table.content_hash, table.truth, table.notes, tuple(passed_over))
