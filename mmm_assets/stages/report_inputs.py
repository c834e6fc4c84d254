"""What every page, deck and export is made from: stored tables of one fit, gathered and compared."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.io_managers import StoredFit, every_geo
from mmm_assets.promotion import version_in_use
from mmm_assets.provenance import require_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.attribution import MEDIA_SHARE
from mmm_assets.stages.backtest import BACKTEST_TABLES
from mmm_assets.stages.evaluate import judge_evaluation, require_evaluation, restored_result
from mmm_assets.stages.experiment_plan import PLAN, plan_of
from mmm_assets.stages.experiments import ADJUSTMENTS
from mmm_assets.stages.optimize import scenario_summaries
from mmm_assets.stages.train import interpretable, judge_convergence
from mmm_assets.stages.transform import joined_logs
from mmm_assets.stages.verdict import accepted, asked_for
from mmm_assets.stages.what_changed import changes_of
from mmm_core.config.loading import flatten
from mmm_core.data.mapping import resolve_mapping
from mmm_core.evaluation.prior_predictive import PriorPredictive
from mmm_core.evaluation.verdict import Verdict
from mmm_core.experiment_planning.planner import is_wanted
from mmm_core.exploration.exploration import Exploration
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.inputs import ReportInputs, Totals
from mmm_core.reporting.trust_tables import TrustTables
from mmm_core.selection.choice import ModelChoice
from mmm_core.stability.stability import StabilityReport

TABLES = {
    "contributions": "contributions",
    "channel_summary": "channel_summary",
    "pooled_curves": "pooled_response_curves",
    "fit": "fitted",
    "budget_plan": "budget_plan",
}
"""Field of `ReportInputs` -> asset."""
DECISIONS = {
    "periods": "attribution_periods",
    "counterfactuals": "counterfactuals",
    "adstock": "adstock",
    "saturation": "saturation",
    "frequency": "frequency",
    "shadow_prices": "shadow_prices",
    "comparison": "scenario_comparison",
    "frontier": "frontier",
    "flighting": "flighting",
    "forecast": "forecast",
}
"""Field of `DecisionTables` -> asset."""
_MORE = (
    "posterior",
    "model_verdict",
    "model_version",
    "prior_predictive",
    "stability",
    "fitted_total",
    "evaluation",
    "scenario_summary",
    "what_changed",
    "data_quality",
    "exploration",
    "source_snapshot",
)
READS = {"reports", "project", "evaluation"}
"""Keys that every page reads."""


def report_ins(project: Project) -> dict[str, dg.AssetIn]:
    """Inputs of an asset that needs `ReportInputs`."""
    planned = [PLAN] if is_wanted(project.config) else []
    pooled = (*TABLES.values(), *DECISIONS.values(), *_MORE, *asked_for(project), *planned)
    return {name: dg.AssetIn(key=name) for name in pooled} | {"change_log": every_geo("change_log")}


def gather(values: Mapping[str, Any], project: Project) -> ReportInputs:
    """The stored values of `report_ins` as the inputs of a page.

    Raises:
        GateError: the posterior may not be interpreted.
        StorageError: something comes from another fit than the rest.
    """
    from mmm_core.reporting.model_words import model_in_words

    fit: StoredFit = values["posterior"]
    draws = interpretable(fit, project)
    accepted(fit, values["model_verdict"])
    assets = (*TABLES.values(), *DECISIONS.values(), "scenario_summary", "fitted_total")
    require_fit(fit.version, **{name: values[name] for name in assets})
    require_evaluation(fit.version, values["evaluation"])
    choice, plan = fit.model_choice, plan_of(fit.version, values.get(PLAN))
    proposed = {} if plan is None else {"proposals": plan.proposals, "test_geos": plan.geo_split}
    return ReportInputs(
        trust=_trust(values),
        changes=changes_of(fit.version, values["what_changed"]),
        **{field: values[asset] for field, asset in TABLES.items()},
        decisions=DecisionTables(**{field: values[asset] for field, asset in DECISIONS.items()}, **proposed),
        experiment_notes=() if plan is None else plan.notes,
        scenarios=scenario_summaries(values["scenario_summary"]),
        model=model_in_words(draws),
        totals=_totals(values["fitted_total"]),
        attempts=draws.info.attempts,
        data_version=draws.data.data_version,
        model_version=version_in_use(fit.version, values["model_version"]),
        excluded_geos=draws.data.excluded_geos,
        has_revenue=draws.data.has_revenue,
        **_about(project, values["source_snapshot"]),
        diagnostics=_with_worst(values["evaluation"]["diagnostics"], fit),
        checks=(*_restored(values["data_quality"]), *_fit_checks(fit, values["evaluation"], project)),
        model_choice=None if choice is None else ModelChoice.from_record(choice),
        exploration=Exploration.from_record(values["exploration"]),
        change_log=joined_logs(values["change_log"], draws.data.geos),
    )


def _trust(values: Mapping[str, Any]) -> TrustTables:
    """What was found beside the fit; the verdict has checked that all of it is about this fit."""
    backtest = values.get("backtest_summary")
    compared = values.get("experiment_comparison")
    adjustments = None if compared is None else pd.DataFrame(compared.attrs[ADJUSTMENTS])
    return TrustTables(
        verdict=Verdict.from_record(values["model_verdict"]),
        backtest={} if backtest is None else {name: pd.DataFrame(backtest[name]) for name in BACKTEST_TABLES},
        stability=StabilityReport.from_record(values["stability"]).tables,
        experiments=compared,
        adjustments=adjustments,
        claims=values.get("digital_checks"),
        prior_weeks=PriorPredictive.from_record(values["prior_predictive"]).weeks,
    )


def _totals(table: pd.DataFrame) -> Totals:
    low, high = table.attrs[MEDIA_SHARE]
    return Totals(fit=table, media_share=(float(low), float(high)))


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
    found = []
    for record in records:
        fields = {key: value for key, value in record.items() if key != "asset"}
        found.append((record["asset"], restored_result(fields)))
    return found


def _fit_checks(fit: StoredFit, evaluation: dict[str, Any], project: Project) -> list[tuple[str, CheckResult]]:
    gate = judge_convergence(fit, project)
    judged = judge_evaluation(evaluation, project)
    return [("posterior", result) for result in gate] + [("evaluation", result) for result in judged]
