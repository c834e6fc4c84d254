"""A made-up but plausible result: what a report is made from, without any model."""

import numpy as np
import pandas as pd

from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.inputs import ReportInputs, Totals
from tests.reporting.change_frames import made_up_changes
from tests.reporting.decision_frames import made_up_decisions, summaries_of, with_costs, with_marginals

CHANNELS = ("tv", "paid_search", "social", "display", "audio", "out_of_home", "affiliates")
REVENUE_PER_KPI = 42.0


def made_up_inputs(
    n_geos: int = 8,
    n_weeks: int = 104,
    channels: tuple[str, ...] = CHANNELS[:5],
    geos: tuple[str, ...] | None = None,
    **changes: object,
) -> ReportInputs:
    """Consistent tables of a fit; `changes` replace fields."""
    rng = np.random.default_rng(5)
    names = geos or tuple(f"Geo{g}" for g in range(n_geos))
    contributions = _contributions(rng, names, n_weeks, channels)
    summary = _summary(rng, contributions, channels)
    fit = _fit(rng, contributions)
    fields: dict[str, object] = {
        "title": "Media mix, autumn refresh",
        "project": "demo_brand",
        "currency": "USD",
        "kpi_name": "conversions",
        "generated_at": "2025-01-07 09:30 UTC",
        "contributions": contributions,
        "channel_summary": summary,
        "pooled_curves": _curves(summary),
        "fit": fit,
        "budget_plan": _plan(rng, summary, names),
        "diagnostics": _diagnostics(),
        "checks": _checks(names),
        "change_log": _change_log(rng, names, n_weeks),
        "attempts": ("meridian: 4 chains of 1000 draws, converged (largest R-hat 1.006).",),
        "config": {
            "project.name": ("demo_brand", "config/project.yaml"),
            "model.backend": ("meridian", "default"),
            "training.draws": (1000, "default"),
            "model.priors.roi_bounds": ({"tv": (0.5, 3.0)}, "config/project.yaml"),
            "tracking.tracking_uri": (None, "default"),
        },
        "truth_roi": None,
        "data_version": "9f2c6a1be07d",
        "has_revenue": True,
        "totals": Totals(fit=_total_fit(fit), media_share=(0.301, 0.384)),
    }
    return ReportInputs(**(fields | changes))


def scenario_summaries() -> tuple[ScenarioSummary, ...]:
    return (ScenarioSummary("current_budget", 1.0, 1.0, 1.0, 1.06, 1.0, 9e5, 4e5, 1.4e6, 0.985, 0.985, 2.0, 2.1),)


def _contributions(
    rng: np.random.Generator, geos: tuple[str, ...], n_weeks: int, channels: tuple[str, ...]
) -> pd.DataFrame:
    dates = pd.date_range("2023-01-02", periods=n_weeks, freq="7D")
    week = np.arange(n_weeks)
    tables = []
    for geo in geos:
        size = rng.uniform(400, 2500)
        parts: dict[tuple[str, str], np.ndarray] = {
            (name, "media"): size * (0.28 / (1.4 + number)) * _flighting(rng, n_weeks)
            for number, name in enumerate(channels)
        }
        parts["price_index", "control"] = size * 0.04 * np.cumsum(rng.normal(0, 0.3, n_weeks))
        parts["seasonality", "seasonality"] = size * 0.12 * np.sin(2 * np.pi * (week - 38) / 52.18)
        parts["baseline", "baseline"] = size * (0.9 + 0.002 * week)
        for (name, kind), mean in parts.items():
            spread = 0.2 * np.abs(mean)
            tables.append(
                pd.DataFrame(
                    {
                        "geo": geo,
                        "date": dates,
                        "component": name,
                        "mean": mean,
                        "q05": mean - 1.6 * spread,
                        "q50": mean - 0.1 * spread,
                        "q95": mean + 1.7 * spread,
                        "kind": kind,
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def _flighting(rng: np.random.Generator, n_weeks: int) -> np.ndarray:
    """Bursts with carry-over, mean about 1."""
    pulses = rng.gamma(1.2, 1.0, n_weeks) * (rng.random(n_weeks) < 0.65)
    carried = np.convolve(pulses, 0.55 ** np.arange(12))[:n_weeks]
    return carried / carried.mean()


def _summary(rng: np.random.Generator, table: pd.DataFrame, channels: tuple[str, ...]) -> pd.DataFrame:
    total = table["mean"].sum()
    rows = []
    for number, channel in enumerate(channels):
        contribution = table.loc[table["component"] == channel, "mean"].sum()
        roi = [1.62, 2.94, 1.18, 0.58, 1.91, 0.83, 2.2][number % 7]
        width = [0.25, 0.3, 0.45, 0.5, 1.1, 0.4, 0.35][number % 7]
        mroi = roi * rng.uniform(0.45, 0.8)
        low, high = 1 - 0.45 * width, 1 + 0.6 * width
        rows.append(
            {
                "channel": channel,
                "spend": contribution * REVENUE_PER_KPI / roi,
                "contribution_mean": contribution,
                "contribution_q05": contribution * low,
                "contribution_q95": contribution * high,
                "share": contribution / total,
                "roi_mean": roi,
                "roi_q05": roi * low,
                "roi_q50": roi * 0.98,
                "roi_q95": roi * high,
                "mroi_mean": mroi,
                "mroi_q05": mroi * low,
                "mroi_q95": mroi * high,
            }
        )
    return pd.DataFrame(rows)


def _fit(rng: np.random.Generator, table: pd.DataFrame) -> pd.DataFrame:
    fit = table.groupby(["geo", "date"], sort=False)["mean"].sum().rename("predicted_mean").reset_index()
    sd = 0.05 * fit.groupby("geo")["predicted_mean"].transform("mean")
    fit["actual"] = fit["predicted_mean"] + rng.normal(0, 1, len(fit)) * sd
    fit["q05"], fit["q95"] = fit["predicted_mean"] - 1.645 * sd, fit["predicted_mean"] + 1.645 * sd
    return fit[["geo", "date", "actual", "predicted_mean", "q05", "q95"]]


def _total_fit(fit: pd.DataFrame) -> pd.DataFrame:
    total = fit.groupby("date", as_index=False)[["actual", "predicted_mean"]].sum()
    half = 0.06 * total["predicted_mean"].mean() / max(fit["geo"].nunique(), 1) ** 0.5
    return total.assign(q05=total["predicted_mean"] - half, q95=total["predicted_mean"] + half)


def _curves(summary: pd.DataFrame) -> pd.DataFrame:
    multiplier = np.linspace(0, 2, 21)
    tables = []
    for row in summary.to_dict("records"):
        outcome = row["roi_mean"] * row["spend"] * 1.7 * multiplier / (multiplier + 0.7)
        tables.append(
            pd.DataFrame(
                {
                    "channel": row["channel"],
                    "spend": multiplier * row["spend"],
                    "outcome_mean": outcome,
                    "q05": outcome * (row["roi_q05"] / row["roi_mean"]) ** (0.7 + 0.3 * multiplier),
                    "q95": outcome * (row["roi_q95"] / row["roi_mean"]) ** (0.7 + 0.3 * multiplier),
                    "multiplier": multiplier,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _plan(rng: np.random.Generator, summary: pd.DataFrame, geos: tuple[str, ...]) -> pd.DataFrame:
    share = rng.dirichlet(np.full(len(geos), 3.0))
    spend, mroi = summary["spend"].to_numpy(), summary["mroi_mean"].to_numpy()
    rows = []
    for scenario, change in (("current_budget", 0.0), ("budget_minus_20_percent", -0.2)):
        wanted = spend * np.clip((mroi / np.average(mroi, weights=spend)) ** 0.8, 0.5, 1.5)
        optimal = wanted / wanted.sum() * spend.sum() * (1 + change)
        for number, channel in enumerate(summary["channel"]):
            outcome = summary["roi_mean"][number] * spend[number]
            best = outcome * (1.7 * optimal[number] / (optimal[number] + 0.7 * spend[number]))
            rows.extend(
                {
                    "scenario": scenario,
                    "geo": geo,
                    "channel": channel,
                    "current_spend": spend[number] * share[g],
                    "optimal_spend": optimal[number] * share[g],
                    "current_outcome": outcome * share[g],
                    "optimal_outcome": best * share[g],
                }
                for g, geo in enumerate(geos)
            )
    return pd.DataFrame(rows)


def _diagnostics() -> dict[str, object]:
    return {
        "backend": "meridian",
        "seconds": 251.3,
        "compile_seconds": 21.4,
        "chains": 4,
        "draws": 1000,
        "max_rhat": 1.0123,
        "min_ess_bulk": 412.7,
        "min_ess_tail": 530.1,
        "median_ess_bulk": 2210.4,
        "divergences": 0,
        "min_ebfmi": 0.81,
        "r2": 0.934,
        "mape": 0.0521,
        "coverage_90": 0.912,
        "durbin_watson": 1.93,
        "interpreted_max_rhat": 1.006,
        "interpreted_min_ess": 684.2,
        "worst_parameters": [
            {"parameter": "eta_m[audio]", "rhat": 1.0062, "ess_bulk": 684.2, "ess_tail": 733.9},
            {"parameter": "roi_m[audio]", "rhat": 1.0041, "ess_bulk": 911.0, "ess_tail": 1204.4},
        ],
    }


def _checks(geos: tuple[str, ...]) -> tuple[tuple[str, CheckResult], ...]:
    found: list[tuple[str, CheckResult]] = []
    for geo in geos:
        asset = f"raw_panel[{geo}]"
        found += [
            (asset, CheckResult("schema", True, "error", f"All rows of geo {geo} follow the schema.")),
            (asset, CheckResult("missing_weeks", True, "error", "0.96% of weeks are missing.", 0.96, 2.0)),
        ]
    rows = tuple({"row": 2 + n, "date": "2023-03-06", "spend__tv": 1200.0 + n} for n in range(14))
    warned = CheckResult(
        "spend_without_media",
        False,
        "warn",
        "14 weeks have spend on tv but no impressions (sales.csv, column tv_impressions). Fill in the "
        "impressions, or leave the media column out so that spend itself is used.",
        14,
        0,
        rows,
    )
    found.append((f"raw_panel[{geos[0]}]", warned))
    low = "Largest R-hat is 1.006 (eta_m[audio]), below the limit."
    found += [
        (
            "model_data",
            CheckResult("channel_correlation", True, "warn", "Largest is 0.61 (tv, audio).", 0.61, 0.9),
        ),
        ("posterior", CheckResult("rhat", True, "error", low, 1.006, 1.01)),
        ("posterior", CheckResult("ess", True, "error", "Smallest ESS is 684 (eta_m[audio]).", 684.2, 400)),
        ("posterior", CheckResult("divergences", True, "error", "No draw diverged.", 0.0, 0.0)),
        ("evaluation", CheckResult("mape", True, "warn", "Predictions miss by 5.2% on average.", 0.052, 0.15)),
    ]
    return tuple(found)


def _change_log(rng: np.random.Generator, geos: tuple[str, ...], n_weeks: int) -> pd.DataFrame:
    dates = pd.date_range("2023-01-02", periods=n_weeks, freq="7D")
    rows = [
        {
            "geo": geos[number % len(geos)],
            "date": dates[int(rng.integers(n_weeks))],
            "column": "kpi" if number % 3 else "spend__tv",
            "before": np.nan if number % 3 else 98_000.0 + number,
            "after": float(rng.uniform(800, 1200)),
            "rule": "interpolated missing week" if number % 3 else "outlier capped at 99th percentile",
        }
        for number in range(230)
    ]
    return pd.DataFrame(rows)


def decided_inputs(n_geos: int = 8, n_weeks: int = 104, **changes: object) -> ReportInputs:
    """`made_up_inputs` with every table about decisions and changes; some recommended spends are extrapolated."""
    plain = made_up_inputs(n_geos, n_weeks)
    plan = plain.budget_plan.assign(
        extrapolated=plain.budget_plan["optimal_spend"] > plain.budget_plan["current_spend"]
    )
    fields: dict[str, object] = {
        "budget_plan": plan,
        "channel_summary": with_costs(plain.channel_summary),
        "pooled_curves": with_marginals(plain.pooled_curves),
        "scenarios": summaries_of(plain),
        "decisions": made_up_decisions(plain),
        "changes": made_up_changes(plain),
    }
    return made_up_inputs(n_geos, n_weeks, **(fields | changes))
