"""Stage report: what people read and other tools load."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import MAPPING, SOURCE_JUDGED, attributes
from mmm_assets.checks import cases_table, refusals
from mmm_assets.io_managers import StoredFit, every_geo
from mmm_assets.metadata import bytes_version
from mmm_assets.provenance import require_fit
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.stages.evaluate import GATE, judge_evaluation, require_evaluation
from mmm_assets.stages.ingest import judge_source
from mmm_assets.stages.optimize import SCENARIOS
from mmm_assets.stages.train import interpretable
from mmm_assets.stages.transform import joined_logs
from mmm_assets.validation import current_reports
from mmm_core.config.loading import flatten
from mmm_core.data.mapping import resolve_mapping
from mmm_core.evaluation.convergence import check_convergence
from mmm_core.exploration.exploration import Exploration
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.quality.check import CheckResult
from mmm_core.quality.feature_checks import check_features
from mmm_core.quality.score import quality_score
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.selection.choice import ModelChoice
from mmm_core.storage import write_text


def definitions(project: Project) -> dg.Definitions:
    """Assets of this stage."""
    quality_reads = MAPPING | SOURCE_JUDGED | {"validation", "features", "enhanced_cleaning", "model.knots"}
    quality = dg.asset(
        ins={name: every_geo(name) for name in ("validation_report", "features")},
        io_manager_key="json",
        **attributes(project, "report", reads=quality_reads, kinds={"pandas"}),
    )
    report_reads = GATE | {"reports", "project", "evaluation"}
    page = dg.asset(
        name="report",
        ins={"change_log": every_geo("change_log")},
        io_manager_key="json",
        **attributes(project, "report", reads=report_reads, kinds={"html", "mlflow"}),
    )
    tables = dg.asset(
        name="exports", io_manager_key="json", **attributes(project, "report", reads=GATE, kinds={"csv"})
    )
    return dg.Definitions(assets=[quality(data_quality), page(report_page), tables(exported_tables)])


def data_quality(
    validation_report: dict[str, dict[str, Any]],
    features: dict[str, pd.DataFrame],
    source_snapshot: dict[str, Any],
    model_data: ModelData,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[list[dict[str, Any]]]:
    """Outcome of every check of the data behind the fit, with a score for each geo's rows."""
    config = project.config
    with refusals():
        reports, _ = current_reports(validation_report, source_snapshot["geos"])
        found = [("source_snapshot", result) for result in judge_source(source_snapshot, project)]
        found += [
            (f"{stage}[{report.geo}]", result)
            for report in reports
            for stage, results in report.results.items()
            for result in results
        ]
        for geo in model_data.geos:
            found += [(f"features[{geo}]", result) for result in check_features(features[geo], config)]
        found += [("model_data", result) for result in check_model_data(model_data, config)]
    records = [{"asset": asset, **asdict(result)} for asset, result in found]
    return dg.MaterializeResult(
        value=records,
        data_version=dg.DataVersion(bytes_version(json.dumps(records, default=str).encode())),
        metadata=_quality_metadata(found, config.validation.quality_thresholds.weights),
    )


def report_page(
    posterior: StoredFit,
    contributions: pd.DataFrame,
    channel_summary: pd.DataFrame,
    response_curves: pd.DataFrame,
    evaluation: dict[str, Any],
    budget_plan: pd.DataFrame,
    data_quality: list[dict[str, Any]],
    change_log: dict[str, pd.DataFrame],
    exploration: dict[str, Any],
    source_snapshot: dict[str, Any],
    project: dg.ResourceParam[Project],
    tracker: dg.ResourceParam[Tracker],
) -> dg.MaterializeResult[dict[str, str]]:
    """The report: one HTML file that opens without a server or the internet; also attached to the MLflow run."""
    from mmm_core.reporting.html import render_report

    with refusals():
        draws = interpretable(posterior, project)
        tables = {"contributions": contributions, "channel_summary": channel_summary, "budget_plan": budget_plan}
        require_fit(posterior.version, response_curves=response_curves, **tables)
        require_evaluation(posterior.version, evaluation)
        checks = (*_restored(data_quality), *_fit_checks(posterior, evaluation, project))
        inputs = ReportInputs(
            contributions=contributions,
            channel_summary=channel_summary,
            budget_plan=budget_plan,
            scenarios=tuple(ScenarioSummary(**totals) for totals in budget_plan.attrs[SCENARIOS]),
            **_from_draws(draws),
            **_about(project, source_snapshot),
            diagnostics=_with_worst(evaluation["diagnostics"], posterior),
            checks=checks,
            model_choice=_choice_behind(posterior),
            exploration=Exploration.from_record(exploration),
            change_log=joined_logs(change_log, draws.data.geos),
        )
        write_text(project.report, render_report(inputs))
    url = _attach(tracker, project, posterior.mlflow_run_id, inputs)
    return dg.MaterializeResult(
        value={"path": str(project.report), "mlflow_run_id": posterior.mlflow_run_id},
        metadata={
            "report": dg.MetadataValue.url(project.report.as_uri()),
            "path": dg.MetadataValue.path(str(project.report)),
            "mlflow_run": dg.MetadataValue.url(url),
        },
    )


def exported_tables(
    posterior: StoredFit,
    contributions: pd.DataFrame,
    channel_summary: pd.DataFrame,
    response_curves: pd.DataFrame,
    evaluation: dict[str, Any],
    budget_plan: pd.DataFrame,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[dict[str, Any]]:
    """The tables that other tools read: five CSV files and diagnostics.json, all from the same fit."""
    from mmm_core.attribution.fitted import fit_table
    from mmm_core.reporting.exports import write_exports

    tables = {
        "contributions": contributions,
        "channel_summary": channel_summary,
        "response_curves": response_curves,
        "budget_plan": budget_plan,
    }
    with refusals():
        draws = interpretable(posterior, project)
        require_fit(posterior.version, **tables)
        require_evaluation(posterior.version, evaluation)
        paths = write_exports(
            project.exports, fit=fit_table(draws), diagnostics=evaluation["diagnostics"], **tables
        )
    return dg.MaterializeResult(
        value={"fit": posterior.version, "files": [str(path) for path in paths]},
        metadata={path.name: dg.MetadataValue.path(str(path)) for path in paths},
    )


def _from_draws(draws: Posterior) -> dict[str, Any]:
    """What only the posterior can tell."""
    from mmm_core.attribution.curves import pooled_response_curves
    from mmm_core.attribution.fitted import fit_table
    from mmm_core.reporting.model_words import model_in_words
    from mmm_core.reporting.totals import posterior_totals

    return {
        "model": model_in_words(draws),
        "pooled_curves": pooled_response_curves(draws),
        "fit": fit_table(draws),
        "totals": posterior_totals(draws),
        "attempts": draws.info.attempts,
        "data_version": draws.data.data_version,
        "has_revenue": draws.data.has_revenue,
    }


def _choice_behind(fit: StoredFit) -> ModelChoice | None:
    return None if fit.model_choice is None else ModelChoice.from_record(fit.model_choice)


def _about(project: Project, snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What the configuration and the source tell."""
    config = project.config
    mapping = resolve_mapping(config, snapshot["columns"], snapshot["origin"])
    return {
        "title": config.reports.title or config.project.name,
        "project": config.project.name,
        "currency": config.project.currency,
        "kpi_name": mapping.kpi,
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": flatten(project.loaded),
        "truth_roi": snapshot["truth_roi"],
    }


def _with_worst(diagnostics: Mapping[str, Any], fit: StoredFit, n: int = 10) -> dict[str, Any]:
    worst = fit.diagnostics.parameters.sort_values("rhat", ascending=False).head(n)
    columns = ["parameter", "rhat", "ess_bulk", "ess_tail"]
    return {**diagnostics, "worst_parameters": worst[columns].to_dict("records")}


def _restored(records: list[dict[str, Any]]) -> list[tuple[str, CheckResult]]:
    return [
        (
            record["asset"],
            CheckResult(
                **{
                    **{key: value for key, value in record.items() if key != "asset"},
                    "table": tuple(record["table"]),
                }
            ),
        )
        for record in records
    ]


def _fit_checks(fit: StoredFit, evaluation: dict[str, Any], project: Project) -> list[tuple[str, CheckResult]]:
    gate = check_convergence(fit.diagnostics, project.config.complexity.identifiability)
    return [("posterior", result) for result in gate] + [
        ("evaluation", result) for result in judge_evaluation(evaluation, project)
    ]


def _attach(tracker: Tracker, project: Project, run_id: str, inputs: ReportInputs) -> str:
    """Add report and plots to the fit's MLflow run; returns the run's page."""
    from mmm_core.reporting import figures

    run = tracker.reopen(run_id)
    run.log_file(project.report)
    for name, png in (
        ("contributions", figures.contribution_area(inputs.contributions)),
        ("roi", figures.roi_intervals(inputs.channel_summary)),
        ("response_curves", figures.response_curve_grid(inputs.pooled_curves)),
        ("budgets", figures.budget_bars(inputs.budget_plan)),
    ):
        run.log_bytes(png, f"{name}.png", "plots")
    return run.url


def _quality_metadata(found: list[tuple[str, CheckResult]], weights: Mapping[str, float]) -> dict[str, Any]:
    score = quality_score((result for _, result in found), weights)
    failed = [
        {"asset": asset, "check": result.name, "severity": result.severity, "message": result.message}
        for asset, result in found
        if not result.passed
    ]
    return {
        "score": score.score,
        "checks": len(found),
        "failed": len(failed),
        **({"failed_checks": cases_table(failed[:100])} if failed else {}),
    }
