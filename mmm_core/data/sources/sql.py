"""The connector `sql`: a table or query of any database that SQLAlchemy reaches."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmm_core.config.ingest import SqlConfig
from mmm_core.config.masking import mask
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.cells import check_names, column_of, typed_frame
from mmm_core.data.sources.extras import install_hint
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.retries import Transient, with_retries
from mmm_core.data.sources.sql_statement import checked_statement
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import sqlalchemy as sa

_ROWS_AT_ONCE = 50_000
_IN_ONE_FILE = ("sqlite", "duckdb")
_REFUSALS = ("fatal", "authentication", "password", "denied", "does not exist", "no such", "not authorized", "403")
"""Words in the answer of a database that is there, but refuses."""
_BUSY = ("starting up", "shutting down", "recovery mode", "too many", "remaining connection slots")
_DEFAULT_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def read_sql(settings: SqlConfig, layout: Layout, how: Transfer) -> SourceTable:
    """Read the result of a query, or a whole table.

    Rows are sorted by the columns that name things and then by content, because a database may give them in
    any order; so the same rows are the same content.

    Args:
        settings: url, and query or table.
        layout: says which columns are keys and dates.
        how: patience and progress.

    Raises:
        UnreachableError: no connection, after retries.
        ConfigError: the URL or the query is not allowed.
        DataError: the database refuses, or the result is no table.
    """
    url = _url(settings)
    origin = _origin(url, settings)
    engine = _engine(url, origin, how)
    try:
        frame = with_retries(lambda: _fetched(engine, url, settings, origin, how), origin, how.retries)
    finally:
        engine.dispose()
    if frame.empty:
        raise DataError(f"{origin} returned no rows; check ingest.sql.query and the table.")
    frame, content_hash = _in_fixed_order(typed_frame(frame, layout.text_columns), layout)
    return SourceTable(frame, origin, content_hash)


def _url(settings: SqlConfig) -> "sa.URL":
    import sqlalchemy as sa

    try:
        url = sa.make_url(settings.url or "")
    except (sa.exc.ArgumentError, ValueError):
        raise ConfigError(
            "ingest.sql.url is no SQLAlchemy URL; write dialect+driver://user:${DB_PASSWORD}@host/database, with "
            "special signs in the password percent-encoded."
        ) from None
    return url.set(drivername=_DEFAULT_DRIVERS.get(url.drivername, url.drivername))


def _origin(url: "sa.URL", settings: SqlConfig) -> str:
    """Database and table for messages: no user, no password, no query of the URL."""
    place = "/".join(part for part in (url.host, url.database) if part)
    what = f"table {settings.table}" if settings.table else "query"
    return f"{url.get_backend_name()} {place} ({what})"


def _engine(url: "sa.URL", origin: str, how: Transfer) -> "sa.Engine":
    import sqlalchemy as sa

    backend = url.get_backend_name()
    database = url.database
    if backend in _IN_ONE_FILE and database and database != ":memory:" and not Path(database).exists():
        raise DataError(f"{origin} does not exist; set ingest.sql.url to the database file.")
    arguments: dict[str, Any] = {}
    if backend == "duckdb" and database and database != ":memory:":
        arguments["read_only"] = True
    if backend == "postgresql" and url.get_driver_name() in ("psycopg", "psycopg2"):
        arguments["connect_timeout"] = max(2, round(how.retries.timeout_seconds))
    try:
        return sa.create_engine(url, connect_args=arguments, poolclass=sa.pool.NullPool)
    except sa.exc.NoSuchModuleError:
        raise DataError(f"{origin} cannot be opened: {install_hint(backend)}.") from None
    except ImportError as error:
        raise DataError(f"{origin} cannot be opened: {install_hint(backend, error.name)}.") from None
    except sa.exc.ArgumentError:
        raise ConfigError("ingest.sql.url is no SQLAlchemy URL of a known database.") from None


def _fetched(engine: "sa.Engine", url: "sa.URL", settings: SqlConfig, origin: str, how: Transfer) -> pd.DataFrame:
    statement = _statement(engine, settings)
    with _database_errors(url, origin), engine.connect() as connection:
        backend = url.get_backend_name()
        reading = connection.execution_options(stream_results=True, no_parameters=True)
        if backend == "postgresql":
            reading = reading.execution_options(postgresql_readonly=True)
        if backend == "sqlite":
            reading.exec_driver_sql("PRAGMA query_only = ON")
        frames, done = [], 0
        with closing(reading.exec_driver_sql(statement)) as result:
            names = [str(name) for name in result.keys()]  # noqa: SIM118 - a result is no dict
            check_names(names, origin)
            for rows in result.partitions(_ROWS_AT_ONCE):
                frames.append(_frame(rows, names, origin))
                done += len(rows)
                how.progress(f"rows of {origin}", done, done)
        connection.rollback()
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)


def _statement(engine: "sa.Engine", settings: SqlConfig) -> str:
    import sqlalchemy as sa

    if settings.table is None:
        return checked_statement(settings.query or "", engine.dialect.name)
    schema, _, table = settings.table.rpartition(".")
    everything = sa.select(sa.text("*")).select_from(sa.table(table, schema=schema or None))
    return str(everything.compile(engine))


def _frame(rows: Sequence[Any], names: list[str], origin: str) -> pd.DataFrame:
    columns = zip(*rows, strict=True)
    return pd.DataFrame(
        {name: column_of(values, name, origin) for name, values in zip(names, columns, strict=True)}
    )


@contextmanager
def _database_errors(url: "sa.URL", origin: str) -> Iterator[None]:
    """Turn what drivers raise into passing trouble, or a message without secrets."""
    import sqlalchemy as sa

    try:
        yield
    except sa.exc.DBAPIError as error:
        text = _message(error, url)
        lasting = any(word in text.lower() for word in _REFUSALS) and not any(
            word in text.lower() for word in _BUSY
        )
        trouble = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        if trouble and not lasting and url.get_backend_name() not in _IN_ONE_FILE:
            raise Transient(text) from None
        raise DataError(f"{origin} cannot be read: {text}; check ingest.sql.") from None
    except sa.exc.SQLAlchemyError as error:
        raise DataError(f"{origin} cannot be read: {type(error).__name__}; check ingest.sql.") from None


def _message(error: "sa.exc.DBAPIError", url: "sa.URL") -> str:
    """First lines of what the driver says, without anything of the URL that may be a secret."""
    secrets = [str(url.password or ""), *(str(value) for value in url.query.values())]
    lines = [line.strip() for line in str(error.orig).splitlines() if line.strip()]
    return mask("; ".join(lines[:2]), secrets, shortest=1).rstrip(".;")


def _in_fixed_order(frame: pd.DataFrame, layout: Layout) -> tuple[pd.DataFrame, str]:
    """Rows sorted by keys and dates and then by content, numbered; and the SHA-256 of the rows."""
    content = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    leading = [frame[name].astype("str").to_numpy() for name in frame.columns if name in layout.text_columns]
    order = np.lexsort([content, *reversed(leading)])
    about = json.dumps([[str(name), str(frame[name].dtype)] for name in frame.columns])
    digest = hashlib.sha256(about.encode() + np.sort(content).tobytes()).hexdigest()
    ordered = frame.iloc[order].reset_index(drop=True)
    ordered[SOURCE_ROW] = range(2, len(ordered) + 2)
    return ordered, digest
