"""Stage train, before the fit: what the priors alone say about the KPI."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import dagster as dg

from mmm_assets.attributes import attributes
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.metadata import bytes_version, picture
from mmm_assets.resources.project import Project
from mmm_assets.specification import CALIBRATION, FIXED, refit
from mmm_core.config.schema import Config
from mmm_core.evaluation.prior_predictive import (
    PRIOR_PREDICTIVE_CHECKS,
    PriorPredictive,
    check_prior_predictive,
    prior_predictive,
)
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult, with_trust_severities
from mmm_core.selection.candidates import chosen_model
from mmm_core.selection.choice import ModelChoice

READS = {"model", "training.seed", "features.adstock", "features.saturation"}


def definitions(project: Project) -> dg.Definitions:
    """The asset `prior_predictive` and its checks."""
    reads = READS | CALIBRATION | FIXED
    asset = dg.asset(
        name="prior_predictive",
        io_manager_key="json",
        deps=["experiments"] if project.config.calibration.experiments is not None else [],
        **attributes(project, "train", reads=reads, kinds={"numpy"}),
    )
    chosen = project.config.model.selection.enabled
    checks = dg.multi_asset_check(
        name="prior_predictive_checks", specs=check_specs("prior_predictive", PRIOR_PREDICTIVE_CHECKS)
    )
    return dg.Definitions(
        assets=[asset(priors_of_chosen_model if chosen else priors)], asset_checks=[checks(prior_checks)]
    )


def priors(model_data: ModelData, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[dict[str, Any]]:
    """What the model believes before it sees the KPI: its level, its baseline, and what media brings."""
    with refusals():
        return _described(project, model_data, project.config)


def priors_of_chosen_model(
    model_data: ModelData, model_choice: dict[str, Any], project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """What the chosen model believes before it sees the KPI: its level, its baseline, and what media brings."""
    with refusals():
        config, data = chosen_model(project.config, model_data, ModelChoice.from_record(model_choice).changes)
        return _described(project, data, config)


def prior_checks(
    prior_predictive: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Whether the priors are possible, by the limits of today's configuration."""
    from mmm_core.reporting.figures_trust import prior_weeks

    draw = partial(prior_weeks, PriorPredictive.from_record(prior_predictive).weeks)
    results = judge_priors(prior_predictive, project)
    pictures = dict.fromkeys(PRIOR_PREDICTIVE_CHECKS, draw)
    yield from check_results("prior_predictive", PRIOR_PREDICTIVE_CHECKS, results, pictures)


def judge_priors(record: dict[str, Any], project: Project) -> list[CheckResult]:
    """Outcome of every check of `PRIOR_PREDICTIVE_CHECKS`."""
    evaluation = project.config.evaluation
    results = check_prior_predictive(PriorPredictive.from_record(record), evaluation.prior_predictive)
    return with_trust_severities(results, project.config)


def _described(project: Project, data: ModelData, config: Config) -> dg.MaterializeResult[dict[str, Any]]:
    from mmm_core.reporting.figures_trust import prior_weeks

    spec = refit(project, config, data).calibration.spec
    found = prior_predictive(data, spec, config.training.seed)
    record = found.to_record()
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(bytes_version(json.dumps(record, sort_keys=True).encode())),
        metadata={
            "impossible_kpi": found.impossible_share,
            "negative_baseline": found.negative_baseline,
            "media_above_total": found.media_above_total,
            "weeks": picture(prior_weeks(found.weeks)),
        },
    )
