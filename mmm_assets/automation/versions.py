"""What is stored and what it was made from, as the event log tells it: by content, not by time."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.definitions.data_version import DATA_VERSION_TAG, INPUT_DATA_VERSION_TAG_PREFIX

CUBE, FIT, SNAPSHOT = dg.AssetKey("model_data"), dg.AssetKey("posterior"), dg.AssetKey("source_snapshot")


@dataclass(frozen=True)
class Made:
    """The last time that a pooled asset was made."""

    storage_id: int
    run_id: str
    version: str
    """Content (`data_version`)."""
    inputs: Mapping[str, str]
    """Pooled input -> its content then."""
    metadata: Mapping[str, Any]


def made(instance: dg.DagsterInstance, key: dg.AssetKey) -> Made | None:
    """The last time that a pooled asset was made; None if never."""
    records = instance.fetch_materializations(key, limit=1).records
    if not records or records[0].asset_materialization is None:
        return None
    record, value = records[0], records[0].asset_materialization
    tags, prefix = value.tags or {}, f"{INPUT_DATA_VERSION_TAG_PREFIX}/"
    return Made(
        record.storage_id,
        record.run_id,
        tags.get(DATA_VERSION_TAG, ""),
        {tag.removeprefix(prefix): version for tag, version in tags.items() if tag.startswith(prefix)},
        {name: entry.value for name, entry in value.metadata.items()},
    )


def by_geo(instance: dg.DagsterInstance, key: dg.AssetKey, before: int | None = None) -> dict[str, str]:
    """geo -> content of the last value.

    Args:
        instance: where events are recorded.
        key: an asset by geo.
        before: only what was stored before that event.
    """
    found = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG], before_cursor=before
    )
    return {geo: tags[DATA_VERSION_TAG] for geo, tags in found.items() if DATA_VERSION_TAG in tags}


def inputs_changed(instance: dg.DagsterInstance, graph: BaseAssetGraph[Any], key: dg.AssetKey) -> bool:
    """Whether what a pooled asset is made from has other content than when it was made, or it never was.

    A change of the configuration is none: it shows in the UI, and the next run takes it in.
    """
    before = made(instance, key)
    if before is None:
        return True
    since = _planned(instance, key, before)
    for parent in graph.get(key).parent_keys:
        if graph.get(parent).is_partitioned:
            now, then = by_geo(instance, parent), by_geo(instance, parent, before=since)
            if any(now.get(geo) != then.get(geo) for geo in _registered(instance, graph, parent)):
                return True
        else:
            now_made = made(instance, parent)
            if now_made is not None and before.inputs.get(parent.to_user_string()) != now_made.version:
                return True
    return False


def inputs_state(instance: dg.DagsterInstance, graph: BaseAssetGraph[Any], key: dg.AssetKey) -> str:
    """Hash of the content of everything that a pooled asset would now be made from, and of its settings."""
    parts: list[object] = [graph.get(key).code_version]
    for parent in sorted(graph.get(key).parent_keys):
        if graph.get(parent).is_partitioned:
            versions = by_geo(instance, parent)
            parts += [[geo, versions.get(geo)] for geo in sorted(_registered(instance, graph, parent))]
        else:
            now = made(instance, parent)
            parts.append(None if now is None else now.version)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _registered(instance: dg.DagsterInstance, graph: BaseAssetGraph[Any], key: dg.AssetKey) -> list[str]:
    partitions = graph.get(key).partitions_def
    return [] if partitions is None else list(partitions.get_partition_keys(dynamic_partitions_store=instance))


def _planned(instance: dg.DagsterInstance, key: dg.AssetKey, value: Made) -> int:
    """The event before which the inputs of that value were stored for sure: its run was still being planned."""
    planned = instance.get_latest_planned_materialization_info(key)
    return planned.storage_id if planned is not None and planned.run_id == value.run_id else value.storage_id
