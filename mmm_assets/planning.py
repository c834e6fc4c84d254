"""Which assets a request is about, and which of them must be made."""

from collections.abc import Callable, Iterable, Set
from typing import Any

import dagster as dg
from dagster import AssetKey
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from mmm_assets.attributes import Stage
from mmm_assets.freshness import Freshness

SOURCE, RAW, CUBE, FIT = map(AssetKey, ("source_snapshot", "raw_panel", "model_data", "posterior"))
SPLITS, SPLIT_PLAN = AssetKey("backtest"), AssetKey("backtest_plan")
"""Fits without held-out data, one per split, and which splits there are."""
VERDICTS = AssetKey("validation_summary")
"""Made from whatever geos there are, even if one is blocked: it says why."""
STAGES: tuple[Stage, ...] = (
    "ingest",
    "validate",
    "transform",
    "features",
    "train",
    "evaluate",
    "optimize",
    "report",
)
_WRITTEN_ALWAYS = frozenset({AssetKey("report"), AssetKey("exports")})
FILES = frozenset({AssetKey("future_plan"), AssetKey("experiments")})
"""Made of further files: looked at in every run; what is made of them only if their content has changed."""
Stored = Callable[[AssetKey, str | None], bool]
"""Whether the value of an asset (of a geo) is where it was put."""


class Plan:
    """The assets of some stages and whatever they need."""

    def __init__(self, graph: BaseAssetGraph[Any], stages: Iterable[Stage], force: bool, stored: Stored) -> None:
        """Look up the assets.

        Args:
            graph: all assets.
            stages: those whose assets are wanted.
            force: their assets are due even if they are up to date.
            stored: whether a value still exists.
        """
        self._graph, self._stored = graph, stored
        stages = tuple(stages)
        asked = {key for key in graph.materializable_asset_keys if graph.get(key).group_name in stages}
        asked |= {RAW} if "validate" in stages else set()
        needed = {parent for key in asked for parent in graph.get_ancestor_asset_keys(key)}
        self.keys = frozenset(asked | needed)
        """Everything wanted."""
        self.validates = stages == ("validate",)
        """Whether the checks of the raw panels are wanted for themselves, even if nothing has changed."""
        self.checks = stages != ("ingest",)
        """Reading the source alone is not judged: what is wrong with it can then be looked at."""
        self._forced = frozenset(asked) if force else frozenset(asked) & _WRITTEN_ALWAYS

    def due(
        self, freshness: Freshness, keys: Set[AssetKey], geo: str | None, follow: bool = True
    ) -> list[AssetKey]:
        """Those of `keys` that must be made for a geo (or pooled), inputs before what is made from them.

        Args:
            freshness: what is out of date.
            keys: assets in question.
            geo: whose; None for pooled assets.
            follow: count what is made from something due as due.
        """
        due: set[AssetKey] = set()
        for key in self._graph.toposorted_asset_keys:
            if key in keys & self.keys:
                renewed = follow and bool(due & self._graph.get(key).parent_keys)
                if renewed or key in self._forced or not self._stored(key, geo) or freshness.is_due(key, geo):
                    due |= self._graph.get(key).execution_set_asset_keys
        return [key for key in self._graph.toposorted_asset_keys if key in due]

    def made_together(self, key: AssetKey) -> frozenset[AssetKey]:
        """The key, and whatever the same step makes."""
        return frozenset(self._graph.get(key).execution_set_asset_keys)

    def behind(self, key: AssetKey) -> frozenset[AssetKey]:
        """Wanted assets among the key, what it is made from and what is made from it, the cube's excepted."""
        made_for = self._graph.get_ancestor_asset_keys(key) - self._graph.get_ancestor_asset_keys(CUBE) - {CUBE}
        made_from = {other for other in self.keys if key in self._graph.get_ancestor_asset_keys(other)}
        return self.keys & frozenset({key, *made_for, *made_from})

    def by_geo(self) -> frozenset[AssetKey]:
        """Wanted assets that exist once per geo."""
        return frozenset(key for key in self.keys if self._graph.get(key).is_partitioned and key != SPLITS)

    def after_splits(self) -> frozenset[AssetKey]:
        """Wanted assets that are made from all splits of the backtest, and these."""
        later = {key for key in self.keys if SPLITS in self._graph.get_ancestor_asset_keys(key)}
        return frozenset(later | (self.keys & {SPLITS}))

    def checks_of(self, keys: Iterable[AssetKey]) -> set[dg.AssetCheckKey]:
        """All checks of these assets."""
        return set(self._graph.get_check_keys_for_assets(set(keys)))
