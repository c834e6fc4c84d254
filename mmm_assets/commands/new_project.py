"""`mmm new-project NAME`: a configuration for one more brand, and its code location."""

import re
from pathlib import Path

from mmm_assets.commands.console import notes
from mmm_assets.workspace import WORKSPACE, locations, with_location, write_workspace
from mmm_core.config.loading import load_config
from mmm_core.errors import InputError
from mmm_core.storage import write_text

OK = 0
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TEMPLATE = """\
# Project {name}.  Only what differs from the defaults needs to stand here.  More, with comments:
# config/project.yaml; what holds now: mmm config check --config {path}

project:
  name: {name}
  currency: USD
  # owners: [someone@example.com]

paths:
  storage: .mmm/brands/{name}        # a folder of its own, or s3://bucket/{name}
  work: .mmm/brands/{name}           # what has to be local: caches, checkpoints, MLflow's sqlite file

deployment:
  dagster_home: .mmm/dagster         # one history, queue and UI for all brands
  asset_prefix: {prefix}             # tells their assets apart there

ingest:
  # Simulated, so that `mmm run` works at once.  Your own data: remove connector_priority and simulator, and write
  # path: data/{name}.csv            # CSV, Excel or Parquet, local or URL; sql, kaggle, ...: docs/data.md
  connector_priority: [simulator]
  simulator: {{n_geos: 4, n_weeks: 104, n_channels: 3, n_controls: 1}}

# Which column is what (docs/data.md).
# data:
#   date_col: week
#   keys: [region]                   # columns that identify a geo; none for national data
#   kpi_col: conversions
#   revenue_per_kpi_col: value
#   channel_map: {{search: search_spend, tv: {{spend: tv_spend, media: tv_impressions}}}}
#   controls: [price_index]

model:
  backend: meridian                  # and pymc where that does not converge; pymc: that alone

# The same names in every project, because the UI loads all of them with one --profile.
profiles:
  docker:
    paths: {{storage: /data/brands/{name}, work: null}}
    deployment:
      dagster_home: /data/dagster
      dagster_storage: {{kind: postgres, url: "${{MMM_DAGSTER_POSTGRES_URL}}"}}
    tracking: {{tracking_uri: "${{MLFLOW_TRACKING_URI}}"}}
    logging: {{format: json}}
  k8s:
    paths: {{storage: "s3://${{MMM_BUCKET}}/{name}", work: /data/{name}}}
    deployment:
      dagster_home: /data/dagster
      dagster_storage: {{kind: postgres, url: "${{MMM_DAGSTER_POSTGRES_URL}}"}}
    tracking: {{tracking_uri: "${{MLFLOW_TRACKING_URI}}"}}
    runtime: {{cores: 4}}
    logging: {{format: json}}
"""


def new_project(name: str, folder: Path | None, workspace: Path = WORKSPACE) -> int:
    """Write `config/NAME.yaml` (or `FOLDER/project.yaml`) and add a code location to the workspace file.

    Args:
        name: of the project, its location and its folder of results.
        folder: for the configuration and what will lie beside it; None: the folder `config`.
        workspace: the file.

    Raises:
        InputError: the name cannot be used or is taken.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a project; take small letters, digits, - and _, such as acme-eu."
        )
    config = Path("config") / f"{name}.yaml" if folder is None else folder / "project.yaml"
    if config.exists():
        raise InputError(f"{config} is there already; choose another name, or remove it.")
    for location in locations(workspace):
        if _prefix(location.name) == _prefix(name):
            raise InputError(f"{workspace} has the code location {location.name} already; choose another name.")
    text = with_location(workspace, name, config)
    write_text(config, _TEMPLATE.format(name=name, path=config.as_posix(), prefix=_prefix(name)))
    load_config(config, environ={})
    write_workspace(workspace, text)
    notes().print(f"Project      {config}\nLocation     {name}, in {workspace}", markup=False)
    notes().print(f"First run    mmm run --config {config}", markup=False)
    return OK


def _prefix(name: str) -> str:
    """As the first part of keys, which know no dash."""
    return name.replace("-", "_")
