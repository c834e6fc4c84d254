"""What follows a backfill of geos: the cube once all of them are ready, and then the fit, each once."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from mmm_assets.attributes import FEATURES
from mmm_assets.automation.activity import FULL, TRIGGER_TAG, activity, request
from mmm_assets.automation.conditions import Holds, condition_sensor, new_inputs, nothing_runs
from mmm_assets.automation.versions import CUBE, FIT, made
from mmm_assets.bad_geos import usable_features
from mmm_assets.io_managers import io_managers
from mmm_assets.partitions import partitions_name
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_core.errors import MMMError

POOLING = "backfill"
"""Trigger of the cube's run; only after such a run a fit is asked for."""
_INTERVAL_SECONDS = 30


def definitions(project: Project) -> dg.Definitions:
    """The sensors `pool_geos` and `refit_after_backfill`."""
    settings = project.config.automation.after_backfill
    running = dg.DefaultSensorStatus.RUNNING if settings.running else dg.DefaultSensorStatus.STOPPED
    about = (
        "Makes `model_data` once after geos were materialized or backfilled: when the content of any changed, "
        "every geo is ready (made from today's rows and settings, no blocking check failed) and nothing runs."
    )
    pool = condition_sensor("pool_geos", project.key(CUBE), POOLING, running, _INTERVAL_SECONDS, about)
    return dg.Definitions(sensors=[pool, *([_refit(project, running)] if settings.refit else [])])


def pooling_condition(project: Project) -> dg.AutomationCondition[dg.AssetKey]:
    """When `model_data` makes itself."""
    ready = Holds(
        "all_geos_ready",
        "Every geo has features of today's rows and settings, and no more are blocked than data.on_bad_geo allows",
        lambda instance, _, __: why_not_ready(project, instance) is None,
        once=True,
    )
    complete = ~dg.AutomationCondition.any_deps_in_progress() & ~dg.AutomationCondition.in_progress()
    return (complete & nothing_runs(project) & new_inputs() & ready).with_label("all geos are ready, once")


def why_not_ready(project: Project, instance: dg.DagsterInstance) -> str | None:
    """What keeps the geos from being pooled, in a sentence; None if nothing does.

    The rule is that of `model_data` itself (`bad_geos`), and all geos have today's settings.
    """
    geos = instance.get_dynamic_partitions(partitions_name(project.config.project.name))
    if not geos:
        return "No geo is registered."
    values = {name: _stored(project, name, geos) for name in ("features", "validation_report")}
    try:
        snapshot = io_managers(project.assets)["json"]
        record = snapshot.stored(snapshot.path_of("source_snapshot"), "source_snapshot")
        usable = usable_features(values["features"], values["validation_report"], record, project)
    except MMMError as error:
        return str(error)
    today = project.code_version(*FEATURES)
    other = [geo for geo, frame in usable.frames.items() if Provenance.of(frame).settings != today]
    return f"features of {', '.join(other[:10])} were made under other settings." if other else None


def _stored(project: Project, asset: str, geos: Sequence[str]) -> Mapping[str, Any]:
    """geo -> stored value."""
    manager = io_managers(project.assets)["parquet" if asset == "features" else "json"]
    paths = {geo: manager.path_of(asset, geo) for geo in geos}
    return {geo: manager.stored(path, asset) for geo, path in paths.items() if path.exists()}


def _refit(project: Project, running: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    name = project.config.project.name

    @dg.sensor(
        name="refit_after_backfill",
        job_name=FULL,
        description=(
            "Asks for the job `full` when `pool_geos` has made `model_data` with new content and the model was "
            "fitted before (a person makes the first fit); once for the same content."
        ),
        default_status=running,
        minimum_interval_seconds=_INTERVAL_SECONDS,
    )
    def refit_after_backfill(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        cube, fit = made(context.instance, project.key(CUBE)), made(context.instance, project.key(FIT))
        if cube is None or fit is None:
            return dg.SkipReason("The model was never fitted; a person makes the first fit.")
        if fit.inputs.get(project.key(CUBE).to_user_string()) == cube.version:
            return dg.SkipReason("The fit is of today's data.")
        run = context.instance.get_run_by_id(cube.run_id)
        if run is None or run.tags.get(TRIGGER_TAG) != POOLING:
            return dg.SkipReason("model_data was made by a person or a job, not after a backfill.")
        if context.cursor == cube.version:
            return dg.SkipReason("The job was asked for already for this data.")
        going_on = activity(context.instance, name)
        if going_on is not None:
            return dg.SkipReason(f"Waits, because {going_on}.")
        context.update_cursor(cube.version)
        return request(FULL, ("refit", cube.version, fit.storage_id), "backfill")

    return refit_after_backfill
