"""The code location `mmm`: `workspace.yaml` names this module, and Dagster finds `defs`."""

from mmm_assets.assembly import build_definitions
from mmm_assets.resources.project import project_definitions

defs = project_definitions(build_definitions)
