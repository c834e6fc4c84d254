"""All definitions of one project: what every stage defines, and the resources that they share."""

import dagster as dg
from upath import UPath

from mmm_assets.asset_prefix import prefixed
from mmm_assets.automation import after_backfill, alerts, drift_sensors, jobs, new_data, retraining, sensors
from mmm_assets.automation.asset_rules import with_automation
from mmm_assets.io_managers import io_managers
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.stages import (
    attribution,
    backtest,
    benchmark,
    drift,
    evaluate,
    experiment_plan,
    experiments,
    features,
    ingest,
    optimize,
    prior,
    publish,
    quality,
    report,
    select,
    stability,
    train,
    transform,
    validate,
    verdict,
    what_changed,
)
from mmm_core.progress import Progress, silent


def build_definitions(project: Project, progress: Progress = silent) -> dg.Definitions:
    """The asset graph of a project.

    Args:
        project: configuration and folders.
        progress: told how far a fit is, besides the event log.
    """
    definitions = dg.Definitions.merge(
        ingest.definitions(project),
        validate.definitions(project),
        transform.definitions(project),
        features.definitions(project),
        select.definitions(project, train.FIT_POOL),
        prior.definitions(project),
        train.definitions(project),
        attribution.definitions(project),
        backtest.definitions(project, train.FIT_POOL),
        experiments.definitions(project),
        evaluate.definitions(project),
        stability.definitions(project, train.FIT_POOL),
        drift.definitions(project),
        verdict.definitions(project),
        optimize.definitions(project),
        experiment_plan.definitions(project),
        quality.definitions(project),
        what_changed.definitions(project),
        report.definitions(project),
        publish.definitions(project),
        jobs.definitions(project, build_definitions),
        new_data.definitions(project),
        retraining.definitions(project),
        after_backfill.definitions(project),
        drift_sensors.definitions(project),
        sensors.definitions(),
        alerts.definitions(project),
        _shared(project, progress),
    )
    return prefixed(with_automation(definitions, project), project.config.deployment.asset_prefix)


def benchmark_definitions(project: Project, progress: Progress = silent) -> dg.Definitions:
    """The benchmark, a code location of its own: "Materialize all" of the pipeline must not start it.

    Args:
        project: configuration and folders.
        progress: told how far a fit is, besides the event log.
    """
    definitions = dg.Definitions.merge(benchmark.definitions(project), _shared(project, progress))
    return prefixed(definitions, project.config.deployment.asset_prefix)


def _shared(project: Project, progress: Progress) -> dg.Definitions:
    """Resources and executor; steps of a run share one process, because each would pay for heavy imports."""
    return dg.Definitions(
        resources={
            "project": project,
            "tracker": Tracker.of(project),
            "alerts": Alerts.of(project),
            "progress": progress,
            **io_managers(UPath(project.assets)),
        },
        executor=dg.in_process_executor,
    )
