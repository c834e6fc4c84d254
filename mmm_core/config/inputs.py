"""Sections that everything shares, and the types of values that several sections use."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mmm_core.config.base import Section

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Interval = tuple[float, float]


class ProjectConfig(Section):
    """Who this project is."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "mmm"
    """Identifier, used in partition names, MLflow experiment and report title."""
    currency: Name = "USD"
    """Currency of spend and revenue: the one that money is converted to, or has to be in."""
    owners: tuple[str, ...] = ()
    """Owners shown on every asset: e-mail addresses or `team:name`."""


class PathsConfig(Section):
    """Where results live."""

    storage: Name = ".mmm"
    """Folder (relative to the working directory) of all stored assets and exports; or a folder of an object store,
    such as `s3://bucket/folder` (any URL that fsspec knows)."""
    work: Name | None = None
    """Folder of what has to be local: Dagster's and MLflow's sqlite files, caches, checkpoints, locks; null:
    `storage` if that is a local folder, otherwise `.mmm`."""
    endpoint_url: Name | None = None
    """Address of an S3-like server other than Amazon's, e.g. `http://minio:9000`; credentials come from the
    environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, ...)."""
    storage_options: dict[Name, bool | int | float | str] = {}
    """Further options of the store's fsspec client; one that is a secret has to be written as `${NAME}`."""
