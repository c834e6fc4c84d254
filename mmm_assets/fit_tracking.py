"""What a fit leaves in MLflow, and the care that no MLflow run stays open."""

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import (
    ASSET_TAG,
    PROCESS_TAG,
    RUN_TAG,
    TrackedRun,
    Tracker,
    process_is_alive,
    this_process,
)
from mmm_core.config.loading import flatten
from mmm_core.errors import DiskFullError, TrackingError
from mmm_core.features.model_data import ModelData
from mmm_core.storage import room_for

if TYPE_CHECKING:
    from mmm_core.evaluation.fitting import FitOutcome


_DRAWS = "posterior.nc"
_LOG = logging.getLogger(__name__)


@contextmanager
def fit_run(
    tracker: Tracker, context: dg.AssetExecutionContext, project: Project, data: ModelData
) -> Iterator[TrackedRun]:
    """The MLflow run of one fit, with what goes into it; closes what a killed fit has left open first."""
    tags = {
        RUN_TAG: context.run.run_id,
        PROCESS_TAG: this_process(),
        ASSET_TAG: "posterior",
        "project": project.config.project.name,
    }
    tracker.end_late()
    tracker.close_abandoned(partial(is_over, context.instance))
    with tracker.run(f"posterior {context.run.run_id[:8]}", tags) as run:
        context.log.info(f"MLflow run {run.run_id}: {run.url}")
        _record_setting(run, project, data)
        yield run


def record_outcome(run: TrackedRun, outcome: "FitOutcome", fallback: bool) -> tuple[bytes, str | None]:
    """What comes out of it: metrics, tags, draws, diagnostics, and a plot of the fit.

    Plots of what the fit means are added by the report, behind the gate.  A fit is not lost because MLflow fails
    after it, or because there is no room for the temporary files that MLflow copies.

    Returns:
        The plot; and what MLflow failed at, None if it has everything.
    """
    from mmm_core.attribution.fitted import fit_table
    from mmm_core.evaluation.diagnostics_json import diagnostics_record
    from mmm_core.evaluation.fit import fit_metrics
    from mmm_core.reporting.figures import fit_lines

    fit = fit_table(outcome.posterior)
    record = diagnostics_record(outcome.posterior, outcome.diagnostics, fit_metrics(fit))
    png = fit_lines(fit)
    try:
        with room_for(Path(tempfile.gettempdir()) / _DRAWS):
            _record(run, outcome, fallback, record, png)
    except (TrackingError, DiskFullError) as error:
        reason = f"The fit is finished, but its MLflow run {run.run_id} lacks some or all of its results. {error}"
        _LOG.warning(reason)
        return png, reason
    return png, None


def _record(run: TrackedRun, outcome: "FitOutcome", fallback: bool, record: Mapping[str, Any], png: bytes) -> None:
    run.log_metrics({key: value for key, value in record.items() if isinstance(value, int | float)})
    run.log_metrics({"attempts": len(outcome.attempts)})
    run.set_tags(
        {
            "backend": outcome.posterior.info.backend,
            "fallback": str(fallback).lower(),
            "converged": str(outcome.converged).lower(),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _DRAWS
        outcome.posterior.save(path)
        run.log_file(path)
    run.log_bytes(json.dumps(record, indent=2).encode(), "diagnostics.json")
    run.log_bytes(outcome.diagnostics.to_json().encode(), "parameters.json")
    run.log_bytes("\n".join(outcome.posterior.info.attempts).encode(), "attempts.txt")
    run.log_bytes(png, "fit.png", "plots")


def fell_back(outcome: "FitOutcome", project: Project) -> bool:
    """Whether another backend than the configured one made the fit."""
    return outcome.posterior.info.backend != project.config.model.backend


def is_over(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> bool:
    """Whether an open MLflow run belongs to a Dagster run that has ended, or to a process that was killed.

    Runs that this instance does not know may be somebody else's, on the same tracking server.
    """
    run = instance.get_run_by_id(tags.get(RUN_TAG, ""))
    return run is not None and (run.is_finished or not process_is_alive(tags.get(PROCESS_TAG, "")))


def _record_setting(run: TrackedRun, project: Project, data: ModelData) -> None:
    """What goes into the fit."""
    run.log_params({key: value for key, (value, _) in flatten(project.loaded).items()})
    run.log_params({"data.version": data.data_version, "data.geos": len(data.geos), "data.weeks": len(data.dates)})
    run.set_tags({"data_version": data.data_version, "backend": project.config.model.backend})
