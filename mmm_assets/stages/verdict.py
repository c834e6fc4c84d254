"""Stage evaluate: one verdict on the fit from all checks, which budgets, reports and promotion read."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from mmm_assets.accepted import keep_accepted
from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version
from mmm_assets.resources.project import Project
from mmm_assets.stages.backtest import is_wanted, judge_backtest
from mmm_assets.stages.evaluate import judge_evaluation, require_evaluation
from mmm_assets.stages.experiments import are_known, judge_experiments
from mmm_assets.stages.prior import judge_priors
from mmm_assets.stages.stability import claims_are_known, judge_claims, judge_stability, require_stability
from mmm_assets.stages.train import judge_convergence
from mmm_core.evaluation.verdict import Verdict, require_accepted, verdict
from mmm_core.quality.check import CheckResult

VERDICT_CHECKS = {"accepted": "Whether the model may be used"}


def definitions(project: Project) -> dg.Definitions:
    """The asset `model_verdict` and its check."""
    judged = ("posterior", "evaluation", "prior_predictive", "stability", *asked_for(project))
    asset = dg.asset(
        ins={name: dg.AssetIn(key=name) for name in judged},
        io_manager_key="json",
        **attributes(project, "evaluate", reads=GATE | {"evaluation", "calibration"}, kinds={"python"}),
    )
    specs = check_specs("model_verdict", VERDICT_CHECKS)
    return dg.Definitions(
        assets=[asset(model_verdict)],
        asset_checks=[dg.multi_asset_check(name="model_verdict_checks", specs=specs)(verdict_checks)],
    )


def asked_for(project: Project) -> list[str]:
    """Assets that are there only where the configuration asks for them."""
    wanted = {
        "backtest_summary": is_wanted(project),
        "experiment_comparison": are_known(project),
        "digital_checks": claims_are_known(project),
    }
    return [name for name, there in wanted.items() if there]


def model_verdict(project: dg.ResourceParam[Project], **values: Any) -> dg.MaterializeResult[dict[str, Any]]:
    """Accepted, accepted with warnings, or rejected, with every reason; no plan is made with a rejected model.

    An accepted fit is kept apart, for the next one to be compared with.
    """
    fit: StoredFit = values["posterior"]
    with refusals():
        found = verdict(fit.version, _groups(fit, values, project))
        if found.level != "rejected":
            keep_accepted(project, fit)
    return _described(found)


def _groups(fit: StoredFit, values: Mapping[str, Any], project: Project) -> dict[str, list[CheckResult]]:
    require_evaluation(fit.version, values["evaluation"])
    require_stability(fit.version, values["stability"])
    groups = {
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


def _described(found: Verdict) -> dg.MaterializeResult[dict[str, Any]]:
    record = found.to_record()
    reasons = cases_table([dict(reason) for reason in record["reasons"]])
    return dg.MaterializeResult(
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
