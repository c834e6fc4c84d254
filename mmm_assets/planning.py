"""Which assets a request is about, and which of them must be made."""

from collections.abc import Callable, Iterable, Set
from typing import Any

import dagster as dg
from dagster import AssetKey
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from mmm_assets.asset_prefix import NamedGraph
from mmm_assets.attributes import Stage
from mmm_assets.freshness import Freshness

SOURCE, RAW, CUBE, FIT = map(AssetKey, ("source_snapshot", "raw_panel", "model_data", "posterior"))
SPLITS, SPLIT_PLAN = AssetKey("backtest"), AssetKey("backtest_plan")
"""Fits without held-out data, one per split, and which splits there are."""
VERSION = AssetKey("model_version")
JUDGED = frozenset({"posterior", "prior_predictive", "evaluation", "stability"})
"""What the verdict is about, where nothing else is asked for."""
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
        self._graph, self._stored = NamedGraph(graph), stored
        stages = tuple(stages)
        asked = {key for key in self._graph.all if self._graph.group(key) in stages}
        asked |= {RAW} if "validate" in stages else set()
        needed = {parent for key in asked for parent in self._graph.ancestors(key)}
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
        for key in self._graph.all:
            if key in keys & self.keys:
                renewed = follow and bool(due & self._graph.parents(key))
                if (
                    renewed
                    or key in self._forced
                    or not self._stored(key, geo)
                    or self._is_due(freshness, key, geo)
                ):
                    due |= self._graph.made_together(key)
        return [key for key in self._graph.all if key in due]

    def _is_due(self, freshness: Freshness, key: AssetKey, geo: str | None) -> bool:
        (full,) = self.full_keys([key])
        return freshness.is_due(full, geo)

    def full_keys(self, keys: Iterable[AssetKey]) -> set[AssetKey]:
        """The keys under which Dagster's history knows these assets."""
        return self._graph.full(keys)

    def made_together(self, key: AssetKey) -> frozenset[AssetKey]:
        """The key, and whatever the same step makes."""
        return self._graph.made_together(key)

    def behind(self, key: AssetKey) -> frozenset[AssetKey]:
        """Wanted assets among the key, what it is made from and what is made from it, the cube's excepted."""
        made_for = self._graph.ancestors(key) - self._graph.ancestors(CUBE) - {CUBE}
        return self.keys & frozenset({key, *made_for, *self.made_from(key)})

    def made_from(self, key: AssetKey) -> frozenset[AssetKey]:
        """Wanted assets that are made from the key."""
        return frozenset(other for other in self.keys if key in self._graph.ancestors(other))

    def by_geo(self) -> frozenset[AssetKey]:
        """Wanted assets that exist once per geo."""
        return frozenset(key for key in self.keys if self._graph.is_partitioned(key) and key != SPLITS)

    def after_splits(self) -> frozenset[AssetKey]:
        """Wanted assets that are made from all splits of the backtest, and these."""
        later = {key for key in self.keys if SPLITS in self._graph.ancestors(key)}
        return frozenset(later | (self.keys & {SPLITS}))

    def checks_of(self, keys: Iterable[AssetKey]) -> set[dg.AssetCheckKey]:
        """All checks of these assets."""
        return self._graph.checks_of(keys)
