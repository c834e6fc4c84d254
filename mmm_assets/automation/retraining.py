"""The schedule that asks for everything that is out of date."""

import dagster as dg

from mmm_assets.automation.activity import FULL, TRIGGER_TAG, activity
from mmm_assets.resources.project import Project


def definitions(project: Project) -> dg.Definitions:
    """The schedule `retraining`."""
    settings, name = project.config.automation.retraining, project.config.project.name
    running = dg.DefaultScheduleStatus.RUNNING if settings.running else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name="retraining",
        job_name=FULL,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        description=(
            "Asks for the job `full`: reads the source, makes what is out of date (the fit too) and the report. "
            "Skipped while another run is going on."
        ),
        default_status=running,
    )
    def retraining(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        going_on = activity(context.instance, name)
        if going_on is not None:
            return dg.SkipReason(f"Not asked for, because {going_on}.")
        return dg.RunRequest(tags={TRIGGER_TAG: "schedule"})

    return dg.Definitions(schedules=[retraining])
