"""Jobs: what `mmm run` and the stage commands do, to be started from the UI or by a schedule."""

from collections.abc import Callable, Iterable

import dagster as dg

from mmm_assets.attributes import Stage
from mmm_assets.automation.activity import PROJECT_TAG
from mmm_assets.planning import STAGES
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import FIT_POOL
from mmm_core.progress import Progress, silent

Build = Callable[[Project, Progress], dg.Definitions]
"""Makes a project's definitions."""
REQUESTED_BY = "mmm/requested_by"
"""Tag of the runs that a job starts inside its own process: the id of the job's run."""
LONGEST_RUN_SECONDS = 6 * 3600
"""Limit of one job, enforced by Dagster's run monitoring."""


def definitions(project: Project, build: Build) -> dg.Definitions:
    """The job `full`, and one job per stage.

    An asset job cannot say this: geos and pooled assets would share one partition, so that the model would be
    fitted once per geo.  These jobs start a run per geo and then the pooled ones, and leave alone what is up to
    date, exactly as the command line does.  ("Materialize all" on the asset graph makes everything.)
    """
    name = project.config.project.name
    jobs = [
        _job("full", "All stages, as `mmm run`: makes what is out of date, and the report.", STAGES, build, name)
    ]
    jobs += [_job(f"stage_{stage}", f"As `mmm {stage}`.", (stage,), build, name) for stage in STAGES]
    return dg.Definitions(jobs=jobs)


def _job(name: str, about: str, stages: Iterable[Stage], build: Build, owner: str) -> dg.JobDefinition:
    stages = tuple(stages)
    fits = any(STAGES.index(stage) >= STAGES.index("train") for stage in stages)

    @dg.op(name=f"{name}_runs", pool=FIT_POOL if fits else None)
    def runs(context: dg.OpExecutionContext, project: dg.ResourceParam[Project]) -> None:
        from mmm_assets.execution import Executor
        from mmm_assets.progress import logged

        watch = logged(context.log, silent)
        tags = {"mmm/job": name, REQUESTED_BY: context.run.run_id, PROJECT_TAG: owner}
        outcome = Executor(project, build(project, watch), context.instance, watch, tags).run(stages)
        context.log.info(f"Made {len(outcome.made)}, kept {len(outcome.kept)} up to date.")
        for geo, why in outcome.excluded.items():
            context.log.warning(f"Geo {geo} is left out of fit, budgets and report: {why}")
        if outcome.stops:
            raise dg.Failure("\n".join(stop.message for stop in outcome.stops), allow_retries=False)

    tags = {dg.MAX_RUNTIME_SECONDS_TAG: str(LONGEST_RUN_SECONDS), PROJECT_TAG: owner}

    @dg.job(name=name, description=about, tags=tags)
    def job() -> None:
        runs()

    return job
