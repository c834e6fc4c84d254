"""Stage evaluate: how well the model predicts what it has not seen, split by split."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pandas as pd

from mmm_assets.attributes import SAMPLER, attributes
from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.io_managers import BACKTEST, every_geo
from mmm_assets.metadata import bytes_version, model_data_version, picture
from mmm_assets.partitions import register_splits, split_partitions
from mmm_assets.progress import logged
from mmm_assets.resources.project import Project
from mmm_assets.specification import CALIBRATION
from mmm_core.backtesting.run import SplitResult, run_split
from mmm_core.backtesting.splits import BacktestSplit, by_name, plan_splits, possible_splits
from mmm_core.backtesting.summary import BACKTEST_CHECKS, check_backtest, summarise_splits
from mmm_core.errors import DataError, LateError, StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.progress import Progress
from mmm_core.quality.check import CheckResult, with_trust_severities
from mmm_core.stability.records import check_from_record, check_record, finite_rows
from mmm_core.storage import atomic_path

READS = {
    "model",
    *SAMPLER,
    "training.rolling_splits",
    "features.adstock",
    "features.saturation",
    "evaluation.validation_strategies",
    "runtime.precision",
    "runtime.device",
    *CALIBRATION,
}


def is_wanted(project: Project) -> bool:
    """Whether any strategy is configured."""
    wanted = project.config.evaluation.validation_strategies
    return wanted.temporal or wanted.geo_holdout is not None or wanted.platform_holdout


def definitions(project: Project, pool: str) -> dg.Definitions:
    """The plan of the backtest, its splits as partitions, and their summary; nothing unless it is asked for.

    Args:
        project: configuration and folders.
        pool: concurrency pool of everything that samples.
    """
    if not is_wanted(project):
        return dg.Definitions()
    shared = attributes(project, "evaluate", reads=READS, kinds={"numpy"})
    judged = attributes(
        project, "evaluate", reads=READS | {"evaluation.metrics", "evaluation.severities"}, kinds={"numpy"}
    )
    plan = dg.asset(io_manager_key="json", **shared)
    split = dg.asset(
        name=BACKTEST,
        io_manager_key="json",
        partitions_def=split_partitions(project.config.project.name),
        pool=pool,
        deps=["experiments"] if project.config.calibration.experiments is not None else [],
        **shared,
    )
    summary = dg.asset(ins={"backtest": every_geo(BACKTEST)}, io_manager_key="json", **judged)
    specs = check_specs("backtest_summary", BACKTEST_CHECKS)
    return dg.Definitions(
        assets=[plan(backtest_plan), split(backtest_of_split), summary(backtest_summary)],
        asset_checks=[dg.multi_asset_check(name="backtest_summary_checks", specs=specs)(backtest_checks)],
    )


def backtest_plan(
    context: dg.AssetExecutionContext, model_data: ModelData, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """Which weeks, geos and channels are held out of which fit; registers a partition for each."""
    config = project.config
    with refusals():
        splits = plan_splits(config, model_data)
        temporal = config.evaluation.validation_strategies.temporal
        note = possible_splits(config.training.rolling_splits, model_data) if temporal else ""
    register_splits(context.instance, config.project.name, [split.name for split in splits])
    if note:
        context.log.warning(note)
    value = {"data": model_data_version(model_data), "splits": [split.to_record() for split in splits]}
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(bytes_version(json.dumps(value, sort_keys=True).encode())),
        metadata={"splits": len(splits), "note": note or "All splits that were asked for are possible."},
    )


def backtest_of_split(
    context: dg.AssetExecutionContext,
    model_data: ModelData,
    backtest_plan: dict[str, Any],
    project: dg.ResourceParam[Project],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[dict[str, Any]]:
    """One fit without what this split holds out, its predictions and their scores.

    A temporal split starts where the one before it ended, if that was run on the same data: earlier weeks only,
    so that nothing leaks.  It changes the time that sampling takes, not what is sampled.
    """
    with refusals():
        splits = [BacktestSplit.from_record(record) for record in backtest_plan["splits"]]
        split = by_name(splits, context.partition_key)
        if split is None or backtest_plan["data"] != model_data_version(model_data):
            raise StorageError(
                f"The plan of the backtest does not know split {context.partition_key} for today's data; "
                "materialize backtest_plan again."
            )
        place = _place(project, model_data)
        _refuse_if_late(project, place)
        start = _earlier(splits, split, place)
        result, fit = run_split(split, model_data, project.config, logged(context.log, progress), start)
        if split.strategy == "temporal":
            fit.save(place / f"{split.name}.nc")
        _note_seconds(place, split.name, result.seconds)
    record = {**result.to_record(), "version": place.name}
    overall = result.scores[result.scores["geo"] == "all"]
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(bytes_version(json.dumps(record["scores"], sort_keys=True).encode())),
        metadata={
            "scores": cases_table(finite_rows(overall.round(4))),
            "seconds": result.seconds,
            "max_rhat": result.max_rhat,
            "warm_start": result.warm_start,
        },
    )


def backtest_summary(
    backtest: dict[str, dict[str, Any]], backtest_plan: dict[str, Any], project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[dict[str, Any]]:
    """All splits together: scores beside naive predictions, and whether returns stay the same."""
    from mmm_core.reporting.figures_trust import backtest_scores, roi_across_splits

    with refusals():
        planned = [record["name"] for record in backtest_plan["splits"]]
        today = _version(project, backtest_plan["data"])
        stored = [backtest[name] for name in planned if name in backtest]
        found = [SplitResult.from_record(record) for record in stored if record["version"] == today]
        if not any(result.split.channel is None for result in found):
            raise DataError("No split of the backtest has been run; materialize backtest first.")
        summary = summarise_splits(found)
        results = check_backtest(summary, planned, project.config.evaluation.metrics)
    tables = {name: finite_rows(getattr(summary, name)) for name in BACKTEST_TABLES}
    value = {**tables, "results": [check_record(result) for result in results]}
    version = bytes_version(json.dumps([value["scores"], value["roi"]], sort_keys=True).encode())
    return dg.MaterializeResult(
        value=value,
        data_version=dg.DataVersion(version),
        metadata={
            **{name: cases_table(rows[:60]) for name, rows in tables.items() if rows},
            "scores_chart": picture(backtest_scores(summary.scores)),
            **({"roi_chart": picture(roi_across_splits(summary.roi))} if len(summary.roi) else {}),
        },
    )


_SCORED = ("backtest_error", "backtest_coverage", "backtest_beats_naive", "platform_holdout")
"""Checks that the picture of the scores is about."""
BACKTEST_TABLES = ("scores", "splits", "roi", "platforms")
"""Tables of `BacktestSummary` in the value of `backtest_summary`."""


def backtest_checks(
    backtest_summary: dict[str, Any], project: dg.ResourceParam[Project]
) -> Iterator[dg.AssetCheckResult]:
    """Whether predictions are good enough, and returns stay the same."""
    from mmm_core.reporting.figures_trust import backtest_scores, roi_across_splits

    scores, roi = (pd.DataFrame(backtest_summary[name]) for name in ("scores", "roi"))
    pictures: dict[str, Callable[[], bytes]] = dict.fromkeys(_SCORED, partial(backtest_scores, scores))
    if len(roi):
        pictures["roi_across_splits"] = partial(roi_across_splits, roi)
    results = judge_backtest(backtest_summary, project)
    yield from check_results("backtest_summary", BACKTEST_CHECKS, results, pictures)


def judge_backtest(summary: Mapping[str, Any], project: Project) -> list[CheckResult]:
    """Outcome of the checks of `BACKTEST_CHECKS` that apply."""
    stored = [check_from_record(record) for record in summary["results"]]
    return with_trust_severities(stored, project.config)


def _place(project: Project, data: ModelData) -> Path:
    """Folder of what one backtest keeps between its splits; another configuration or other data: another one."""
    return project.work / "cache" / "backtests" / _version(project, model_data_version(data))


def _version(project: Project, data_version: str) -> str:
    """Of everything on which splits depend."""
    return bytes_version(data_version.encode(), project.code_version(*sorted(READS)).encode())[:16]


def _earlier(splits: list[BacktestSplit], split: BacktestSplit, place: Path) -> Posterior | None:
    """The fit of the temporal split before this one, if it is there."""
    before = [one for one in splits if one.strategy == split.strategy == "temporal" and one.end < split.end]
    if not before:
        return None
    path = place / f"{max(before, key=lambda one: one.end).name}.nc"
    return Posterior.load(path) if path.exists() else None


def _note_seconds(place: Path, name: str, seconds: float) -> None:
    with atomic_path(place / f"{quote(name, safe='')}.json") as temporary:  # it has a channel's name in it
        temporary.write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


def _refuse_if_late(project: Project, place: Path) -> None:
    """Refuse to begin a fit after `training.max_runtime`.

    Raises:
        LateError: finished splits have taken longer.
    """
    limit = project.config.training.max_runtime
    spent = sum(json.loads(path.read_text(encoding="utf-8"))["seconds"] for path in place.glob("*.json"))
    if limit is not None and spent >= 60 * limit:
        raise LateError(
            f"The splits of this backtest have taken {spent / 60:.1f} minutes, and training.max_runtime is "
            f"{limit:g}; raise it and materialize backtest again: finished splits are kept."
        )
