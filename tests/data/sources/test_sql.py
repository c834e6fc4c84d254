import datetime
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa

from mmm_core.config.ingest import RetryConfig, SqlConfig
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.sql import read_sql
from mmm_core.data.sources.sql_statement import checked_statement
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import ConfigError, DataError, UnreachableError
from tests.postgres import empty_server

LAYOUT = Layout(text_columns=frozenset({"geo"}))
TABLE = """
    create table sales as select * from (values
    ('007', date '2023-01-02', 1.50, 10, true, null, 'a%b:c'),
    ('S', date '2023-01-02', null, 11, false, null, '2'),
    ('S', date '2023-01-09', 3.25, 12, true, null, '3'))
    as t (geo, day, amount, units, promo, nothing, text)
"""
PASSWORD = "pg secret"  # noqa: S105


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[str]:
    """URL of a real PostgreSQL server, whose programs come with a Python package."""
    with empty_server() as owner:
        url = sa.make_url(owner).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(TABLE.replace("a%b", "a%%b"))
            connection.exec_driver_sql('create schema "My Schema"')
            connection.exec_driver_sql('create view "My Schema"."Sales" as select * from sales')
            connection.exec_driver_sql("create sequence counter")
            connection.exec_driver_sql("create role reader login password 'pg secret'")
        engine.dispose()
        yield url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def duckdb_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("duck") / "data.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLE)
    return f"duckdb:///{path}"


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


both = pytest.mark.parametrize("url", ["duckdb_file", "postgres_server"], indirect=True)


def read(how: Transfer, url: str, query: str | None = None, table: str | None = None) -> SourceTable:
    return read_sql(SqlConfig(url=url, query=query, table=table), LAYOUT, how)


@both
def test_columns_are_numbers_dates_and_text(how: Transfer, url: str) -> None:
    source = read(how, url, table="sales")
    frame = source.frame
    assert frame["geo"].tolist() == ["007", "S", "S"]
    assert sorted(frame["day"]) == [pd.Timestamp(f"2023-01-{day}") for day in ("02", "02", "09")]
    assert frame["amount"].sum() == 4.75
    assert sorted(frame["units"]) == [10, 11, 12]
    assert frame["promo"].sum() == 2
    assert frame["nothing"].isna().all()
    assert sorted(frame["text"]) == ["2", "3", "a%b:c"]
    assert frame["source_row"].tolist() == [2, 3, 4]


@both
def test_same_rows_are_the_same_content_in_any_order(how: Transfer, url: str) -> None:
    up = read(how, url, "select * from sales order by units")
    down = read(how, url, "select * from sales order by units desc")
    assert up.content_hash == down.content_hash
    pd.testing.assert_frame_equal(up.frame, down.frame)
    other = read(how, url, "select geo, day, amount, units + 1 as units, promo, nothing, text from sales")
    assert other.content_hash != up.content_hash


@both
def test_query_is_sent_as_it_is_written(how: Transfer, url: str) -> None:
    query = "with s as (select * from sales) select geo, units from s where text like 'a%b:c' or text = '; :x';"
    assert read(how, url, query).frame["units"].tolist() == [10]


@both
def test_many_rows_come_in_blocks_with_progress(how: Transfer, url: str) -> None:
    told: list[int] = []
    how = replace(how, progress=lambda what, done, total: told.append(done))
    source = read(how, url, "select cast(i as varchar) as geo, i as x from generate_series(1, 120000) as t(i)")
    assert told == [50_000, 100_000, 120_000]
    assert source.frame["x"].sum() == 120_000 * 120_001 // 2


@both
def test_what_the_database_refuses_is_said_without_secrets(how: Transfer, url: str) -> None:
    with pytest.raises(DataError, match=r"nope.*check ingest.sql"):
        read(how, url, table="nope")
    with pytest.raises(DataError, match=r"returned no rows"):
        read(how, url, "select * from sales where units > 100")
    with pytest.raises(DataError, match=r"more than one column named geo"):
        read(how, url, "select geo, geo from sales")


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("duckdb_file", "create table written as select * from sales"),
        ("postgres_server", "select nextval('counter')"),
    ],
    indirect=["url"],
)
def test_connection_is_read_only(how: Transfer, url: str, query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmm_core.data.sources.sql.checked_statement", lambda query, dialect: query)
    with pytest.raises(DataError, match=r"read.only"):
        read(how, url, query)


def test_table_in_a_schema_is_quoted(how: Transfer, postgres_server: str) -> None:
    source = read(how, postgres_server, table="My Schema.Sales")
    assert len(source.frame) == 3
    assert source.origin.startswith("postgresql ")
    assert source.origin.endswith("(table My Schema.Sales)")


def test_binary_columns_are_refused(how: Transfer, postgres_server: str) -> None:
    with pytest.raises(DataError, match=r"type bytes in column b"):
        read(how, postgres_server, "select 'N' as geo, 'x'::bytea as b")


def test_times_with_zones_keep_the_day_that_is_written(how: Transfer, postgres_server: str) -> None:
    query = "select 'N' as geo, timestamptz '2023-01-02 23:30:00+00' as t, time '10:00' as clock"
    frame = read(how, postgres_server, query).frame
    away = frame["t"][0] - pd.Timestamp(datetime.datetime(2023, 1, 2, 23, 30))
    assert abs(away) <= pd.Timedelta(hours=14), "the time zone is that of the session"
    assert frame["clock"].tolist() == ["10:00:00"]


def test_wrong_user_or_database_is_refused_at_once(how: Transfer, postgres_server: str) -> None:
    url = sa.make_url(postgres_server)
    for wrong in (url.set(database="nope"), url.set(username="nobody", password=PASSWORD)):
        with pytest.raises(DataError) as caught:
            read(how, wrong.render_as_string(hide_password=False), table="sales")
        assert not isinstance(caught.value, UnreachableError)
        assert PASSWORD not in str(caught.value)


def test_rights_of_the_user_are_respected(how: Transfer, postgres_server: str) -> None:
    url = sa.make_url(postgres_server).set(username="reader", password=PASSWORD)
    with pytest.raises(DataError, match=r"permission denied") as caught:
        read(how, url.render_as_string(hide_password=False), table="sales")
    assert "secret" not in str(caught.value)


def test_no_server_is_unreachable_after_retries(how: Transfer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        secret = "p@ss:word/1"  # noqa: S105
        place = f"127.0.0.1:{taken.getsockname()[1]}/shop?application_name=hidden"
        url = f"postgresql://me:{quote(secret, safe='')}@{place}"
        hasty = replace(how, retries=RetryConfig(attempts=2, first_pause_seconds=0.001))
        message = r"postgresql 127\.0\.0\.1/shop \(table sales\) .* in 2 attempt"
        with pytest.raises(UnreachableError, match=message) as caught:
            read(hasty, url, table="sales")
    assert all(word not in str(caught.value) for word in (secret, quote(secret, safe=""), "hidden", "me:"))


def test_sqlite_is_read_and_not_written(how: Transfer, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table sales as select '007' as geo, 1 as x union all select 'S', 2.5")
    connection.close()
    assert read(how, f"sqlite:///{path}", table="sales").frame["x"].tolist() == [1, 2.5]
    with pytest.raises(DataError, match=r"no such table"):
        read(how, f"sqlite:///{path}", table="nope")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_missing_database_file_is_refused_and_not_made(how: Transfer, tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match=r"does not exist; set ingest\.sql\.url"):
        read(how, f"{kind}:///{tmp_path}/none.db", table="sales")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch://me:secret@host/db", "needs a package for nosuch"),
        ("me:secret", r"ingest\.sql\.url is no SQLAlchemy URL"),
        ("postgresql://me:secret@host:port/db", r"ingest\.sql\.url is no SQLAlchemy URL"),
    ],
)
def test_unknown_database_is_refused_without_secrets(how: Transfer, url: str, message: str) -> None:
    with pytest.raises((DataError, ConfigError), match=message) as caught:
        read(how, url, table="sales")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("bigquery://project/data", "sqlalchemy_bigquery", "bigquery"),
        ("snowflake://me:secret@account/db", "snowflake.sqlalchemy", "snowflake"),
        ("duckdb:///:memory:", "duckdb_engine", "duckdb"),
        ("postgresql://host/db", "psycopg", "sql-postgres"),
    ],
)
def test_missing_package_names_the_extra(url: str, package: str, extra: str) -> None:
    """In a process of its own, because a dialect once loaded stays loaded."""
    program = f"""
import sys
sys.modules[{package!r}] = None
from pathlib import Path
from mmm_core.config.ingest import RetryConfig, SqlConfig
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.sql import read_sql
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import DataError
from mmm_core.progress import silent
try:
    read_sql(SqlConfig(url={url!r}, table="t"), Layout(), Transfer(RetryConfig(), Path(), silent))
except DataError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert f"pip install -e '.[{extra}]'" in done.stdout
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    "query",
    [
        "select 1",
        "  SELECT a, updated_at, \"delete\" FROM t WHERE b = '; drop table t' ; ",
        "-- a comment; with signs\nWITH x AS (SELECT 1) SELECT * FROM x",
        "select /* insert; */ 'it''s' from `my;table`",
        "select $tag$ ; insert $tag$",
    ],
)
def test_single_reading_statements_pass(query: str) -> None:
    assert not checked_statement(query, "postgresql").endswith(";")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "received nothing"),
        ("drop table t", "received DROP"),
        ("update t set a = 1", "received UPDATE"),
        ("select 1; select 2", "more than one statement"),
        ("select 1; drop table t", "more than one statement"),
        ("with x as (delete from t returning *) select * from x", "has the word DELETE"),
        ("select * into copy_of_t from t", "has the word INTO"),
        ("select 'open", "not closed"),
        ("select 1 /* open", "not closed"),
        (r"select 'a\'; drop table t; --'", "more than one statement"),
    ],
)
def test_anything_else_is_refused(query: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"ingest\.sql\.query: .*{message}"):
        checked_statement(query, "postgresql")


def test_backslashes_mean_what_the_database_says() -> None:
    assert checked_statement(r"select 'a\'; b'", "bigquery") == r"select 'a\'; b'"
