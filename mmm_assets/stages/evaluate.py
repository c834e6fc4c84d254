"""Stage evaluate: how well an accepted posterior fits, and whether its answers can be believed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version, picture
from mmm_assets.provenance import require_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_core.errors import StorageError
from mmm_core.evaluation.fit import FIT_CHECKS, FitMetrics, check_fit, fit_metrics
from mmm_core.evaluation.genuineness import GENUINENESS_CHECKS, check_genuineness
from mmm_core.evaluation.plausibility import PLAUSIBILITY_CHECKS, check_plausibility
from mmm_core.evaluation.posterior_predictive import POSTERIOR_PREDICTIVE_CHECKS, check_posterior_predictive
from mmm_core.quality.check import CheckResult, with_trust_severities

EVALUATION_CHECKS = {
    **FIT_CHECKS,
    **GENUINENESS_CHECKS,
    **POSTERIOR_PREDICTIVE_CHECKS,
    **PLAUSIBILITY_CHECKS,
}


_PICTURE = "metadata `fit` of the asset evaluation"


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage, besides the tables of `stages.attribution`."""
    reads = GATE | {"evaluation"}
    record = dg.asset(io_manager_key="json", **attributes(project, "evaluate", reads=reads, kinds={"numpy"}))
    checks = dg.multi_asset_check(name="evaluation_checks", specs=check_specs("evaluation", EVALUATION_CHECKS))
    return dg.Definitions(assets=[record(evaluation)], asset_checks=[checks(evaluation_checks)])


def evaluation(
    posterior: StoredFit, contributions: pd.DataFrame, fitted: pd.DataFrame, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """How well the model fits, how well it was sampled, and whether its answers can be believed.

    The value has the keys fit (version of the posterior), diagnostics (what is exported), metrics, and
    results (outcomes of checks that need the draws).
    """
    from mmm_core.evaluation.diagnostics_json import diagnostics_record
    from mmm_core.reporting.figures import fit_lines

    with refusals():
        draws = interpretable(posterior, project)
        require_fit(posterior.version, contributions=contributions, fitted=fitted)
        metrics = fit_metrics(fitted)
        results = [
            *check_genuineness(draws),
            *check_posterior_predictive(draws),
            *check_plausibility(draws, contributions, fitted),
        ]
    record = diagnostics_record(draws, posterior.diagnostics, metrics)
    value = {
        "fit": posterior.version,
        "diagnostics": record,
        "metrics": asdict(metrics),
        "results": [asdict(result) for result in results],
    }
    version = bytes_version(json.dumps(value, default=str, sort_keys=True).encode())
    numbers = {key: number for key, number in record.items() if number is not None}
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(version),
        metadata={**numbers, "fit": picture(fit_lines(fitted))},
    )


def evaluation_checks(
    evaluation: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Fit and plausibility, by the limits of today's configuration."""
    pictures = dict.fromkeys((*FIT_CHECKS, *POSTERIOR_PREDICTIVE_CHECKS), _PICTURE)
    yield from check_results("evaluation", EVALUATION_CHECKS, judge_evaluation(evaluation, project), pictures)


def judge_evaluation(evaluation: dict[str, Any], project: Project) -> list[CheckResult]:
    """Outcome of every check of `EVALUATION_CHECKS`."""
    metrics = FitMetrics(**evaluation["metrics"])
    stored = [restored_result(result) for result in evaluation["results"]]
    return with_trust_severities([*check_fit(metrics, project.config.evaluation), *stored], project.config)


def restored_result(record: Mapping[str, Any]) -> CheckResult:
    """A check's outcome from JSON."""
    return CheckResult(**{**record, "table": tuple(record["table"])})


def require_evaluation(version: str, evaluation: dict[str, Any]) -> None:
    """Refuse an evaluation of another fit.

    Raises:
        StorageError: says what to materialize.
    """
    if evaluation["fit"] != version:
        raise StorageError("evaluation is about another fit than the stored posterior; materialize it again.")
