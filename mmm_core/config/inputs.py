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
    """Folder (relative to the working directory) of all stored assets, exports and the MLflow store."""
