"""Dagster's sqlite storage with connections that stay open: the same files, less than half the time per event.

Dagster opens, commits with a disk flush and closes a connection for every event, and sets up the tables of each
run's file statement by statement.  A run that makes the tables of one geo writes about a hundred events, which
takes longer than the work itself.  The base classes are no public interface of Dagster, hence only this module
knows them, and the version of Dagster is pinned.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import dagster
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from mmm_core.storage import atomic_path, temporary_beside

_OPEN_RUNS = 4
"""Files of runs whose connections stay open."""
_EMPTY = f"empty_run-{dagster.__version__}.template"
"""A run's file without events, beside them."""


class LocalStorage(DagsterSqliteStorage):
    """What `storage: sqlite` of `dagster.yaml` is, for processes that write many events."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        super().__init__(base_dir, inst_data)
        self._event_log_storage = PooledEventLog(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(cls, inst_data, config_value):  # type: ignore[no-untyped-def]
        """As the base class does it, but for this class."""
        return cls.from_local(inst_data=inst_data, **config_value)


class PooledEventLog(SqliteEventLogStorage):
    """Event log in one sqlite file per run and one index, each with one connection that stays open.

    A transaction is flushed to the disk at checkpoints (`synchronous=NORMAL` in WAL mode): a power cut can lose
    the last events, it cannot damage the file.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None):
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked with every event, and a table that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        """The shard's engine; the ones used least recently are closed.  The caller holds the lock."""
        engine = self._engines.pop(shard, None)
        if engine is None:
            if self._copy_template(shard):
                self._initialized_dbs.add(shard)
            engine = create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            event.listen(engine, "connect", _flush_at_checkpoints)
        self._engines[shard] = engine
        runs = [name for name in self._engines if name != INDEX_SHARD_NAME]
        for name in runs[:-_OPEN_RUNS]:
            self._engines.pop(name).dispose()
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
            self._make_template(shard)
        return engine

    def _copy_template(self, shard: str) -> bool:
        """Start a new run's file from the empty one, which has all tables; whether that was done."""
        path, template = Path(self.path_for_shard(shard)), Path(self._base_dir) / _EMPTY
        if shard == INDEX_SHARD_NAME or path.exists() or not template.exists():
            return False
        copy = temporary_beside(path)
        try:
            shutil.copyfile(template, copy)
            with suppress(OSError):  # another process made it meanwhile, or the disk knows no links
                os.link(copy, path)
                return True
        finally:
            copy.unlink(missing_ok=True)
        return False

    def _make_template(self, shard: str) -> None:
        """Keep a copy of the first run's file, before it has any event."""
        template = Path(self._base_dir) / _EMPTY
        if shard == INDEX_SHARD_NAME or template.exists():
            return
        with (
            atomic_path(template) as temporary,
            closing(sqlite3.connect(self.path_for_shard(shard))) as source,
            closing(sqlite3.connect(temporary)) as target,
        ):
            source.backup(target)
            target.execute("DELETE FROM event_logs")
            target.commit()
            target.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def dispose(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _flush_at_checkpoints(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
