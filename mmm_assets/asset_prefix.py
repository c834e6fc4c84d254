"""Keys of assets with the project's prefix, which tells brands apart that share a Dagster instance.

Our code calls an asset by its name everywhere; only the keys in Dagster's history have the prefix.  Both are the
same where there is no prefix.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Set
from functools import wraps
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph


def full_key(prefix: str | None, key: dg.AssetKey) -> dg.AssetKey:
    """The key of an asset in Dagster's history."""
    return key if prefix is None else key.with_prefix(prefix)


def short_key(key: dg.AssetKey) -> dg.AssetKey:
    """The asset's name as a key, without prefix."""
    return dg.AssetKey(key.path[-1])


def prefixed(definitions: dg.Definitions, prefix: str | None) -> dg.Definitions:
    """The definitions with the prefix before the key of every asset."""
    if prefix is None:
        return definitions
    assets, checks = list(definitions.assets or ()), list(definitions.asset_checks or ())
    keys = {
        key: full_key(prefix, key)
        for asset in assets
        if isinstance(asset, dg.AssetsDefinition)
        for key in asset.keys
    }
    return dg.Definitions(
        assets=[_renamed(asset, keys) for asset in assets],
        asset_checks=[_renamed(check, keys) for check in checks],
        jobs=definitions.jobs,
        schedules=definitions.schedules,
        sensors=definitions.sensors,
        resources=definitions.resources,
        executor=definitions.executor,
        loggers=definitions.loggers,
    )


def _renamed(asset: Any, keys: dict[dg.AssetKey, dg.AssetKey]) -> Any:
    """With other keys; checks stay checks, of which Dagster makes assets on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        renamed = asset.with_attributes(asset_key_replacements=keys)
        if isinstance(asset, dg.AssetChecksDefinition) and not isinstance(renamed, dg.AssetChecksDefinition):
            return dg.AssetChecksDefinition(**renamed.get_attributes_dict())
        return renamed


def keyed(step: Callable[..., Any], prefix: str | None) -> Callable[..., Any]:
    """A step that makes several assets and calls each by its name, with the prefix put before the names."""

    @wraps(step)
    def made(*args: Any, **kwargs: Any) -> Iterator[dg.MaterializeResult[Any]]:
        for result in step(*args, **kwargs):
            yield dg.MaterializeResult(
                asset_key=full_key(prefix, dg.AssetKey.from_coercible(result.asset_key)),
                value=result.value,
                data_version=result.data_version,
                metadata=result.metadata,
            )

    return step if prefix is None else made


class NamedGraph:
    """What a plan asks of an asset graph, by short keys."""

    def __init__(self, graph: BaseAssetGraph[Any]) -> None:
        """Look up the keys."""
        self._graph = graph
        self._full = {short_key(key): key for key in graph.get_all_asset_keys()}

    def full(self, keys: Iterable[dg.AssetKey]) -> set[dg.AssetKey]:
        """The keys in Dagster's history."""
        return {self._full.get(key, key) for key in keys}

    @property
    def all(self) -> list[dg.AssetKey]:
        """Every asset that can be made, inputs before what is made from them."""
        can_be_made = self._graph.materializable_asset_keys
        return [short_key(key) for key in self._graph.toposorted_asset_keys if key in can_be_made]

    def group(self, key: dg.AssetKey) -> str:
        """The stage."""
        return str(self._graph.get(self._full[key]).group_name)

    def is_partitioned(self, key: dg.AssetKey) -> bool:
        """Whether there is a value per geo or split."""
        return bool(self._graph.get(self._full[key]).is_partitioned)

    def parents(self, key: dg.AssetKey) -> Set[dg.AssetKey]:
        """What the asset is made from."""
        return {short_key(parent) for parent in self._graph.get(self._full[key]).parent_keys}

    def ancestors(self, key: dg.AssetKey) -> Set[dg.AssetKey]:
        """What the asset is made from, and that in turn."""
        full = self._full.get(key)
        return set() if full is None else {short_key(one) for one in self._graph.get_ancestor_asset_keys(full)}

    def made_together(self, key: dg.AssetKey) -> frozenset[dg.AssetKey]:
        """The key, and whatever the same step makes."""
        return frozenset(short_key(one) for one in self._graph.get(self._full[key]).execution_set_asset_keys)

    def checks_of(self, keys: Iterable[dg.AssetKey]) -> set[dg.AssetCheckKey]:
        """Checks of these assets, with full keys."""
        return set(self._graph.get_check_keys_for_assets(self.full(keys)))
