"""Ticks of sensors, as the daemon makes them, and a history as runs would leave it."""

import os
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.automation import after_backfill, drift_sensors, new_data
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from tests.assets import projects

_PARTS = {
    "new_data": new_data,
    "refit_after_backfill": after_backfill,
    "refit_after_drift": drift_sensors,
}


def job(name: str) -> dg.JobDefinition:
    """A job that does nothing, of that name."""

    @dg.job(name=name)
    def nothing() -> None: ...

    return nothing


def tick(project: Project, instance: dg.DagsterInstance, sensor: str, cursor: str | None = None) -> Any:
    """One tick of a sensor; what it says about partitions is done."""
    (definition,) = (each for each in _PARTS[sensor].definitions(project).sensors or () if each.name == sensor)
    jobs, alerts = [job("full"), job("stage_features")], Alerts.of(project)
    definitions = dg.Definitions(sensors=[definition], jobs=jobs, resources={"alerts": alerts})
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, definitions=definitions, resources={"alerts": alerts}
    )
    data = definitions.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)
    for request in data.dynamic_partitions_requests or []:
        if isinstance(request, dg.AddDynamicPartitionsRequest):
            instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        else:
            for key in request.partition_keys:
                instance.delete_dynamic_partition(request.partitions_def_name, key)
    return data


def settled(project: Project, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    """Two ticks of `new_data`: the first one notes that the source has changed, the second one reads it."""
    first = tick(project, instance, "new_data", cursor)
    assert not first.run_requests
    return tick(project, instance, "new_data", first.cursor)


def happened(instance: dg.DagsterInstance, asset: str, version: str, metadata: Any = None, **inputs: str) -> None:
    """An asset was made, with that content, from inputs with that content."""
    tags = {f"dagster/input_data_version/{name}": value for name, value in inputs.items()}
    tags["dagster/data_version"] = version
    instance.report_runless_asset_event(dg.AssetMaterialization(asset, tags=tags, metadata=metadata))


def one_more_week(project: Project) -> None:
    """Append a week to the source: the last one's values, seven days later."""

    def appended(frame: pd.DataFrame) -> pd.DataFrame:
        date = next(name for name in frame.columns if name in ("date", "time", "week"))
        days = pd.to_datetime(frame[date])
        last = frame[days == days.max()].copy()
        last[date] = (days.max() + pd.Timedelta(days=7)).strftime("%Y-%m-%d")
        return pd.concat([frame, last])

    panel = projects.panel_of(project)
    projects.edit(panel, panel, appended)


def touch(project: Project) -> None:
    """The source's file gets another time of change."""
    panel = projects.panel_of(project)
    os.utime(panel, ns=(panel.stat().st_atime_ns, panel.stat().st_mtime_ns + 1_000_000_000))
