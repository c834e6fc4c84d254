"""Stage train: the fit, its record in MLflow, and the gate that everything behind it must pass."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from mmm_assets.attributes import SAMPLER, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.fit_tracking import fell_back, fit_run, record_outcome
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version, model_data_version, picture
from mmm_assets.progress import logged
from mmm_assets.promotion import RESTORE_TAG
from mmm_assets.registry import Registry
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.specification import CALIBRATION, FIXED, refit
from mmm_assets.warm_start import last_accepted
from mmm_core.attribution.spans import require_weeks
from mmm_core.config.schema import Config
from mmm_core.config.without_geos import without_geos
from mmm_core.evaluation.convergence import CONVERGENCE_CHECKS, check_convergence
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.early import require_feasible
from mmm_core.optimization.names import require_names
from mmm_core.progress import Progress
from mmm_core.quality.check import CheckResult, require, with_trust_severities
from mmm_core.selection.candidates import chosen_model
from mmm_core.selection.choice import ModelChoice

if TYPE_CHECKING:
    from mmm_core.evaluation.fitting import FitOutcome

FIT_POOL = "fit"
"""Concurrency pool of everything that samples; its limit is in the instance's `dagster.yaml`."""


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    reads = {
        "model",
        *SAMPLER,
        "features.adstock",
        "features.saturation",
        "runtime.precision",
        "runtime.device",
    }
    told = ["experiments"] if project.config.calibration.experiments is not None else []
    return dg.Definitions(
        assets=[
            dg.asset(
                name="posterior",
                io_manager_key="posterior_io",
                pool=FIT_POOL,
                deps=["prior_predictive", *told],
                **attributes(
                    project,
                    "train",
                    reads=reads | CALIBRATION | FIXED,
                    kinds={project.config.model.backend, "mlflow"},
                ),
            )(posterior_of_chosen_model if project.config.model.selection.enabled else posterior)
        ],
        asset_checks=[
            dg.multi_asset_check(name="posterior_checks", specs=check_specs("posterior", CONVERGENCE_CHECKS))(
                posterior_checks
            )
        ],
    )


def posterior(
    context: dg.AssetExecutionContext,
    model_data: ModelData,
    project: dg.ResourceParam[Project],
    tracker: dg.ResourceParam[Tracker],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[StoredFit]:
    """The posterior of the marketing mix model, with its diagnostics and a record in MLflow.

    Stored even when it did not converge, so that it can be looked at; its checks then block whatever
    would interpret it.
    """
    if RESTORE_TAG in context.run.tags:
        return _restored(context.run.tags[RESTORE_TAG], project, tracker)
    return _fitted(context, project, tracker, progress, project.config, model_data, None)


def posterior_of_chosen_model(
    context: dg.AssetExecutionContext,
    model_data: ModelData,
    model_choice: dict[str, Any],
    project: dg.ResourceParam[Project],
    tracker: dg.ResourceParam[Tracker],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[StoredFit]:
    """The posterior of the marketing mix model that was chosen, with its diagnostics and a record in MLflow.

    Stored even when it did not converge, so that it can be looked at; its checks then block whatever
    would interpret it.
    """
    if RESTORE_TAG in context.run.tags:
        return _restored(context.run.tags[RESTORE_TAG], project, tracker)
    with refusals():
        choice = ModelChoice.from_record(model_choice)
        config, data = chosen_model(project.config, model_data, choice.changes)
    context.log.info(f"Model choice: {choice.winner}, {choice.chosen.changes or 'as configured'}.")
    return _fitted(context, project, tracker, progress, config, data, model_choice)


def _restored(number: str, project: Project, tracker: Tracker) -> dg.MaterializeResult[StoredFit]:
    """The fit of an earlier version, in place of a new one (`mmm rollback`)."""
    with refusals():
        fit = Registry.of(project, tracker).fit_of(int(number))
        url = tracker.reopen(fit.mlflow_run_id).url
    return dg.MaterializeResult(
        value=fit,
        data_version=dg.DataVersion(fit.version),
        metadata={
            "restored_from_version": int(number),
            "backend": fit.posterior.info.backend,
            "mlflow_run": dg.MetadataValue.url(url),
            "mlflow_run_id": fit.mlflow_run_id,
        },
    )


def _fitted(
    context: dg.AssetExecutionContext,
    project: Project,
    tracker: Tracker,
    progress: Progress,
    config: Config,
    model_data: ModelData,
    model_choice: dict[str, Any] | None,
) -> dg.MaterializeResult[StoredFit]:
    """Fit one configuration (that of the project, or the chosen one) and describe the outcome."""
    from mmm_core.evaluation.fitting import fit_until_converged

    with refusals():
        require(check_model_data(model_data, config), "model_data")
        paid = model_data.paid_channels
        known = without_geos(config, model_data.excluded_geos)
        require_names(known, paid, model_data.geos, model_data.channels[len(paid) :])
        require_weeks(model_data.dates, config.attribution)
        require_feasible(known.optimization, model_data)
        model = refit(project, config, model_data)
        context.log.info(model.constants)
        spec = model.calibration.spec
        start = last_accepted(project, model_data, spec, context.log)
        with fit_run(tracker, context, project, model_data) as run:
            outcome = fit_until_converged(
                model_data,
                spec,
                config,
                logged(context.log, progress),
                on_attempt=lambda attempt: context.log.info(attempt.sentence),
                start=start,
                checkpoint=project.checkpoint,
            )
            fit_picture, not_recorded = record_outcome(run, outcome, fell_back(outcome, project))
    version = _version(outcome.posterior)
    return dg.MaterializeResult(
        value=StoredFit(outcome.posterior, outcome.diagnostics, version, run.run_id, model_choice),
        data_version=dg.DataVersion(version),
        metadata={
            **_fit_metadata(outcome, project),
            "mlflow_run": dg.MetadataValue.url(run.url),
            "mlflow_run_id": run.run_id,
            "fit": picture(fit_picture),
            **({"mlflow_lacks": not_recorded} if not_recorded else {}),
        },
    )


def posterior_checks(posterior: StoredFit, project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Whether the posterior may be interpreted, by the limits of today's configuration."""
    yield from check_results("posterior", CONVERGENCE_CHECKS, judge_convergence(posterior, project))


def interpretable(fit: StoredFit, project: Project) -> Posterior:
    """The posterior, if it passes the convergence gate of today's configuration.

    Every consumer asks, because a check that failed in another run stops nothing in this one.

    Raises:
        GateError: naming each parameter and limit.
    """
    require(judge_convergence(fit, project), "posterior")
    return fit.posterior


def judge_convergence(fit: StoredFit, project: Project) -> list[CheckResult]:
    """Outcome of every check of `CONVERGENCE_CHECKS`."""
    results = check_convergence(fit.diagnostics, project.config.complexity.identifiability)
    return with_trust_severities(results, project.config)


def _version(posterior: Posterior) -> str:
    """Content of the draws and of the data that they belong to."""
    draws = (posterior.samples[name].values.tobytes() for name in sorted(map(str, posterior.samples.data_vars)))
    return bytes_version(model_data_version(posterior.data).encode(), posterior.spec.to_json().encode(), *draws)


def _fit_metadata(outcome: "FitOutcome", project: Project) -> dict[str, Any]:
    info, parameters = outcome.posterior.info, outcome.diagnostics.interpreted
    return {
        "backend": info.backend,
        "fallback_used": fell_back(outcome, project),
        "converged": outcome.converged,
        "warm_start": info.warm_start,
        "attempts": dg.MetadataValue.md("\n".join(f"- {attempt}" for attempt in info.attempts)),
        "seconds": info.seconds,
        "chains": info.chains,
        "draws": info.draws,
        "divergences": outcome.diagnostics.divergences,
        "max_rhat": float(parameters["rhat"].max()),
        "min_ess": float(parameters[["ess_bulk", "ess_tail"]].min().min()),
        "parameters": cases_table([_rounded(row) for row in parameters.head(60).to_dict("records")]),
    }


def _rounded(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
