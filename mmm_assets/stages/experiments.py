"""Stages train and evaluate: lift tests, what they make of the priors, and whether the fit agrees with them."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import bytes_version, frame_metadata, frame_version, picture
from mmm_assets.provenance import mark_fit, require_fit
from mmm_assets.resources.project import Project
from mmm_assets.specification import specified_as
from mmm_assets.stages.train import interpretable
from mmm_core.experiments.comparison import EXPERIMENT_CHECKS, check_experiments, experiment_table
from mmm_core.experiments.registry import load_experiments
from mmm_core.features.model_data import ModelData
from mmm_core.model.prior_draws import prior_draws
from mmm_core.quality.check import CheckResult, with_trust_severities
from mmm_core.selection.candidates import chosen_model
from mmm_core.selection.choice import ModelChoice
from mmm_core.stability.records import check_from_record, check_record

EXPERIMENTS = "experiments"
ADJUSTMENTS = "adjustments"
"""Attribute of `experiment_comparison`: how tests became priors, step by step."""
_PRIOR_DRAWS = 500
_SHOWN = 60


def are_known(project: Project) -> bool:
    """Whether a file of lift tests is configured."""
    return project.config.calibration.experiments is not None


def definitions(project: Project) -> dg.Definitions:
    """The assets `experiments` and `experiment_comparison`; nothing without a file of lift tests."""
    if not are_known(project):
        return dg.Definitions()
    registry = dg.asset(
        name=EXPERIMENTS,
        io_manager_key="json",
        **attributes(project, "train", reads={"calibration.experiments", "ingest.format"}, kinds={"file"}),
    )
    compared = dg.asset(
        deps=[EXPERIMENTS],
        io_manager_key="parquet",
        **attributes(project, "evaluate", reads=GATE | {"calibration"}, kinds={"numpy", "parquet"}),
    )
    specs = check_specs("experiment_comparison", EXPERIMENT_CHECKS)
    checks = dg.multi_asset_check(name="experiment_comparison_checks", specs=specs)
    return dg.Definitions(
        assets=[registry(registered_experiments), compared(experiment_comparison)],
        asset_checks=[checks(experiment_results)],
    )


def registered_experiments(
    model_data: ModelData, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[list[dict[str, Any]]]:
    """The lift tests as they are now, each checked against geos, channels, dates and units of the data."""
    with refusals():
        found = [_plain(asdict(experiment)) for experiment in load_experiments(project.config, model_data)]
    return dg.MaterializeResult(
        value=found,
        data_version=dg.DataVersion(bytes_version(json.dumps(found, sort_keys=True, default=str).encode())),
        metadata={"experiments": len(found), **({"registry": cases_table(found[:_SHOWN])} if found else {})},
    )


def experiment_comparison(
    posterior: StoredFit, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """Each lift test beside what the priors expected and what the fit says of exactly that test."""
    from mmm_core.reporting.figures_trust import experiment_intervals

    config = project.config
    with refusals():
        draws = interpretable(posterior, project)
        tests = load_experiments(config, draws.data)
        before = prior_draws(draws.data, draws.spec, draws.scaling, _PRIOR_DRAWS, config.training.seed)
        table = experiment_table(draws, tests, config.calibration, before)
        results = check_experiments(table, tests, draws, config.calibration)
        chosen = config
        if posterior.model_choice is not None:
            changes = ModelChoice.from_record(posterior.model_choice).changes
            chosen, _ = chosen_model(config, draws.data, changes)
        adjustments = specified_as(chosen, draws).adjustments
    mark_fit(table, posterior.version)
    table.attrs[ADJUSTMENTS] = [_plain(row) for row in adjustments.to_dict("records")]
    table.attrs["results"] = [check_record(result) for result in results]
    return dg.MaterializeResult(
        value=table,
        data_version=frame_version(table),
        metadata={
            **frame_metadata(table, rows=_SHOWN),
            **({"tests": picture(experiment_intervals(table))} if len(table) else {}),
        },
    )


def experiment_results(
    experiment_comparison: pd.DataFrame, project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Whether fit and tests agree."""
    from mmm_core.reporting.figures_trust import experiment_intervals

    results = judge_experiments(experiment_comparison, project)
    pictures = dict.fromkeys(EXPERIMENT_CHECKS, partial(experiment_intervals, experiment_comparison))
    yield from check_results("experiment_comparison", EXPERIMENT_CHECKS, results, pictures)


def judge_experiments(table: pd.DataFrame, project: Project, fit: str | None = None) -> list[CheckResult]:
    """Outcome of the checks of `EXPERIMENT_CHECKS`; with `fit`, only of a table about that fit."""
    if fit is not None:
        require_fit(fit, experiment_comparison=table)
    stored = [check_from_record(record) for record in table.attrs["results"]]
    return with_trust_severities(stored, project.config)


def _plain(record: dict[Any, Any]) -> dict[str, Any]:
    """What JSON can hold."""
    return dict(json.loads(json.dumps(record, default=str)))
