"""Made-up tables about decisions that fit the made-up result of `frames`: columns as in docs/exports.md."""

from itertools import permutations

import numpy as np
import pandas as pd

from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.inputs import ReportInputs

REVENUE_PER_KPI = 42.0
_LOW, _HIGH = 0.7, 1.35


def made_up_decisions(inputs: ReportInputs) -> DecisionTables:
    """Every table, consistent with the channels, geos, weeks and scenarios of `inputs`."""
    return DecisionTables(
        periods=period_frame(inputs),
        counterfactuals=counterfactual_frame(inputs),
        adstock=adstock_frame(inputs.paid_channels),
        saturation=saturation_frame(inputs),
        frequency=frequency_frame(inputs.paid_channels[:2]),
        shadow_prices=shadow_frame(inputs),
        comparison=comparison_frame(inputs),
        frontier=frontier_frame(inputs),
        flighting=flighting_frame(inputs),
        forecast=forecast_frame(inputs),
        proposals=proposal_frame(inputs),
        test_geos=split_frame(inputs),
    )


def summaries_of(inputs: ReportInputs) -> tuple[ScenarioSummary, ...]:
    """One summary per scenario of the plan, with its totals; the last without a proof."""
    names = list(inputs.budget_plan["scenario"].unique())
    found = []
    for number, name in enumerate(names):
        part = inputs.budget_plan[inputs.budget_plan["scenario"] == name]
        spent, total = float(part["current_spend"].sum()), float(part["optimal_spend"].sum())
        now, then = float(part["current_outcome"].sum()), float(part["optimal_outcome"].sum())
        lift, width = then - now, 0.02 * now
        same_mix = now + 0.6 * lift
        gap = None if number == len(names) - 1 else 2.4e-5
        better = 0.985 if lift > 0 else 0.021
        found.append(
            ScenarioSummary(
                name, spent, total, now, then, same_mix, lift, lift - width, lift + width, better, 0.93,
                now / spent, then / total, "roas", then, gap,
            )
        )  # fmt: skip
    return tuple(found)


def _around(frame: pd.DataFrame, name: str, mean: pd.Series, *, median: bool = False) -> None:
    """Columns of an estimate with its interval."""
    frame[f"{name}_mean"] = mean
    frame[f"{name}_q05"] = np.minimum(mean * _LOW, mean * _HIGH)
    if median:
        frame[f"{name}_q50"] = mean * 0.98
    frame[f"{name}_q95"] = np.maximum(mean * _LOW, mean * _HIGH)


def period_frame(inputs: ReportInputs) -> pd.DataFrame:
    """kind, period, start, end, geo, channel, ...: the window, years and quarters, for all geos and each."""
    media = inputs.contributions[inputs.contributions["kind"] == "media"]
    spend = inputs.channel_summary.set_index("channel")["spend"]
    media = media.assign(channel=media["component"], kpi=media["mean"], date=pd.to_datetime(media["date"]))
    media["spend"] = media["channel"].map(spend) * media["kpi"] / media.groupby("channel")["kpi"].transform("sum")
    kinds = {
        "total": pd.Series("all", index=media.index),
        "year": media["date"].dt.year.astype(str),
        "quarter": media["date"].dt.year.astype(str) + "-Q" + media["date"].dt.quarter.astype(str),
        "window": pd.Series("spring campaign", index=media.index).where(media["date"].dt.month.isin((3, 4))),
    }
    parts = []
    for kind, period in kinds.items():
        table = media.assign(kind=kind, period=period).dropna(subset=["period"])
        for geo in ("all", *inputs.geos):
            part = table if geo == "all" else table[table["geo"] == geo]
            group = part.groupby(["kind", "period", "channel"], sort=False)
            summed = group.agg(
                start=("date", "min"), end=("date", "max"), spend=("spend", "sum"), kpi=("kpi", "sum")
            )
            parts.append(summed.reset_index().assign(geo=geo))
    rows = pd.concat(parts, ignore_index=True)
    frame = rows[["kind", "period", "start", "end", "geo", "channel", "spend"]].copy()
    frame["media_units"] = 80.0 * frame["spend"]
    caused = 1.03 * rows["kpi"]
    _around(frame, "contribution", rows["kpi"], median=True)
    _around(frame, "caused", caused)
    _around(frame, "outcome", REVENUE_PER_KPI * rows["kpi"])
    _around(frame, "roi", REVENUE_PER_KPI * caused / frame["spend"], median=True)
    _around(frame, "mroi", 0.6 * REVENUE_PER_KPI * caused / frame["spend"])
    _around(frame, "cpik", frame["spend"] / caused, median=True)
    _around(frame, "effectiveness", REVENUE_PER_KPI * caused / frame["media_units"])
    return frame


def with_costs(summary: pd.DataFrame) -> pd.DataFrame:
    """The channel summary with cost per KPI unit, effectiveness and prior; the last channel has no prior."""
    frame = summary.copy()
    caused = 1.01 * frame["contribution_mean"]
    _around(frame, "cpik", frame["spend"] / caused, median=True)
    _around(frame, "effectiveness", REVENUE_PER_KPI * caused / (80 * frame["spend"]))
    frame["roi_prior_mean"], frame["roi_prior_q05"], frame["roi_prior_q95"] = 1.5, 0.35, 3.9
    frame.loc[len(frame) - 1, ["roi_prior_mean", "roi_prior_q05", "roi_prior_q95"]] = np.nan
    return frame


def with_marginals(curves: pd.DataFrame) -> pd.DataFrame:
    """Response curves (of one kind, with `multiplier`) with the outcome per extra unit of money."""
    frame = curves.copy()
    keys = [key for key in ("geo", "channel") if key in frame]
    slope = (
        frame.groupby(keys, sort=False)["outcome_mean"].diff() / frame.groupby(keys, sort=False)["spend"].diff()
    )
    _around(frame, "marginal", slope.bfill())
    return frame


def geo_curve_frame(inputs: ReportInputs) -> pd.DataFrame:
    """`response_curves.csv`: the pooled curves shared out over the geos."""
    share = np.linspace(1, 2, len(inputs.geos)) / np.linspace(1, 2, len(inputs.geos)).sum()
    parts = []
    for geo, part in zip(inputs.geos, share, strict=True):
        table = with_marginals(inputs.pooled_curves)
        table[["spend", "outcome_mean", "q05", "q95"]] *= part
        table.insert(0, "geo", geo)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def counterfactual_frame(inputs: ReportInputs) -> pd.DataFrame:
    first, last = pd.Timestamp(inputs.fit["date"].min()), pd.Timestamp(inputs.fit["date"].max())
    tv, others = inputs.paid_channels[0], ", ".join(inputs.paid_channels[1:])
    rows = [
        ("without tv in Q3", tv, "all", -1.0, -81_000.0, -1234.0, -1900.0, -610.0, -0.031),
        ("half of the rest", others, inputs.geos[0], -0.5, -9_000.0, -87.0, -150.0, -31.0, -0.012),
        ("more of all", "all", "all", 0.2, 16_000.0, 182.0, 70.0, 300.0, 0.0045),
    ]
    kpi = ["kpi_change_mean", "kpi_change_q05", "kpi_change_q95"]
    frame = pd.DataFrame(rows, columns=["name", "channels", "geos", "change", "spend_change", *kpi, "kpi_share"])
    for column in kpi:
        frame[column.replace("kpi", "outcome")] = REVENUE_PER_KPI * frame[column]
    frame.insert(3, "start", first)
    frame.insert(4, "end", last)
    return frame[[column for column in frame if column != "kpi_share"] + ["kpi_share"]]


def adstock_frame(channels: tuple[str, ...]) -> pd.DataFrame:
    parts = []
    for number, channel in enumerate(channels):
        weights = (0.35 + 0.1 * (number % 5)) ** np.arange(9)
        weights = weights / weights.sum()
        frame = pd.DataFrame({"channel": channel, "lag": np.arange(9)})
        _around(frame, "weight", pd.Series(weights))
        frame["remaining_mean"] = 1 - weights.cumsum()
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def saturation_frame(inputs: ReportInputs) -> pd.DataFrame:
    summary = inputs.channel_summary[inputs.channel_summary["channel"].isin(inputs.paid_channels)]
    per_week = (summary["spend"] / inputs.fit["date"].nunique()).reset_index(drop=True)
    frame = pd.DataFrame({"channel": summary["channel"].to_numpy(), "spend_per_week": per_week})
    _around(frame, "saturation", pd.Series(np.linspace(0.4, 0.7, len(frame))))
    frame["half_spend"] = per_week * np.linspace(1.3, 0.5, len(frame))
    frame["saturation_spend"] = per_week * np.linspace(4.0, 1.6, len(frame))
    return frame


def frequency_frame(channels: tuple[str, ...]) -> pd.DataFrame:
    parts = []
    for number, channel in enumerate(channels):
        frame = pd.DataFrame({"channel": channel, "frequency": np.arange(1.0, 9.0, 0.5)})
        _around(frame, "roi", 2.1 - 0.08 * (frame["frequency"] - 3 - number) ** 2)
        frame["optimal"] = frame["roi_mean"] == frame["roi_mean"].max()
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def shadow_frame(inputs: ReportInputs) -> pd.DataFrame:
    rows = []
    for scenario, part in inputs.budget_plan.groupby("scenario", sort=False):
        total = float(part["optimal_spend"].sum())
        rows.append((scenario, "total budget", total, total, total, "high", 1.37))
        rows.append((scenario, "group digital", 0.0, 0.8 * total, 0.61 * total, "", 0.0))
        spends = part.groupby("channel", sort=False)[["current_spend", "optimal_spend"]].sum()
        for number, (channel, now, best) in enumerate(spends.itertuples()):
            binding, price = [("high", 0.41), ("low", -0.23), ("", 0.0)][number % 3]
            low, high = (0.5 * now, best) if binding == "high" else (best, 1.5 * now)
            low = 0.5 * now if not binding else low
            rows.append((scenario, channel, low, high, best, binding, price))
    columns = ["scenario", "limit", "low", "high", "spend", "binding", "shadow_price"]
    return pd.DataFrame(rows, columns=columns)


def comparison_frame(inputs: ReportInputs) -> pd.DataFrame:
    outcome = inputs.budget_plan.groupby("scenario", sort=False)["optimal_outcome"].sum()
    rows = []
    for one, other in permutations(outcome.index, 2):
        difference = outcome[one] - outcome[other]
        width = 0.03 * outcome.max()
        chance = 0.5 + 0.5 * np.tanh(difference / width)
        rows.append((one, other, difference, difference - width, difference + width, chance))
    columns = ["scenario", "other", "difference_mean", "difference_q05", "difference_q95", "probability_better"]
    return pd.DataFrame(rows, columns=columns)


def frontier_frame(inputs: ReportInputs) -> pd.DataFrame:
    plan = inputs.budget_plan[inputs.budget_plan["scenario"] == inputs.budget_plan["scenario"].iloc[0]]
    spent, best = float(plan["current_spend"].sum()), float(plan["optimal_outcome"].sum())
    change = np.array([-0.4, -0.2, 0.0, 0.2, 0.4])
    frame = pd.DataFrame({"change": change, "budget": spent * (1 + change)})
    outcome = best * 1.7 * (1 + change) / (1.7 + change)
    frame["outcome_mean"], frame["outcome_q05"], frame["outcome_q95"] = outcome, outcome * 0.85, outcome * 1.17
    frame["roi"] = frame["outcome_mean"] / frame["budget"]
    frame["shadow_price"] = best * 1.7 * 0.7 / (1.7 + change) ** 2 / spent
    return frame


def flighting_frame(inputs: ReportInputs, n_weeks: int = 13) -> pd.DataFrame:
    dates = pd.date_range("2025-01-06", periods=n_weeks, freq="7D")
    rng = np.random.default_rng(11)
    parts = []
    for row in inputs.budget_plan.to_dict("records"):
        shape = rng.gamma(2.0, 1.0, n_weeks)
        parts.append(
            pd.DataFrame(
                {
                    "scenario": row["scenario"],
                    "geo": row["geo"],
                    "channel": row["channel"],
                    "date": dates,
                    "current_spend": row["current_spend"] * shape / shape.sum(),
                    "optimal_spend": row["optimal_spend"] / n_weeks,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def forecast_frame(inputs: ReportInputs, n_weeks: int = 13) -> pd.DataFrame:
    dates = pd.date_range("2025-01-06", periods=n_weeks, freq="7D")
    level = inputs.fit.groupby("geo", sort=False)["predicted_mean"].mean()
    wave = 1 + 0.1 * np.sin(np.arange(n_weeks) / 3)
    parts = []
    for number, scenario in enumerate(("current_plan", *inputs.budget_plan["scenario"].unique())):
        for geo, size in {"all": level.sum(), **level.to_dict()}.items():
            base, media = 0.7 * size * wave, (0.3 + 0.02 * number) * size * wave
            frame = pd.DataFrame({"scenario": scenario, "geo": geo, "date": dates, "kpi_mean": base + media})
            frame["q05"], frame["q50"], frame["q95"] = (frame["kpi_mean"] * part for part in (0.88, 0.99, 1.13))
            frame["expected_mean"], frame["baseline_mean"], frame["media_mean"] = base + media, base, media
            frame["spend"] = 300.0 * (1 + 0.1 * number) * size
            parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def proposal_frame(inputs: ReportInputs) -> pd.DataFrame:
    """A test per paid channel; the last is too small to find anything, and national."""
    rows = []
    for number, channel in enumerate(inputs.paid_channels):
        last = number == len(inputs.paid_channels) - 1
        spend, effect, se = -1000.0 * (number + 1), -2500.0 * (number + 1), 900.0 + 4000.0 * last
        values = {
            "weeks": 6,
            "test_geos": 2,
            "share_of_spend": 0.4,
            "mde_outcome": 2.8 * se,
            "mde_roas": 2.8 * se / abs(spend),
            "mde_share_of_effect": 2.8 * se / abs(effect),
            "detects": not last,
            "sd_now": 0.8 + 0.1 * number,
            "sd_after": 0.5 + 0.1 * number,
            "reduction": 1 - (0.5 + 0.1 * number) / (0.8 + 0.1 * number),
            "value_of_information": 5000.0 / (number + 1),
            "cost": float("nan") if last else 1500.0 * (number + 1),
            "rank": number + 1,
            "note": "It may miss the effect." if last else "",
            "control_geos": 0 if last else 2,
            "start": "2023-02-06",
            "end": "2023-03-19",
            "spend_change": spend,
            "outcome_change_mean": effect,
            "outcome_change_q05": 1.5 * effect,
            "outcome_change_q95": 0.5 * effect,
            "expected_power": 0.2 if last else 0.85,
            "standard_error": se,
            "error_source": "model" if last else "placebo",
            "error_model": 0.9 * se,
            "error_placebo": float("nan") if last else se,
            "sd_after_normal": 0.52 + 0.1 * number,
            "effective_draws": 310.0,
            "net_value": float("nan") if last else 2000.0,
            "value_per_spend": 5.0 / (number + 1) ** 2,
        }
        rows.append({"channel": channel, **values})
    return pd.DataFrame(rows)


def split_frame(inputs: ReportInputs) -> pd.DataFrame:
    """One geo is tested; all others are compared with it."""
    geos = list(inputs.fit["geo"].unique())
    rows = [
        (channel, geo, "test" if number == 0 else "control", 1e5, 1.0 if number == 0 else 0.5)
        for channel in inputs.paid_channels
        for number, geo in enumerate(geos)
    ]
    return pd.DataFrame(rows, columns=["channel", "geo", "role", "population", "weight"])
