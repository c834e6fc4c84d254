"""Which stored values are missing or out of date, by the rules behind the UI's "out of sync" marks.

Dagster's resolver of these rules is no public interface, hence only this module knows it, and the version of
Dagster is pinned.
"""

from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.definitions.data_version import (
    SKIP_PARTITION_DATA_VERSION_DEPENDENCY_THRESHOLD,
    CachingStaleStatusResolver,
    StaleStatus,
)
from dagster._core.loader import LoadingContext


class Freshness:
    """One look at the instance; make a new one after each run."""

    def __init__(self, instance: dg.DagsterInstance, graph: BaseAssetGraph[Any]) -> None:
        """Nothing is read yet."""
        self._instance, self._graph = instance, graph
        self._resolver = CachingStaleStatusResolver(instance, graph, _Loading(instance))

    def is_due(self, key: dg.AssetKey, geo: str | None) -> bool:
        """Whether the value was never stored, or its configuration or inputs have changed since."""
        if self._resolver.get_status(key, geo) is not StaleStatus.FRESH:
            return True
        return geo is None and any(self._pools_too_many(parent) for parent in self._graph.get(key).parent_keys)

    def _pools_too_many(self, parent: dg.AssetKey) -> bool:
        """Dagster does not compare versions over that many partitions, so the answer would always be `fresh`."""
        partitions = self._graph.get(parent).partitions_def
        if partitions is None:
            return False
        keys = partitions.get_partition_keys(dynamic_partitions_store=self._instance)
        return len(keys) >= SKIP_PARTITION_DATA_VERSION_DEPENDENCY_THRESHOLD


class _Loading(LoadingContext):
    """Batches of one look."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._loaders: dict[Any, Any] = {}

    @property
    def instance(self) -> dg.DagsterInstance:
        return self._instance

    @property
    def loaders(self) -> dict[Any, Any]:
        return self._loaders
