"""A configuration without what it says about geos that are left out."""

from collections.abc import Collection
from typing import TypeVar

from mmm_core.config.optimization import OptimizationConfig, PlatformConstraintsConfig
from mmm_core.config.outputs import AttributionConfig
from mmm_core.config.schema import Config

Limits = TypeVar("Limits", PlatformConstraintsConfig, PlatformConstraintsConfig | None)


def without_geos(config: Config, geos: Collection[str]) -> Config:
    """The configuration without limits of spend in these geos, and without questions about them alone.

    Args:
        config: of the project.
        geos: those that are not in the fit (`ModelData.excluded_geos`).
    """
    if not geos:
        return config
    return config.model_copy(
        update={
            "optimization": _optimization(config.optimization, geos),
            "attribution": _attribution(config.attribution, geos),
        }
    )


def _optimization(config: OptimizationConfig, geos: Collection[str]) -> OptimizationConfig:
    scenarios = {
        name: scenario.model_copy(update={"constraints": _limits(scenario.constraints, geos)})
        for name, scenario in config.scenarios.items()
    }
    limits = _limits(config.platform_constraints, geos)
    return config.model_copy(update={"platform_constraints": limits, "scenarios": scenarios})


def _limits(limits: Limits, geos: Collection[str]) -> Limits:
    if limits is None:
        return limits
    by_geo = {geo: of_geo for geo, of_geo in limits.geos.items() if geo not in geos}
    fixed = tuple(cell for cell in limits.fixed if not _is_in(cell, geos))
    return limits.model_copy(update={"geos": by_geo, "fixed": fixed})


def _is_in(cell: str, geos: Collection[str]) -> bool:
    """Whether `channel@geo` is about one of these geos."""
    _, at, geo = cell.rpartition("@")
    return bool(at) and geo in geos


def _attribution(config: AttributionConfig, geos: Collection[str]) -> AttributionConfig:
    questions = {}
    for name, question in config.counterfactuals.items():
        kept = tuple(geo for geo in question.geos if geo not in geos)
        if kept or not question.geos:
            questions[name] = question.model_copy(update={"geos": kept})
    return config.model_copy(update={"counterfactuals": questions})
