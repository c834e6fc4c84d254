"""How well a fit recovers what is known: sampling, fit, contributions, returns.

Every number follows from draws and data alone, whoever drew them.
"""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.benchmark.fit import BenchmarkFit
from mmm_core.benchmark.truth import KnownTruth
from mmm_core.evaluation.fit import fit_metrics
from mmm_core.features.model_data import FloatArray, ModelData

_LEVELS = (0.05, 0.95)
_MOST_DRAWS = 1000
"""Draws that contributions are judged by; more change nothing that matters and take long to sort."""


def sampling_metrics(fit: BenchmarkFit) -> dict[str, float | int | None]:
    """Time, bulk effective sample sizes over all sampled parameters, R-hat, divergences.

    `seconds` counts building and compiling the model; `sampling_seconds` does not (None where the library
    cannot tell).
    """
    bulk, tail, rhat = effective_sample_sizes(fit.parameters)
    quantiles = np.quantile(bulk, [0.1, 0.5, 0.9])
    sampling = None if fit.compile_seconds is None else fit.seconds - fit.compile_seconds
    return {
        "seconds": fit.seconds,
        "compile_seconds": fit.compile_seconds,
        "sampling_seconds": sampling,
        "parameters": len(bulk),
        "draws": fit.parameters.shape[0] * fit.parameters.shape[1],
        "ess_min": float(bulk.min()),
        "ess_q10": float(quantiles[0]),
        "ess_median": float(quantiles[1]),
        "ess_q90": float(quantiles[2]),
        "ess_tail_min": float(tail.min()),
        "ess_min_per_second": float(bulk.min()) / fit.seconds,
        "ess_median_per_second": float(quantiles[1]) / fit.seconds,
        "ess_min_per_sampling_second": None if sampling is None else float(bulk.min()) / sampling,
        "max_rhat": float(rhat.max()),
        "divergences": fit.divergences,
    }


def effective_sample_sizes(draws: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bulk and tail effective sample size and R-hat (rank-normalised, split) of (chain, draw, quantity) draws.

    A quantity that never moved has 0 independent draws and an infinite R-hat.
    """
    import arviz as az
    import xarray as xr

    dataset = xr.Dataset({"x": (("chain", "draw", "quantity"), draws)})
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)  # quantities that never moved
        found = [az.ess(dataset, method=kind)["x"].values for kind in ("bulk", "tail")]
        rhat = az.rhat(dataset)["x"].values
    moved = np.ptp(draws, axis=(0, 1)) > 0
    bulk, tail = (np.where(moved & np.isfinite(values), values, 0.0) for values in found)
    return bulk, tail, np.where(moved & np.isfinite(rhat), rhat, np.inf)


def fit_quality(fit: BenchmarkFit) -> dict[str, float]:
    """R², MAPE, wMAPE, coverage of the KPI and Durbin-Watson, in the sample."""
    return asdict(fit_metrics(fit.table))


def recovery_table(fit: BenchmarkFit, data: ModelData, truth: KnownTruth) -> pd.DataFrame:
    """One row per channel and geo with what is true and what was found; empty where only totals are known.

    Returns:
        geo, channel, true_total, total_mean, total_q05, total_q95 (KPI units over the window); bias (relative);
        srmse (RMSE of weekly contributions / mean of the true ones); weekly_coverage (share of weeks whose
        90 % interval holds the truth; weeks in which both are 0 do not count), weekly_coverage_all
        (they do); crps (of weekly contributions,
        relative to the mean of the true ones); true_roas, roas_mean.
    """
    if truth.contributions is None:
        return pd.DataFrame()
    returns = truth.returns(data)
    rows = []
    for m, channel in enumerate(data.paid_channels):
        spend = data.spend[:, :, m].sum(axis=1)
        for g, draws in enumerate(fit.contributions(m)):
            thinned = _thinned(draws)
            true = truth.contributions[g, :, m]
            total = thinned.sum(axis=1)
            outcome = float((thinned.mean(axis=0) * data.outcome_per_kpi[g]).sum())
            rows.append(
                {
                    "geo": data.geos[g],
                    "channel": channel,
                    **_total(total, float(true.sum())),
                    **weekly_recovery(thinned, true),
                    "true_roas": float(returns[g, m]) if returns is not None else np.nan,
                    "roas_mean": outcome / spend[g] if spend[g] > 0 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def channel_table(fit: BenchmarkFit, data: ModelData, truth: KnownTruth) -> pd.DataFrame:
    """One row per channel, all geos together: channel, true_total, total_mean, total_q05, total_q95, bias."""
    rows = []
    for m, channel in enumerate(data.paid_channels):
        total = np.sum([_thinned(draws).sum(axis=1) for draws in fit.contributions(m)], axis=0)
        rows.append({"channel": channel, **_total(total, float(truth.totals[m]))})
    return pd.DataFrame(rows)


def weekly_recovery(draws: FloatArray, true: FloatArray) -> dict[str, float]:
    """srmse, weekly_coverage(_all) and crps of (S, T) weekly draws; NaN where nothing is true."""
    size = float(np.abs(true).mean())
    if size == 0:
        return dict.fromkeys(("srmse", "weekly_coverage", "weekly_coverage_all", "crps"), np.nan)
    low, high = np.quantile(draws, _LEVELS, axis=0)
    counts = (true != 0) | (low != 0) | (high != 0)
    inside = (low <= true) & (true <= high)
    error = draws.mean(axis=0) - true
    return {
        "srmse": float(np.sqrt((error**2).mean())) / size,
        "weekly_coverage": float(inside[counts].mean()),
        "weekly_coverage_all": float(inside.mean()),
        "crps": float(crps(draws, true).mean()) / size,
    }


def crps(draws: FloatArray, true: FloatArray) -> FloatArray:
    """(T,) continuous ranked probability score of (S, T) draws: E|X - y| - E|X - X'| / 2.

    Reference: Gneiting, Raftery (2007), Strictly proper scoring rules, prediction, and estimation.
    """
    n_draws = len(draws)
    ordered = np.sort(draws, axis=0)
    weights = 2 * np.arange(1, n_draws + 1) - n_draws - 1
    spread = (weights @ ordered) / n_draws**2
    return np.asarray(np.abs(draws - true).mean(axis=0) - spread, dtype=np.float64)


def recovery_metrics(by_geo: pd.DataFrame, by_channel: pd.DataFrame) -> dict[str, float]:
    """Means over channel x geo, and what the totals over all geos say."""
    metrics = {
        "total_bias": float(by_channel["bias"].abs().mean()),
        "total_coverage": _share_inside(by_channel),
    }
    if by_geo.empty:
        return metrics
    known = by_geo[by_geo["true_roas"] > 0]
    return metrics | {
        "contribution_bias": float(by_geo["bias"].mean()),
        "contribution_abs_bias": float(by_geo["bias"].abs().mean()),
        "srmse": float(by_geo["srmse"].mean()),
        "roas_error": float((known["roas_mean"] / known["true_roas"] - 1).abs().mean()),
        "weekly_coverage": float(by_geo["weekly_coverage"].mean()),
        "weekly_coverage_all": float(by_geo["weekly_coverage_all"].mean()),
        "geo_total_coverage": _share_inside(by_geo),
        "crps": float(by_geo["crps"].mean()),
    }


def all_metrics(
    fit: BenchmarkFit, data: ModelData, truth: KnownTruth | None
) -> tuple[dict[str, Any], list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """All numbers, and the rows per channel and geo and per channel."""
    metrics: dict[str, Any] = {**sampling_metrics(fit), **fit_quality(fit)}
    if truth is None:
        return metrics, [], []
    by_geo, by_channel = recovery_table(fit, data, truth), channel_table(fit, data, truth)
    metrics |= recovery_metrics(by_geo, by_channel)
    if fit.stacked is not None:
        stack = replace(fit, contributions=fit.stacked)
        found = recovery_metrics(recovery_table(stack, data, truth), channel_table(stack, data, truth))
        metrics |= {f"stacked_{name}": value for name, value in found.items()}
    return metrics, _rows(by_geo), _rows(by_channel)


def _rows(table: pd.DataFrame) -> list[Mapping[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _thinned(draws: FloatArray) -> FloatArray:
    kept = np.unique(np.linspace(0, len(draws) - 1, _MOST_DRAWS, dtype=int))
    return np.asarray(draws[kept], dtype=np.float64)


def _total(draws: FloatArray, true: float) -> dict[str, float]:
    low, high = np.quantile(draws, _LEVELS)
    mean = float(draws.mean())
    return {
        "true_total": true,
        "total_mean": mean,
        "total_q05": float(low),
        "total_q95": float(high),
        "bias": mean / true - 1 if true else np.nan,
    }


def _share_inside(table: pd.DataFrame) -> float:
    known = table[table["true_total"] != 0]
    return float(known["true_total"].between(known["total_q05"], known["total_q95"]).mean())
