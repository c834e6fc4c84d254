"""Stage train, before the fit: the choice of the model by how well candidates predict weeks they have not seen."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dagster as dg

from mmm_assets.asset_prefix import keyed
from mmm_assets.attributes import SAMPLER, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.metadata import bytes_version, frame_metadata, frame_version, picture
from mmm_assets.progress import logged
from mmm_assets.resources.project import Project
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.progress import Progress
from mmm_core.quality.check import require
from mmm_core.selection.choice import MODEL_CHOICE_CHECKS, ModelChoice, check_choice

READS = {
    "model",
    *SAMPLER,
    "runtime.precision",
    "runtime.device",
    "features.adstock",
    "features.saturation",
    "features.seasonality",
}
"""Configuration on which the choice depends."""


def definitions(project: Project, pool: str) -> dg.Definitions:
    """Assets and checks of the choice; nothing where it is not asked for.

    Args:
        project: configuration and folders.
        pool: concurrency pool of everything that samples.
    """
    selection = project.config.model.selection
    if not selection.enabled:
        return dg.Definitions()
    shared = attributes(project, "train", reads=READS, kinds={"pymc"})
    outs = {
        "model_choice": dg.AssetOut(
            io_manager_key="json",
            description="The candidates, how well each predicted, and the one that is fitted.",
            **shared,
        )
    }
    if selection.stacking:
        outs["stacked_contributions"] = dg.AssetOut(
            io_manager_key="parquet",
            description="Weekly contributions of the stacked posterior; intervals hold the doubt about the model.",
            **shared,
        )
    choice = dg.multi_asset(name="model_choice", outs=outs, pool=pool)
    specs = check_specs("model_choice", MODEL_CHOICE_CHECKS)
    return dg.Definitions(
        assets=[choice(keyed(model_choice, project.config.deployment.asset_prefix))],
        asset_checks=[dg.multi_asset_check(name="model_choice_checks", specs=specs)(model_choice_checks)],
    )


def model_choice(
    context: dg.AssetExecutionContext,
    model_data: ModelData,
    project: dg.ResourceParam[Project],
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult[Any]]:
    """Fit the candidates before each time slice, score them on it, choose; and stack them if configured."""
    from mmm_core.reporting.figures import score_differences
    from mmm_core.selection.choose import choose_model
    from mmm_core.selection.stacked import stack_candidates, stacked_contributions, stacked_totals

    config = project.config
    watch = logged(context.log, progress)
    with refusals():
        require(check_model_data(model_data, config), "model_data")
        choice = choose_model(model_data, config, watch, context.log.info)
        if config.model.selection.stacking:
            members = stack_candidates(choice, model_data, config, watch, context.log.info)
            choice = choice.with_stacked(stacked_totals(members))
            weekly = stacked_contributions(members)
    record = choice.to_record()
    yield dg.MaterializeResult(
        asset_key="model_choice",
        value=record,
        data_version=dg.DataVersion(_version(choice)),
        metadata={**_metadata(choice), "scores_chart": picture(score_differences(choice.scores()))},
    )
    if config.model.selection.stacking:
        yield dg.MaterializeResult(
            asset_key="stacked_contributions",
            value=weekly,
            data_version=frame_version(weekly),
            metadata=frame_metadata(weekly),
        )


def model_choice_checks(
    model_choice: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Whether the compared fits were good enough, and the choice clear."""
    with refusals():
        results = check_choice(ModelChoice.from_record(model_choice))
    yield from check_results("model_choice", MODEL_CHOICE_CHECKS, results)


def _version(choice: ModelChoice) -> str:
    """Hash of what was found, not of how long it took."""
    timeless = replace(choice, candidates=tuple(replace(row, seconds=0.0) for row in choice.candidates))
    return bytes_version(json.dumps(timeless.to_record(), sort_keys=True).encode())


def _metadata(choice: ModelChoice) -> dict[str, Any]:
    rows = choice.scores().round(4).to_dict("records")
    return {
        "winner": choice.winner,
        "changes": json.dumps(choice.chosen.changes),
        "slices": dg.MetadataValue.md("\n".join(f"- {first} to {last}" for first, last in choice.slices)),
        "scored_geo_weeks": choice.n_scored,
        "candidates": cases_table([{str(key): value for key, value in row.items()} for row in rows]),
        **({"stacked": cases_table(choice.stacked)} if choice.stacked else {}),
    }
