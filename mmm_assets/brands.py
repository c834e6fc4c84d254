"""Code locations of further projects: in `workspace.yaml`, `attribute` names the configuration that one serves.

Each location is a process of its own, which loads its project as if `MMM_CONFIG` named it:

```yaml
  - python_module:
      module_name: mmm_assets.brands
      attribute: config/acme.yaml
      location_name: acme
```
"""

import os

import dagster as dg

from mmm_assets.assembly import build_definitions
from mmm_assets.resources.project import CONFIG_VARIABLE, SET_VARIABLE, project_definitions

_CONFIGURATIONS = (".yaml", ".yml")


def __getattr__(name: str) -> dg.Definitions:
    """The definitions of the project of a configuration file.

    `MMM_PROFILE` holds for every location; overrides (`--set`) are meant for one project, and are not taken over.

    Raises:
        AttributeError: that is no configuration file.
        ConfigError: the configuration cannot be loaded.
    """
    if not name.endswith(_CONFIGURATIONS):
        raise AttributeError(f"{__name__} has the configuration files of projects as attributes, not {name!r}.")
    os.environ[CONFIG_VARIABLE] = name
    os.environ.pop(SET_VARIABLE, None)
    return project_definitions(build_definitions)
