"""Geos as dynamic partitions, kept equal to the geos of the source."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import dagster as dg

from mmm_core.errors import DataError

_LONGEST_QUOTED = 240
"""Bytes of a geo's name as a folder is named by it; most file systems allow 255 in all."""

_ALL_GEOS = "all"
"""Geo of the rows of all geos together in exported tables."""


def geo_partitions(project_name: str) -> dg.DynamicPartitionsDefinition:
    """One partition per geo; a national panel has the single partition `national`."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(project_name))


def partitions_name(project_name: str) -> str:
    """Name of the project's geo partitions in the Dagster instance."""
    return f"{project_name}_geos"


def split_partitions(project_name: str) -> dg.DynamicPartitionsDefinition:
    """One partition per split of the backtest."""
    return dg.DynamicPartitionsDefinition(name=splits_name(project_name))


def splits_name(project_name: str) -> str:
    """Name of the project's backtest partitions in the Dagster instance."""
    return f"{project_name}_backtest_splits"


@dataclass(frozen=True)
class GeoChange:
    """What makes the registered geos equal to the source's."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def geo_change(registered: Sequence[str], geos: Sequence[str]) -> GeoChange:
    """Which geos to add (in the source's order) and which to remove."""
    return GeoChange(
        added=tuple(geo for geo in geos if geo not in set(registered)),
        removed=tuple(geo for geo in registered if geo not in set(geos)),
    )


def register_geos(instance: dg.DagsterInstance, project_name: str, geos: Sequence[str]) -> GeoChange:
    """Make the registered geos equal to `geos`.

    A geo that left the source loses its partition, so that nothing asks for its data again; its stored
    tables and its history stay.
    """
    return _registered(instance, partitions_name(project_name), geos)


def register_splits(instance: dg.DagsterInstance, project_name: str, splits: Sequence[str]) -> GeoChange:
    """Make the registered splits of the backtest equal to `splits`."""
    return _registered(instance, splits_name(project_name), splits)


def _registered(instance: dg.DagsterInstance, name: str, wanted: Sequence[str]) -> GeoChange:
    change = geo_change(instance.get_dynamic_partitions(name), wanted)
    if change.added:
        instance.add_dynamic_partitions(name, list(change.added))
    for gone in change.removed:
        instance.delete_dynamic_partition(name, gone)
    return change


def refuse_unusable_names(geos: Sequence[str], origin: str) -> None:
    """Refuse names that cannot be partition keys, or names of folders.

    Raises:
        DataError: a name with a control character or with three dots in a row, one that is too long, or `all`,
            which in tables stands for all geos together.
    """
    if total := next((geo for geo in geos if geo.casefold() == _ALL_GEOS), None):
        raise DataError(
            f"{origin}: a geo is named {total!r}, which in the tables stands for all geos together; rename it in "
            "the source, or leave its rows out (data.rows.exclude) if they are the sum of the others."
        )
    unusable = [geo for geo in geos if "..." in geo or any(ord(character) < 32 for character in geo)]
    if unusable:
        shown = ", ".join(repr(geo) for geo in unusable[:5])
        raise DataError(
            f"{origin}: {len(unusable)} geo name(s) contain `...`, a tab or another control character ({shown}); "
            "rename them in the source."
        )
    long = [geo for geo in geos if len(quote(geo, safe="")) > _LONGEST_QUOTED]
    if long:
        raise DataError(
            f"{origin}: {len(long)} geo name(s) are too long to name a folder ({long[0][:40]!r}…); shorten them "
            "in the source (letters that are not Latin count threefold or more)."
        )
