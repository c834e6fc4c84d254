"""The sensors that look whether the last accepted fit still holds."""

import dagster as dg

from mmm_assets.accepted import is_any_accepted
from mmm_assets.automation.activity import FULL, activity, request
from mmm_assets.automation.conditions import Holds, condition_sensor, new_inputs, nothing_runs
from mmm_assets.automation.versions import CUBE, FIT, made
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_assets.stages.drift import DRIFT
from mmm_core.stability.new_weeks import NEW_WEEKS_CHECKS

_STABILITY = dg.AssetKey("stability")
_REFRESH = ("refresh_roi", "refresh_contribution", "refresh_surprise")
"""Checks of `stability` that compare the fit with the last accepted one."""
_INTERVAL_SECONDS = 60


def definitions(project: Project) -> dg.Definitions:
    """The sensors `judge_forecast` and `refit_after_drift`."""
    settings = project.config.automation.drift
    running = dg.DefaultSensorStatus.RUNNING if settings.running else dg.DefaultSensorStatus.STOPPED
    about = (
        "Makes `drift` (seconds, no fit) when `model_data` has new content and a fit was accepted before: are the "
        "new weeks where that fit expected them?"
    )
    judge = condition_sensor("judge_forecast", project.key(DRIFT), "new weeks", running, _INTERVAL_SECONDS, about)
    return dg.Definitions(sensors=[judge, _sensor(project, running)])


def judging_condition(project: Project) -> dg.AutomationCondition[dg.AssetKey]:
    """When `drift` makes itself."""
    there = Holds(
        "a_fit_was_accepted",
        "There is an accepted fit whose forecast can be compared",
        lambda _, __, ___: is_any_accepted(project),
        once=True,
    )
    return (nothing_runs(project) & new_inputs() & there).with_label("new data, once")


def _sensor(project: Project, running: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    name, job = project.config.project.name, FULL if project.config.automation.drift.request == "full" else None
    wish = "Tells people" if job is None else f"Tells people, and asks for the job `{job}`,"

    @dg.sensor(
        name="refit_after_drift",
        job_name=job,
        description=(
            f"{wish} when the last accepted fit no longer forecasts (`drift`), or the stored fit moved far from "
            "it (checks refresh_… of `stability`), and there are data that were not fitted yet; once for the same "
            "data."
        ),
        default_status=running,
        minimum_interval_seconds=_INTERVAL_SECONDS,
    )
    def refit_after_drift(
        context: dg.SensorEvaluationContext, alerts: dg.ResourceParam[Alerts]
    ) -> dg.RunRequest | dg.SkipReason:
        cube, fit = made(context.instance, project.key(CUBE)), made(context.instance, project.key(FIT))
        if cube is None or fit is None:
            return dg.SkipReason("The model was never fitted; a person makes the first fit.")
        if fit.inputs.get(project.key(CUBE).to_user_string()) == cube.version:
            return dg.SkipReason("The fit is of today's data.")
        found = findings(context.instance, project)
        if not found:
            return dg.SkipReason("The last accepted fit still holds.")
        if context.cursor == cube.version:
            return dg.SkipReason("This was told already for the same data.")
        going_on = activity(context.instance, name)
        if going_on is not None:
            return dg.SkipReason(f"Waits, because {going_on}.")
        context.update_cursor(cube.version)
        for sentence in found.values():
            context.log.warning(sentence)
        facts = {"checks": ", ".join(found), "requested": job or "nothing"}
        alerts.send("drift", "The last accepted fit no longer holds for the newest data", facts)
        if job is None:
            return dg.SkipReason(" ".join(found.values()))
        return request(job, ("drift", cube.version, fit.storage_id), "drift")

    return refit_after_drift


def findings(instance: dg.DagsterInstance, project: Project) -> dict[str, str]:
    """Check -> its sentence, of what says that the last accepted fit no longer holds for today's data."""
    drift, cube = made(instance, project.key(DRIFT)), made(instance, project.key(CUBE))
    today = project.key(CUBE).to_user_string()
    current = drift is not None and cube is not None and drift.inputs.get(today) == cube.version
    forecast = {}
    if drift is not None and current and drift.metadata.get("alarm"):
        forecast = {next(iter(NEW_WEEKS_CHECKS)): str(drift.metadata["finding"])}
    return forecast | _moved(instance, project)


def _moved(instance: dg.DagsterInstance, project: Project) -> dict[str, str]:
    """What the checks of the stored fit against the last accepted one found."""
    keys = [dg.AssetCheckKey(project.key(_STABILITY), name) for name in _REFRESH]
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys).values()
    evaluated = [record.evaluation for record in records if record.evaluation is not None]
    return {found.check_name: found.description or "" for found in evaluated if not found.passed}
