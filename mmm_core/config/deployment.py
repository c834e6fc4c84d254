"""Section `deployment`: where Dagster keeps its history, who runs what, and how many at once."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name


class DagsterStorageConfig(Section):
    """Where Dagster keeps runs, events and schedules."""

    kind: Literal["sqlite", "postgres"] = "sqlite"
    """`sqlite`: files in `dagster_home`, for one machine; `postgres`: a server, for several."""
    url: Name | None = None
    """Address of the PostgreSQL database, `postgresql://user:password@host:5432/database`, as `${NAME}`."""


class ExecutorConfig(Section):
    """Who runs the brands of `mmm brands`."""

    kind: Literal["in_process", "multiprocess", "dask"] = "in_process"
    """`in_process`: one brand after the other; `multiprocess`: a process per brand; `dask`: workers of a Dask
    cluster, on as many machines as there are."""
    address: Name | None = None
    """Dask scheduler, `tcp://host:8786`; null: a cluster of processes on this machine."""
    workers: int = Field(2, ge=1)
    """Brands at a time (`multiprocess`), or processes of the local Dask cluster."""


class DeploymentConfig(Section):
    """How this project is run."""

    dagster_home: Name | None = None
    """Folder of the Dagster instance; brands that name the same one share one UI, queue and pools; null: the
    folder `dagster` under `paths.work`."""
    asset_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$")] | None = None
    """First part of the keys of all assets; brands that share an instance need one each."""
    dagster_storage: DagsterStorageConfig = DagsterStorageConfig()
    fits_at_once: int = Field(1, ge=1)
    """Fits that the queue runs at a time (the limit of pool `fit`, over all brands of the instance)."""
    executor: ExecutorConfig = ExecutorConfig()
