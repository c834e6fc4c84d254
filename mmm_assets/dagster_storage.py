"""Where the Dagster instance keeps its history: section `storage` of `dagster.yaml`, from `deployment`.

A password never gets to the disk: the file names an environment variable, which this process sets for itself and
for those that it starts; others (a container of the web server) get it from whoever starts them.
"""

import os
import re

import yaml

from mmm_assets.resources.project import Project
from mmm_core.config.masking import mask
from mmm_core.data.sources.extras import install_hint
from mmm_core.errors import ConfigError

URL_VARIABLE = "MMM_DAGSTER_POSTGRES_URL"
_KEY = "deployment.dagster_storage"
_PATIENCE_SECONDS = 15
_SCHEME = "postgresql+psycopg2"
_BLOCK = re.compile(r"\n?# >>> deployment\.dagster_storage.*?# <<< deployment\.dagster_storage\n", re.DOTALL)
_POSTGRES = f"""\

# >>> deployment.dagster_storage: written from the configuration, change it there
storage:
  postgres:
    postgres_url:
      env: {URL_VARIABLE}   # scheme {_SCHEME}
# <<< deployment.dagster_storage
"""


def with_storage(settings: str, project: Project) -> str:
    """The text of `dagster.yaml` with the storage that the configuration asks for.

    With PostgreSQL the address is also put into this process's environment.

    Raises:
        ConfigError: the address is missing, unusable or written out with its password; or the file has a section
            `storage` of its own.
    """
    rest = _BLOCK.sub("", settings)
    if project.config.deployment.dagster_storage.kind == "sqlite":
        return rest
    if "storage" in (yaml.safe_load(rest) or {}):
        raise ConfigError(
            f"dagster.yaml has a section storage of its own, and {_KEY}.kind is postgres; remove one of them."
        )
    os.environ[URL_VARIABLE] = _address(project)
    return f"{rest.rstrip()}\n{_POSTGRES}"


def _address(project: Project) -> str:
    """URL for SQLAlchemy, whose default driver is another one than Dagster's."""
    import sqlalchemy

    url = project.config.deployment.dagster_storage.url
    if url is None:
        raise ConfigError(f"{_KEY}.kind is postgres, but {_KEY}.url is not set; write ${{NAME}} there.")
    try:
        found = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError:
        raise ConfigError(f"{_KEY}.url is no URL; write postgresql://user:password@host:5432/database.") from None
    if not found.drivername.startswith("postgres"):
        raise ConfigError(
            f"{_KEY}.url begins with {found.drivername}://; it must begin with postgresql:// "
            "(for sqlite no url is needed)."
        )
    if found.password and f"{_KEY}.url" not in project.loaded.interpolated:
        raise ConfigError(f"{_KEY}.url holds a password; put the URL into the environment and write ${{NAME}}.")
    return found.set(drivername=_SCHEME).render_as_string(hide_password=False)


def require_server(project: Project) -> None:
    """Ask the PostgreSQL server, if there is to be one, before Dagster does, which asks six times and says little.

    Raises:
        ConfigError: it does not let us in.
    """
    if project.config.deployment.dagster_storage.kind == "sqlite":
        return
    import sqlalchemy

    url = sqlalchemy.make_url(_address(project))
    try:
        import dagster_postgres  # noqa: F401

        engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": _PATIENCE_SECONDS})
        with engine.connect():
            pass
        engine.dispose()
    except ImportError as error:
        raise ConfigError(f"{_KEY}.kind is postgres: {install_hint('dagster-postgres', error.name)}.") from None
    except sqlalchemy.exc.SQLAlchemyError as error:
        reason = mask(str(getattr(error, "orig", error)).strip().splitlines()[0], project.loaded.secrets)
        raise ConfigError(
            f"{_KEY}: the PostgreSQL server at {url.host or 'its socket'}, database {url.database}, lets nobody "
            f"in ({reason}); check {_KEY}.url, and that the server runs."
        ) from None
