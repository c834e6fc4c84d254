"""Stage evaluate: what an accepted posterior says about channels, and how well it fits."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version, frame_metadata, frame_version, picture
from mmm_assets.provenance import mark_fit, require_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_core.errors import StorageError
from mmm_core.evaluation.fit import FIT_CHECKS, FitMetrics, check_fit, fit_metrics
from mmm_core.evaluation.plausibility import PLAUSIBILITY_CHECKS
from mmm_core.quality.check import CheckResult

GATE = {"complexity"}
"""What every consumer of the posterior reads: the limits of the convergence gate."""
EVALUATION_CHECKS = {**FIT_CHECKS, **PLAUSIBILITY_CHECKS}


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    table = {
        "io_manager_key": "parquet",
        **attributes(project, "evaluate", reads=GATE, kinds={"numpy", "parquet"}),
    }
    record = {
        "io_manager_key": "json",
        **attributes(project, "evaluate", reads=GATE | {"evaluation"}, kinds={"numpy"}),
    }
    return dg.Definitions(
        assets=[
            dg.asset(**table)(contributions),
            dg.asset(**table)(channel_summary),
            dg.asset(name="response_curves", **table)(response_curves_by_geo),
            dg.asset(**record)(evaluation),
        ],
        asset_checks=[
            dg.multi_asset_check(name="evaluation_checks", specs=check_specs("evaluation", EVALUATION_CHECKS))(
                evaluation_checks
            )
        ],
    )


def contributions(posterior: StoredFit, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[pd.DataFrame]:
    """What each week's KPI is made of: media, controls, seasonality and baseline, per geo, with 90 % intervals."""
    from mmm_core.attribution.contributions import contribution_table
    from mmm_core.reporting.figures import contribution_area

    with refusals():
        table = contribution_table(interpretable(posterior, project))
    return _table(table, posterior, weeks=picture(contribution_area(table)))


def channel_summary(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Spend, contribution, ROI and marginal ROI of each channel over the fit window, with 90 % intervals."""
    from mmm_core.attribution import returns
    from mmm_core.reporting.figures import roi_intervals

    with refusals():
        table = returns.channel_summary(interpretable(posterior, project))
    return _table(table, posterior, rows=60, roi=picture(roi_intervals(table)))


def response_curves_by_geo(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Outcome of each channel in each geo if its spend were scaled from nothing to twice today's."""
    from mmm_core.attribution.curves import response_curves

    with refusals():
        table = response_curves(interpretable(posterior, project))
    return _table(table, posterior)


def evaluation(
    posterior: StoredFit, contributions: pd.DataFrame, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """How well the model fits, how well it was sampled, and whether its answers can be believed.

    The value has the keys fit (version of the posterior), diagnostics (what is exported), metrics, and
    plausibility (outcomes of checks that need the draws).
    """
    from mmm_core.attribution.fitted import fit_table
    from mmm_core.evaluation.diagnostics_json import diagnostics_record
    from mmm_core.evaluation.plausibility import check_plausibility
    from mmm_core.reporting.figures import fit_lines

    with refusals():
        draws = interpretable(posterior, project)
        require_fit(posterior.version, contributions=contributions)
        fit = fit_table(draws)
        metrics = fit_metrics(fit)
        plausibility = check_plausibility(draws, contributions, fit)
    record = diagnostics_record(draws, posterior.diagnostics, metrics)
    value = {
        "fit": posterior.version,
        "diagnostics": record,
        "metrics": asdict(metrics),
        "plausibility": [asdict(result) for result in plausibility],
    }
    version = bytes_version(json.dumps(value, default=str, sort_keys=True).encode())
    numbers = {key: number for key, number in record.items() if number is not None}
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(version),
        metadata={**numbers, "fit": picture(fit_lines(fit))},
    )


def evaluation_checks(
    evaluation: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Fit and plausibility, by the limits of today's configuration."""
    yield from check_results("evaluation", EVALUATION_CHECKS, judge_evaluation(evaluation, project))


def judge_evaluation(evaluation: dict[str, Any], project: Project) -> list[CheckResult]:
    """Outcome of every check of `EVALUATION_CHECKS`."""
    metrics = FitMetrics(**evaluation["metrics"])
    stored = [CheckResult(**{**result, "table": tuple(result["table"])}) for result in evaluation["plausibility"]]
    return [*check_fit(metrics, project.config.evaluation), *stored]


def require_evaluation(version: str, evaluation: dict[str, Any]) -> None:
    """Refuse an evaluation of another fit.

    Raises:
        StorageError: says what to materialize.
    """
    if evaluation["fit"] != version:
        raise StorageError("evaluation is about another fit than the stored posterior; materialize it again.")


def _table(frame: pd.DataFrame, fit: StoredFit, rows: int = 6, **more: Any) -> dg.MaterializeResult[pd.DataFrame]:
    mark_fit(frame, fit.version)
    return dg.MaterializeResult(
        value=frame, data_version=frame_version(frame), metadata={**more, **frame_metadata(frame, rows)}
    )
