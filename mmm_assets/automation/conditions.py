"""Automation conditions of pooled assets, evaluated in the code location, and the sensors that evaluate them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from mmm_assets.automation.activity import TRIGGER_TAG, activity
from mmm_assets.automation.versions import inputs_changed, inputs_state
from mmm_assets.resources.project import Project

Test = Callable[[dg.DagsterInstance, BaseAssetGraph[Any], dg.AssetKey], bool]
"""Whether something holds for a pooled asset."""


@dataclass(frozen=True)
class Holds(dg.AutomationCondition[dg.AssetKey]):
    """A condition of ours, with the words that the UI shows."""

    title: str
    about: str
    test: Test
    once: bool = False
    """Tested only once for the same content of the inputs: whatever comes of it is not asked for again."""

    @property
    def name(self) -> str:
        """Shown in the UI, and part of the cursor."""
        return self.title

    @property
    def description(self) -> str:
        """When it is true."""
        return self.about

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """True of the asset or of nothing."""
        view, nothing = context.asset_graph_view, context.get_empty_subset()
        if not self.once:
            holds = self.test(view.instance, view.asset_graph, context.key)
            return dg.AutomationResult(context, true_subset=context.candidate_subset if holds else nothing)
        if context.candidate_subset.is_empty:
            return dg.AutomationResult(context, true_subset=nothing, cursor=context.cursor)
        state = inputs_state(view.instance, view.asset_graph, context.key)
        holds = state != context.cursor and self.test(view.instance, view.asset_graph, context.key)
        return dg.AutomationResult(
            context, true_subset=context.candidate_subset if holds else nothing, cursor=state
        )


def nothing_runs(project: Project) -> dg.AutomationCondition[dg.AssetKey]:
    """No run, backfill or command of the project is going on."""
    name = project.config.project.name
    return Holds(
        "nothing_runs",
        "No run, backfill or command of this project is queued or running",
        lambda instance, _, __: activity(instance, name) is None,
    )


def new_inputs() -> dg.AutomationCondition[dg.AssetKey]:
    """Inputs have other content than when the asset was made, or it never was."""
    return Holds(
        "new_inputs", "Inputs have other content (data version) than when this asset was last made", inputs_changed
    )


def condition_sensor(
    name: str, target: dg.AssetKey, trigger: str, running: dg.DefaultSensorStatus, seconds: int, description: str
) -> dg.AutomationConditionSensorDefinition:
    """A sensor that makes an asset whenever its condition holds.

    Args:
        name: of the sensor.
        target: the asset.
        trigger: tag of its runs.
        running: whether it is on by default.
        seconds: between two looks.
        description: for the UI.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # conditions of one's own are a beta in Dagster 1.13
        return dg.AutomationConditionSensorDefinition(
            name,
            target=dg.AssetSelection.assets(target),
            use_user_code_server=True,
            run_tags={TRIGGER_TAG: trigger},
            default_status=running,
            minimum_interval_seconds=seconds,
            description=description,
        )
