"""The code location: `workspace.yaml` names this module, and Dagster finds `defs`."""

import dagster as dg

from mmm_assets.assembly import build_definitions
from mmm_assets.resources.project import project_from_environment
from mmm_core.errors import ConfigError


def _definitions() -> dg.Definitions:
    try:
        return build_definitions(project_from_environment())
    except ConfigError as error:
        raise ConfigError(str(error)) from None  # the UI shows causes first; the message says it all


defs = _definitions()
