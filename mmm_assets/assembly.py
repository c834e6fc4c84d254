"""All definitions of one project: what every stage defines, and the resources that they share."""

import dagster as dg
from upath import UPath

from mmm_assets.automation import jobs, sensors
from mmm_assets.io_managers import io_managers
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.stages import (
    benchmark,
    evaluate,
    features,
    ingest,
    optimize,
    report,
    select,
    train,
    transform,
    validate,
)
from mmm_core.progress import Progress, silent


def build_definitions(project: Project, progress: Progress = silent) -> dg.Definitions:
    """Everything of a project: its pipeline, and the benchmark.

    Args:
        project: configuration and folders.
        progress: told how far a fit is, besides the event log.
    """
    return dg.Definitions.merge(pipeline_definitions(project, progress), benchmark.definitions(project))


def pipeline_definitions(project: Project, progress: Progress = silent) -> dg.Definitions:
    """The asset graph of a project without the benchmark.

    Stages are run on these: a run of nothing but the checks of one geo needs to know the one partitioning that
    all its assets share, and the benchmark has another one.

    Steps of a run share one process: a step of its own would pay for heavy imports each time.

    Args:
        project: configuration and folders.
        progress: told how far a fit is, besides the event log.
    """
    shared = dg.Definitions(
        resources={
            "project": project,
            "tracker": Tracker.of(project),
            "progress": progress,
            **io_managers(UPath(project.assets)),
        },
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(
        ingest.definitions(project),
        validate.definitions(project),
        transform.definitions(project),
        features.definitions(project),
        select.definitions(project, train.FIT_POOL),
        train.definitions(project),
        evaluate.definitions(project),
        optimize.definitions(project),
        report.definitions(project),
        jobs.definitions(project, pipeline_definitions),
        sensors.definitions(project),
        shared,
    )
