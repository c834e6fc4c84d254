"""What all splits of a backtest say together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.backtesting.run import MODEL, NO_MEDIA, SEASONAL, SplitResult
from mmm_core.backtesting.scores import SCORES
from mmm_core.config.outputs import MetricsConfig
from mmm_core.quality.check import CheckResult

BACKTEST_CHECKS: Mapping[str, str] = {
    "backtest_error": "Weighted error of predictions of weeks that the fit has not seen",
    "backtest_coverage": "Share of held-out weeks inside the 90 % prediction interval",
    "backtest_beats_naive": "Whether the model predicts better than last year's week and a media-free regression",
    "backtest_complete": "Whether all planned splits were run, and their chains agreed",
    "roi_across_splits": "Whether returns stay the same when the window moves",
    "platform_holdout": "Whether predictions get worse without a channel",
}
"""Check name -> what it looks at, in the order of the results."""
_MAX_RHAT = 1.1
_MAX_ROI_SPREAD = 0.5
"""Largest standard deviation of a channel's ROI over splits, relative to its mean."""


@dataclass(frozen=True)
class BacktestSummary:
    """Tables over all splits."""

    scores: pd.DataFrame
    """strategy, predictor, splits, and the mean of each score of `SCORES` over splits (geo `all`)."""
    splits: pd.DataFrame
    """split, strategy, fitted_from, fitted_to, tested_from, tested_to, model's scores, naive wMAPEs, max_rhat,
    divergences, seconds, warm_start."""
    roi: pd.DataFrame
    """channel, splits, mean, sd (over splits), smallest, largest, spread (sd / mean), own_sd (mean of
    the posteriors' own)."""
    platforms: pd.DataFrame
    """channel, crps_with, crps_without, change (relative; above 0: predictions are worse without it)."""


def summarise_splits(results: Sequence[SplitResult]) -> BacktestSummary:
    """Bring the splits together (at least one)."""
    overall = pd.concat(
        [
            result.scores[result.scores["geo"] == "all"].assign(
                strategy=result.split.strategy, split=result.split.name
            )
            for result in results
            if result.split.channel is None
        ],
        ignore_index=True,
    )
    grouped = overall.groupby(["strategy", "predictor"], sort=False)
    means = grouped[list(SCORES)].mean()
    means.insert(0, "splits", grouped.size())
    return BacktestSummary(
        scores=means.reset_index(),
        splits=pd.DataFrame([_row(result) for result in results]),
        roi=_roi_over_splits([result for result in results if result.split.strategy == "temporal"]),
        platforms=_platforms([result for result in results if result.split.strategy == "platform"]),
    )


def check_backtest(summary: BacktestSummary, planned: Sequence[str], limits: MetricsConfig) -> list[CheckResult]:
    """All checks of `BACKTEST_CHECKS` that apply, in that order; they inform.

    Args:
        summary: of the splits that were run.
        planned: names of all splits.
        limits: `evaluation.metrics`.
    """
    model = summary.scores[summary.scores["predictor"] == MODEL]
    found = [
        _check_error(model, limits.mape_threshold),
        _check_coverage(model, limits.coverage_threshold),
        _check_naive(summary.scores),
        _check_complete(summary.splits, planned),
    ]
    if len(summary.roi):
        found.append(_check_roi(summary.roi))
    if len(summary.platforms):
        found.append(_check_platforms(summary.platforms))
    return found


def _row(result: SplitResult) -> dict[str, object]:
    overall = result.scores[result.scores["geo"] == "all"].set_index("predictor")
    own = {name: float(overall[name][MODEL]) for name in SCORES}
    naive = {f"{name}_wmape": float(overall["wmape"][name]) for name in (SEASONAL, NO_MEDIA)}
    return {
        "split": result.split.name,
        "strategy": result.split.strategy,
        "fitted_from": result.fitted[0],
        "fitted_to": result.fitted[1],
        "tested_from": result.tested[0],
        "tested_to": result.tested[1],
        **own,
        **naive,
        "max_rhat": result.max_rhat,
        "divergences": result.divergences,
        "seconds": result.seconds,
        "warm_start": result.warm_start,
    }


def _roi_over_splits(results: Sequence[SplitResult]) -> pd.DataFrame:
    columns = ["channel", "splits", "mean", "sd", "smallest", "largest", "spread", "own_sd"]
    if len(results) < 2:
        return pd.DataFrame(columns=columns)
    table = pd.concat([result.roi for result in results], ignore_index=True)
    grouped = table.groupby("channel", sort=False)
    found = pd.DataFrame(
        {
            "splits": grouped.size(),
            "mean": grouped["mean"].mean(),
            "sd": grouped["mean"].std(ddof=1),
            "smallest": grouped["mean"].min(),
            "largest": grouped["mean"].max(),
            "own_sd": grouped["sd"].mean(),
        }
    ).reset_index()
    size = found["mean"].abs()
    found["spread"] = np.divide(found["sd"], size, out=np.full(len(found), np.nan), where=size.to_numpy() > 0)
    return found[columns]


def _platforms(results: Sequence[SplitResult]) -> pd.DataFrame:
    columns = ["channel", "crps_with", "crps_without", "change"]
    crps = {result.split.channel: _overall(result, "crps") for result in results}
    if None not in crps or len(crps) < 2:
        return pd.DataFrame(columns=columns)
    usual = crps[None]
    rows = [
        (channel, usual, without, without / usual - 1) for channel, without in crps.items() if channel is not None
    ]
    return pd.DataFrame(rows, columns=columns)


def _overall(result: SplitResult, score: str) -> float:
    rows = result.scores[(result.scores["geo"] == "all") & (result.scores["predictor"] == MODEL)]
    return float(rows[score].iloc[0])


def _check_error(model: pd.DataFrame, limit: float) -> CheckResult:
    worst, value = _extreme(model, "wmape", largest=True)
    message = f"Held-out weeks are off by {value:.1%} (weighted mean, {worst}), limit {limit:.1%}."
    remedy = " Add controls that explain the KPI, raise model.knots or features.seasonality.annual_fourier_order."
    passed = value <= limit
    return CheckResult("backtest_error", passed, "warn", message if passed else message + remedy, value, limit)


def _check_coverage(model: pd.DataFrame, limit: float) -> CheckResult:
    worst, value = _extreme(model, "coverage_90", largest=False)
    message = (
        f"{value:.1%} of held-out weeks are inside their 90 % interval ({worst}), at least {limit:.1%} should be."
    )
    remedy = " The baseline moves on faster than the model thinks: raise model.knots, or plan on shorter horizons."
    passed = value >= limit
    return CheckResult("backtest_coverage", passed, "warn", message if passed else message + remedy, value, limit)


def _extreme(rows: pd.DataFrame, column: str, largest: bool) -> tuple[str, float]:
    """Strategy and value of the largest or smallest score."""
    ordered = rows.sort_values(column, ascending=not largest)
    return str(ordered["strategy"].iloc[0]), float(ordered[column].iloc[0])


def _check_naive(scores: pd.DataFrame) -> CheckResult:
    rows: list[dict[str, Any]] = []
    for strategy, of in scores.groupby("strategy", sort=False):
        crps = {str(name): float(value) for name, value in zip(of["predictor"], of["crps"], strict=True)}
        naive = min((SEASONAL, NO_MEDIA), key=crps.__getitem__)
        rows.append({"strategy": strategy, **crps, "best_naive": naive, "ratio": crps[MODEL] / crps[naive]})
    worst = max(rows, key=lambda row: float(row["ratio"]))
    message = (
        f"The model's error (CRPS) is {worst['ratio']:.2f} times that of the best naive prediction "
        f"({worst['best_naive']}, {worst['strategy']})."
    )
    passed = worst["ratio"] <= 1
    if not passed:
        message += " Do not trust its forecasts: look for missing controls and seasons, and check model.knots."
    return CheckResult("backtest_beats_naive", passed, "warn", message, worst["ratio"], 1.0, tuple(rows))


def _check_complete(splits: pd.DataFrame, planned: Sequence[str]) -> CheckResult:
    missing = [name for name in planned if name not in set(splits["split"])]
    apart = [str(name) for name in splits.loc[splits["max_rhat"] > _MAX_RHAT, "split"]]
    message = f"{len(splits)} of {len(planned)} splits were run, and their chains agree."
    if missing:
        message = (
            f"{len(missing)} of {len(planned)} splits are missing ({', '.join(missing[:5])}); raise "
            "training.max_runtime and materialize backtest again: finished splits are kept."
        )
    elif apart:
        message = f"The chains of {', '.join(apart)} disagree; raise evaluation.validation_strategies.draws."
    value = float(len(splits) - len(apart))
    passed = not missing and not apart
    return CheckResult("backtest_complete", passed, "warn", message, value, float(len(planned)))


def _check_roi(roi: pd.DataFrame) -> CheckResult:
    """A spread within what each fit itself leaves open is no news."""
    news = (roi["spread"] > _MAX_ROI_SPREAD) & (roi["sd"] > roi["own_sd"])
    ordered = roi.sort_values("spread", ascending=False)
    worst, value = str(ordered["channel"].iloc[0]), float(ordered["spread"].iloc[0])
    message = f"Over splits the ROI of {worst} has a standard deviation of {value:.0%} of its mean."
    if news.any():
        names = ", ".join(map(str, roi["channel"][news]))
        message = (
            f"The ROI of {names} changes from split to split by more than its own interval explains; narrow "
            "model.priors.roi_bounds from an experiment, or look for something that changed over time."
        )
    return CheckResult("roi_across_splits", not news.any(), "warn", message, value, _MAX_ROI_SPREAD, _rows(roi))


def _check_platforms(platforms: pd.DataFrame) -> CheckResult:
    better = platforms[platforms["change"] < 0]
    value = float(platforms["change"].min())
    message = "Predictions are no better without any channel."
    if len(better):
        names = ", ".join(map(str, better["channel"]))
        message = (
            f"Held-out weeks are predicted better without {names}: its effect in the model may be something else. "
            "Look for a control that moves with it, or run an experiment."
        )
    return CheckResult("platform_holdout", not len(better), "warn", message, value, 0.0, _rows(platforms))


def _rows(table: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    return tuple({str(key): value for key, value in row.items()} for row in table.to_dict("records"))
