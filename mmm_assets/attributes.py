"""What every asset's definition has: group, owners, kinds, and a code version from its configuration."""

from collections.abc import Set
from typing import Any, Literal

from mmm_assets.resources.project import Project

MAPPING = frozenset(
    {
        "data",
        "ingest.tables",
        "external_data",
        "features.event_cols",
        "features.custom_terms",
        "features.baseline",
        "features.creative_fatigue",
        "features.attribution",
        "enhanced_cleaning.currency.rate_col",
        "enhanced_cleaning.week_alignment",
    }
)
"""Keys that say which source column is what."""
ROWS_JUDGED = frozenset(
    {
        "validation",
        "project.currency",
        "enhanced_cleaning.currency",
        "enhanced_cleaning.duplicates",
        "enhanced_cleaning.missing_data",
    }
)
"""Keys that the checks of a geo's rows read."""
SOURCE_JUDGED = frozenset(
    {
        "validation.severities",
        "project.currency",
        "enhanced_cleaning.currency",
        "enhanced_cleaning.missing_data.outages",
        "features.events",
        "features.holidays.territories",
    }
)
"""Keys that the checks of the whole source read."""
CLEANED = MAPPING | ROWS_JUDGED | {"enhanced_cleaning", "features.events"}
"""Keys on which a clean panel depends."""
TERMS = frozenset({"features.seasonality", "features.holidays", "features.events"})
"""Keys of the terms of the calendar."""
FEATURES = (
    MAPPING
    | TERMS
    | {
        "validation",
        "enhanced_cleaning.missing_data",
        "enhanced_cleaning.currency.policy",
        "enhanced_cleaning.outliers.policy",
    }
)
"""Keys on which a geo's features depend."""
GATE = frozenset({"complexity", "evaluation.severities"})
"""What every consumer of the posterior reads: the limits of the convergence gate."""
SAMPLER = frozenset(
    f"training.{key}"
    for key in ("chains", "tune", "draws", "target_accept", "max_tree_depth", "retry_factor", "seed")
)
"""Keys that a fit reads; how it is tested afterwards is none of them."""
Stage = Literal["ingest", "validate", "transform", "features", "train", "evaluate", "optimize", "report"]


def attributes(project: Project, stage: Stage, reads: Set[str], kinds: Set[str]) -> dict[str, Any]:
    """Keyword arguments of `dagster.asset` and `dagster.AssetOut`.

    Args:
        project: whose configuration and owners.
        stage: the asset's group.
        reads: dotted configuration keys on which the asset's value, or whether it may exist, depends; when
            one of them changes, the asset is out of date.
        kinds: what the asset is made with, shown as icons.
    """
    return {
        "group_name": stage,
        "owners": list(project.config.project.owners),
        "kinds": set(kinds),
        "tags": {"stage": stage, "project": project.config.project.name},
        "code_version": project.code_version(*reads),
    }
