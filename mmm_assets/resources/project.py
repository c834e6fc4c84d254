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

from mmm_core import __version__
from mmm_core.config.loading import LoadedConfig, load_config
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError

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
    def storage(self) -> Path:
        """Absolute folder of everything that this project stores."""
        return Path(self.config.paths.storage).expanduser().resolve()

    @property
    def assets(self) -> Path:
        """Folder of stored asset values."""
        return self.storage / "assets"

    @property
    def snapshots(self) -> Path:
        """Folder of immutable source versions, one Parquet file per content."""
        return self.storage / "snapshots"

    @property
    def downloads(self) -> Path | None:
        """Folder of what remote connectors fetched; None if it is not kept."""
        return self.storage / "cache" / "downloads" if self.config.ingest.download_cache else None

    @property
    def exports(self) -> Path:
        """Folder of the tables and the report that people and other tools read."""
        return self.storage / "exports"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.exports / "report.html"

    @property
    def checkpoint(self) -> Path:
        """Folder in which an interrupted fit leaves what it has."""
        return self.storage / "cache" / "checkpoint"

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance (`DAGSTER_HOME`)."""
        return self.storage / "dagster"

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
    """What `build` makes of the environment's project, for a code location.

    Raises:
        ConfigError: the configuration cannot be loaded.
    """
    try:
        return build(project_from_environment())
    except ConfigError as error:
        raise ConfigError(str(error)) from None  # the UI shows causes first; the message says it all
