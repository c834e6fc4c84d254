"""What the options of a command say, as the project that they mean."""

import os
from dataclasses import dataclass
from pathlib import Path

from mmm_assets.resources.project import Project, environment_of
from mmm_core.config.loading import load_config
from mmm_core.errors import ConfigError


@dataclass(frozen=True)
class Invocation:
    """Options that most commands have."""

    config: Path
    profile: str | None = None
    overrides: tuple[str, ...] = ()
    """`section.key=value`, as given."""
    backend: str | None = None
    debug: bool = False

    def project(self) -> Project:
        """Load the configuration, and let processes started from here load the same.

        Raises:
            ConfigError: the configuration is wrong.
        """
        overrides = self._all_overrides()
        loaded = load_config(self.config, self.profile, overrides)
        os.environ.update(environment_of(self.config.resolve(), self.profile, overrides))
        return Project(loaded)

    def _all_overrides(self) -> tuple[str, ...]:
        """With the backend; a fallback to the same backend would be a third try of the same."""
        if self.backend is None:
            return self.overrides
        chosen = (*self.overrides, f"model.backend={self.backend}")
        try:
            load_config(self.config, self.profile, chosen)
        except ConfigError:  # a fallback to itself, or something else that is told when it is loaded again
            return (*chosen, "model.fallback=none")
        return chosen

    @property
    def arguments(self) -> str:
        """These options as one would type them after any command, for hints about the next one."""
        parts = ["--config", str(self.config)]
        parts += ["--profile", self.profile] if self.profile else []
        parts += [part for override in self._all_overrides() for part in ("--set", override)]
        return " ".join(f"'{part}'" if " " in part else part for part in parts)
