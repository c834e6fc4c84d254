"""Stage evaluate: one verdict on the fit from all checks, and the version of the model that the fit is."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from mmm_assets.accepted import keep_accepted
from mmm_assets.accepted_settings import keep_setting
from mmm_assets.asset_prefix import keyed
from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version
from mmm_assets.promotion import champion_of, settle, version_in_use
from mmm_assets.registry import CHAMPION
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_assets.stages.backtest import is_wanted, judge_backtest
from mmm_assets.stages.evaluate import judge_evaluation, require_evaluation
from mmm_assets.stages.experiments import are_known, judge_experiments
from mmm_assets.stages.prior import judge_priors
from mmm_assets.stages.stability import claims_are_known, judge_claims, judge_stability, require_stability
from mmm_assets.stages.train import judge_convergence
from mmm_core.evaluation.verdict import Verdict, require_accepted, verdict
from mmm_core.features.checks import check_excluded_geos
from mmm_core.quality.check import CheckResult, with_trust_severities

VERDICT_CHECKS = {"accepted": "Whether the model may be used"}
VERSION_CHECKS = {"champion": "Whether budgets and reports are made with the champion"}
_OUTPUTS = {
    "model_verdict": "Accepted, accepted with warnings, or rejected, with every reason; no plan is made with a "
    "rejected model.  An accepted fit is kept apart, for the next one to be compared with.",
    "model_version": "Which version of the model this fit is in MLflow's registry, and which one is champion.",
}


def definitions(project: Project) -> dg.Definitions:
    """The assets `model_verdict` and `model_version`, of one step, and their checks.

    One step, because a rejected verdict stops what depends on it, and it has to be seen then who is champion.
    """
    judged = ("posterior", "evaluation", "prior_predictive", "stability", *asked_for(project))
    reads = GATE | {"evaluation", "calibration", "promotion"}
    shared = attributes(project, "evaluate", reads=reads, kinds={"python"})
    step = dg.multi_asset(
        name="judgement",
        ins={name: dg.AssetIn(key=name) for name in judged},
        outs={
            name: dg.AssetOut(io_manager_key="json", description=text, **shared) for name, text in _OUTPUTS.items()
        },
    )
    specs, versions = check_specs("model_verdict", VERDICT_CHECKS), check_specs("model_version", VERSION_CHECKS)
    return dg.Definitions(
        assets=[step(keyed(judgement, project.config.deployment.asset_prefix))],
        asset_checks=[
            dg.multi_asset_check(name="model_verdict_checks", specs=specs)(verdict_checks),
            dg.multi_asset_check(name="model_version_checks", specs=versions)(version_checks),
        ],
    )


def asked_for(project: Project) -> list[str]:
    """Assets that are there only where the configuration asks for them."""
    wanted = {
        "backtest_summary": is_wanted(project),
        "experiment_comparison": are_known(project),
        "digital_checks": claims_are_known(project),
    }
    return [name for name, there in wanted.items() if there]


def judgement(
    context: dg.AssetExecutionContext,
    project: dg.ResourceParam[Project],
    tracker: dg.ResourceParam[Tracker],
    **values: Any,
) -> Iterator[dg.MaterializeResult[dict[str, Any]]]:
    """Judge the fit; register it if it is accepted, and promote it where it may be."""
    fit: StoredFit = values["posterior"]
    with refusals():
        found = verdict(fit.version, _groups(fit, values, project))
        if found.level != "rejected":
            keep_accepted(project, fit)
            keep_setting(project, fit.version)
    yield _described(found)
    with refusals():
        before = champion_of(project, tracker)
        record = settle(project, tracker, fit, found)
    if record["champion_version"] != before and before is not None:
        context.log.info(f"Version {record['version']} takes over from version {before} as champion.")
    _tell(Alerts.of(project), record, before)
    yield _version_described(record)


def _tell(alerts: Alerts, record: dict[str, Any], before: int | None) -> None:
    facts = {
        "verdict": record["verdict"],
        "version": str(record["version"] or ""),
        "previous version": str(before or ""),
    }
    if record["verdict"] == "rejected":
        alerts.send("rejected", "a fit is rejected; the champion stays", facts)
    elif record["champion_version"] != before:
        alerts.send("promoted", f"version {record['champion_version']} is champion", facts)


def _version_described(record: dict[str, Any]) -> dg.MaterializeResult[dict[str, Any]]:
    shown = {key: value for key, value in record.items() if value is not None and value != []}
    return dg.MaterializeResult(
        asset_key="model_version",
        value=record,
        data_version=dg.DataVersion(bytes_version(json.dumps(record, sort_keys=True).encode())),
        metadata=shown,
    )


def _groups(fit: StoredFit, values: Mapping[str, Any], project: Project) -> dict[str, list[CheckResult]]:
    require_evaluation(fit.version, values["evaluation"])
    require_stability(fit.version, values["stability"])
    groups = {
        **_data_group(fit, project),
        "convergence": judge_convergence(fit, project),
        "prior": judge_priors(values["prior_predictive"], project),
        "fit": judge_evaluation(values["evaluation"], project),
        "stability": judge_stability(values["stability"], project),
    }
    if "backtest_summary" in values:
        groups["backtest"] = judge_backtest(values["backtest_summary"], project)
    if "experiment_comparison" in values:
        groups["experiments"] = judge_experiments(values["experiment_comparison"], project, fit.version)
    if "digital_checks" in values:
        groups["digital"] = judge_claims(values["digital_checks"], project, fit.version)
    return groups


def _data_group(fit: StoredFit, project: Project) -> dict[str, list[CheckResult]]:
    """Geos that are not in the fit are something to know about it."""
    found = check_excluded_geos(fit.posterior.data)
    return {"data": with_trust_severities(found, project.config)} if found else {}


def _described(found: Verdict) -> dg.MaterializeResult[dict[str, Any]]:
    record = found.to_record()
    reasons = cases_table([dict(reason) for reason in record["reasons"]])
    return dg.MaterializeResult(
        asset_key="model_verdict",
        value=record,
        data_version=dg.DataVersion(bytes_version(json.dumps(record, sort_keys=True).encode())),
        metadata={
            "verdict": found.level,
            "checks": sum(found.checks.values()),
            **({"reasons": reasons} if found.reasons else {}),
        },
    )


def verdict_checks(model_verdict: dict[str, Any]) -> Iterator[dg.AssetCheckResult]:
    """Blocks what would use a rejected model."""
    with refusals():
        found = Verdict.from_record(model_verdict)
    result = CheckResult("accepted", found.level != "rejected", "error", found.sentence)
    yield from check_results("model_verdict", VERDICT_CHECKS, [result])


def version_checks(model_version: dict[str, Any]) -> Iterator[dg.AssetCheckResult]:
    """Informs where budgets and reports are made with another version than the champion."""
    with refusals():
        words = version_in_use(model_version["fit"], model_version)
    passed = words is None or model_version["alias"] == CHAMPION
    waits = "".join(f" {name} keeps it from being promoted by itself." for name in model_version["waits_for"])
    told = "Versions are not kept (promotion.enabled)." if words is None else f"This is {words}.{waits}"
    remedy = (
        "" if passed else " mmm promote makes the challenger champion, mmm rollback goes back to the champion."
    )
    yield from check_results(
        "model_version", VERSION_CHECKS, [CheckResult("champion", passed, "warn", told + remedy)]
    )


def accepted(fit: StoredFit, record: dict[str, Any]) -> Verdict:
    """The verdict on a fit that may be used.

    Every consumer asks, because a check that failed in another run stops nothing in this one.

    Raises:
        StorageError: the verdict is on another fit.
        GateError: the fit is rejected.
    """
    found = Verdict.from_record(record)
    require_accepted(found, fit.version)
    return found
