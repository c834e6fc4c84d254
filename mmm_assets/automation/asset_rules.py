"""What automation adds to assets: after how long they are overdue, and when they make themselves."""

import warnings
from datetime import timedelta

import dagster as dg

from mmm_assets.automation.after_backfill import pooling_condition
from mmm_assets.automation.drift_sensors import judging_condition
from mmm_assets.automation.versions import CUBE
from mmm_assets.resources.project import Project
from mmm_assets.stages.drift import DRIFT


def with_automation(definitions: dg.Definitions, project: Project) -> dg.Definitions:
    """The definitions with freshness policies, and the conditions under which assets make themselves.

    Keys are those before `deployment.asset_prefix` is put before them.
    """
    freshness = project.config.automation.freshness
    days = {
        "source_snapshot": freshness.source_days,
        "posterior": freshness.fit_days,
        "report": freshness.report_days,
    }
    windows = {
        project.key(dg.AssetKey(name)): timedelta(days=limit) for name, limit in days.items() if limit is not None
    }
    conditions = {CUBE: pooling_condition(project), DRIFT: judging_condition(project)}

    def changed(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key in windows:
            policy = dg.FreshnessPolicy.time_window(fail_window=windows[spec.key])
            limited: dg.AssetSpec = dg.apply_freshness_policy(spec, policy)
            return limited
        if spec.key in conditions:
            makes_itself: dg.AssetSpec = spec.replace_attributes(automation_condition=conditions[spec.key])
            return makes_itself
        return spec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # changing specs of assets is a preview in Dagster 1.13
        return definitions.map_asset_specs(func=changed)
