"""The project that this code location serves: its configuration and where its results live."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from upath import UPath

from mmm_assets.asset_prefix import full_key
from mmm_assets.dagster_logs import log_as_configured, name_steps
from mmm_assets.resources.storage import open_storage
from mmm_core import __version__
from mmm_core.config.loading import LoadedConfig, load_config
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError
from mmm_core.storage import working_folder

CONFIG_VARIABLE, PROFILE_VARIABLE, SET_VARIABLE = "MMM_CONFIG", "MMM_PROFILE", "MMM_SET"
DEFAULT_CONFIG = "config/project.yaml"


@dataclass(frozen=True)
class Project:
    """Configuration and folders of one project."""

    loaded: LoadedConfig

    @property
    def config(self) -> Config:
        """The effective configuration."""
        return self.loaded.config

    @cached_property
    def storage(self) -> UPath:
        """Folder of what this project stores and others read: a local `Path`, or one of an object store."""
        return open_storage(self.loaded)

    @cached_property
    def work(self) -> Path:
        """Absolute local folder of what has to be local; `storage` itself where that is local."""
        return working_folder(self.config.paths.storage, self.config.paths.work)

    @property
    def assets(self) -> UPath:
        """Folder of stored asset values."""
        return self.storage / "assets"

    @property
    def snapshots(self) -> UPath:
        """Folder of immutable source versions, one Parquet file per content."""
        return self.storage / "snapshots"

    @property
    def downloads(self) -> Path | None:
        """Folder of what remote connectors fetched; None if it is not kept."""
        return self.work / "cache" / "downloads" if self.config.ingest.download_cache else None

    @property
    def exports(self) -> UPath:
        """Folder of the tables and the report that people and other tools read."""
        return self.storage / "exports"

    @property
    def report(self) -> UPath:
        """The HTML report."""
        return self.exports / "report.html"

    @property
    def checkpoint(self) -> Path:
        """Folder in which an interrupted fit leaves what it has."""
        return self.work / "cache" / "checkpoint"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance (`DAGSTER_HOME`)."""
        home = self.config.deployment.dagster_home
        return Path(home).expanduser().resolve() if home else self.work / "dagster"

    def key(self, asset: dg.AssetKey) -> dg.AssetKey:
        """The key under which Dagster's history knows an asset of this project (`deployment.asset_prefix`)."""
        return full_key(self.config.deployment.asset_prefix, asset)

    def code_version(self, *keys: str) -> str:
        """Hash of the library's version and of the configuration that an asset reads.

        Args:
            keys: dotted keys of sections or single values, e.g. `data`, `features.adstock`.
        """
        values = {key: self._value(key) for key in sorted(keys)}
        text = json.dumps([__version__, values], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _value(self, key: str) -> Any:
        value: Any = self.config.model_dump(mode="json")
        for part in key.split("."):
            value = value[part]
        return value


def environment_of(config: Path, profile: str | None, overrides: tuple[str, ...]) -> dict[str, str]:
    """Environment variables from which another process loads the same project."""
    return {
        CONFIG_VARIABLE: str(config),
        PROFILE_VARIABLE: profile or "",
        SET_VARIABLE: json.dumps(list(overrides)),
    }


def project_from_environment(environ: Mapping[str, str] = os.environ) -> Project:
    """The project that `MMM_CONFIG`, `MMM_PROFILE` and `MMM_SET` (a JSON list) name.

    Raises:
        ConfigError: the configuration cannot be loaded; the message names file, key and remedy.
    """
    try:
        overrides = json.loads(environ.get(SET_VARIABLE) or "[]")
    except json.JSONDecodeError as error:
        raise ConfigError(
            f'{SET_VARIABLE} is {environ[SET_VARIABLE]!r}; it must be a JSON list such as ["training.draws=500"].'
        ) from error
    path = Path(environ.get(CONFIG_VARIABLE) or DEFAULT_CONFIG)
    return Project(load_config(path, environ.get(PROFILE_VARIABLE) or None, tuple(overrides), environ))


def project_definitions(build: Callable[[Project], dg.Definitions]) -> dg.Definitions:
    """What `build` makes of the environment's project, for a code location; and this process logs as it says.

    Raises:
        ConfigError: the configuration cannot be loaded.
    """
    try:
        project = project_from_environment()
        log_as_configured(project.loaded)
        return name_steps(build(project))
    except ConfigError as error:
        raise ConfigError(str(error)) from None  # the UI shows causes first; the message says it all
