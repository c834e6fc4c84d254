"""Keys that are set beside a switch that is off: they are valid, and have no effect now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmm_core.config.loading import LoadedConfig
from mmm_core.config.schema import Config


@dataclass(frozen=True)
class Switch:
    """What decides whether the other keys of a section are looked at."""

    keys: tuple[str, ...]
    """Dotted beginnings of the keys that depend on it."""
    is_on: Callable[[Config], bool]
    remedy: str
    """How to switch it on, as configuration."""


SWITCHES: tuple[Switch, ...] = (
    Switch(("promotion.",), lambda config: config.promotion.enabled, "promotion.enabled: true"),
    Switch(("model.selection.",), lambda config: config.model.selection.enabled, "model.selection.enabled: true"),
    Switch(
        ("calibration.planner.",),
        lambda config: config.calibration.planner.enabled,
        "calibration.planner.enabled: true",
    ),
    Switch(
        (
            "calibration.use",
            "calibration.age_half_life_weeks",
            "calibration.geo_spread",
            "calibration.max_conflict",
        ),
        lambda config: config.calibration.experiments is not None,
        "calibration.experiments",
    ),
    Switch(
        ("training.rolling_splits.",),
        lambda config: config.evaluation.validation_strategies.temporal,
        "evaluation.validation_strategies.temporal: true",
    ),
    Switch(
        ("data.max_excluded_share",),
        lambda config: config.data.on_bad_geo == "exclude",
        "data.on_bad_geo: exclude",
    ),
    Switch(
        ("alerts.",),
        lambda config: config.alerts.webhook is not None or config.alerts.email is not None,
        "alerts.webhook or alerts.email",
    ),
)


def without_effect(loaded: LoadedConfig) -> Mapping[str, str]:
    """Keys that somebody has set although what they belong to is switched off -> what switches it on."""
    found = {}
    for switch in SWITCHES:
        if switch.is_on(loaded.config):
            continue
        for key, origin in loaded.origins.items():
            begins = any(key == part or (part.endswith(".") and key.startswith(part)) for part in switch.keys)
            if begins and origin != "default" and not switch.remedy.startswith(f"{key}:"):
                found[key] = switch.remedy
    return found
