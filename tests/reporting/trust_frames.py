"""Made-up tables about trust that fit the made-up result of `frames`: columns as their modules give them."""

import numpy as np
import pandas as pd

from mmm_core.backtesting.scores import SCORES
from mmm_core.evaluation.verdict import Level, Reason, Verdict
from mmm_core.experiments.calibrate import ADJUSTMENT_COLUMNS
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.trust_tables import TrustTables
from mmm_core.stability.digital import CLAIM_COLUMNS
from mmm_core.stability.drift import DRIFT_COLUMNS
from mmm_core.stability.placebo import PLACEBO_COLUMNS
from mmm_core.stability.power_scaling import CONFLICT, DOMINATES
from mmm_core.stability.refit import CHANGE_COLUMNS


def made_up_trust(inputs: ReportInputs) -> TrustTables:
    """Every table, consistent with the channels, geos and weeks of `inputs`."""
    return TrustTables(
        verdict=made_up_verdict(),
        backtest={
            "scores": score_frame(),
            "splits": split_frame(),
            "roi": split_roi_frame(inputs),
            "platforms": platform_frame(inputs.paid_channels),
        },
        stability={
            "refresh": drift_frame(inputs),
            "prior_sensitivity": sensitivity_frame(inputs),
            "input_noise": change_frame(inputs, 0.04),
            "leave_one_geo_out": left_out_frame(inputs),
            "placebo": placebo_frame(inputs),
            "leave_one_out": leave_one_out_frame(inputs),
            "hard_weeks": hard_week_frame(inputs),
        },
        experiments=experiment_frame(inputs),
        adjustments=adjustment_frame(inputs.paid_channels[0]),
        claims=claim_frame(inputs.paid_channels),
        prior_weeks=prior_week_frame(inputs),
    )


def made_up_verdict(rejected: bool = False) -> Verdict:
    reasons = [
        Reason("backtest", "backtest_coverage", False, "78.0% of held-out weeks are inside; raise model.knots."),
        Reason("experiments", "experiment_conflict", False, "1 of 3 experiment(s) conflict with the fit."),
    ]
    if rejected:
        reasons.insert(1, Reason("convergence", "rhat", True, "Largest R-hat is 1.2; take more draws."))
    level: Level = "rejected" if rejected else "accepted_with_warnings"
    return Verdict("f17", level, tuple(reasons), {"convergence": 7, "prior": 3, "fit": 12, "backtest": 6})


def score_frame() -> pd.DataFrame:
    """One row per strategy and predictor."""
    rows = []
    for strategy, factor in (("temporal", 1.0), ("geo", 1.7)):
        for predictor, size in (("model", 1.0), ("seasonal_naive", 1.41), ("no_media", 1.23)):
            error = 0.0613 * factor * size
            log = np.nan if predictor != "model" else -5.817 * factor
            row = (error, 1.13 * error, 0.87 - error, 0.71 * error, log, 0.437, 0.781)
            rows.append(
                {"strategy": strategy, "predictor": predictor, "splits": 6, **dict(zip(SCORES, row, strict=True))}
            )
    return pd.DataFrame(rows)


def split_frame(count: int = 6) -> pd.DataFrame:
    rows = []
    for number in range(count):
        end = pd.Timestamp("2024-06-03") + pd.Timedelta(weeks=4 * number)
        first, last = end + pd.Timedelta(weeks=1), end + pd.Timedelta(weeks=4)
        error = 0.05 + 0.011 * number
        rows.append(
            {
                "split": f"temporal_{number}",
                "strategy": "temporal",
                "fitted_from": "2023-01-02",
                "fitted_to": f"{end:%Y-%m-%d}",
                "tested_from": f"{first:%Y-%m-%d}",
                "tested_to": f"{last:%Y-%m-%d}",
                **dict(zip(SCORES, (error, 1.1 * error, 0.9 - error, 0.7 * error, -5.5, 0.45, 0.88), strict=True)),
                "seasonal_naive_wmape": 0.0931,
                "no_media_wmape": 0.0873,
                "max_rhat": 1.0123 if number else np.inf,
                "divergences": number % 2,
                "seconds": 21.7 + number,
                "warm_start": number > 0,
            }
        )
    return pd.DataFrame(rows)


def split_roi_frame(inputs: ReportInputs) -> pd.DataFrame:
    mean = _roi(inputs)
    table = pd.DataFrame({"channel": inputs.paid_channels, "splits": 6, "mean": mean * 1.04, "sd": mean * 0.11})
    table["smallest"], table["largest"] = mean * 0.88, mean * 1.19
    return table.assign(spread=table["sd"] / table["mean"], own_sd=mean * 0.17)


def platform_frame(channels: tuple[str, ...]) -> pd.DataFrame:
    without = 0.0437 * np.linspace(0.97, 1.2, len(channels))
    return pd.DataFrame(
        {"channel": channels, "crps_with": 0.0437, "crps_without": without, "change": without / 0.0437 - 1}
    )


def drift_frame(inputs: ReportInputs) -> pd.DataFrame:
    roi, change = _roi(inputs), np.linspace(-0.13, 0.07, len(inputs.paid_channels))
    kpi = inputs.channel_summary["contribution_mean"].to_numpy()[: len(roi)]
    table = pd.DataFrame({"channel": inputs.paid_channels, "roi_before": roi / (1 + change), "roi_now": roi})
    table["roi_change"], table["roi_change_sd"] = change, change * 4.1
    table["contribution_before"], table["contribution_now"] = kpi / (1 + 0.9 * change), kpi
    table["contribution_change"], table["contribution_change_sd"] = 0.9 * change, 3.7 * change
    return table[DRIFT_COLUMNS]


def sensitivity_frame(inputs: ReportInputs) -> pd.DataFrame:
    roi, n = _roi(inputs), len(inputs.paid_channels)
    table = pd.DataFrame({"channel": inputs.paid_channels, "roi_mean": roi})
    table["roi_weaker_prior"], table["roi_stronger_prior"] = roi * 1.031, roi * 0.957
    table["prior_share"], table["conflict"] = np.linspace(0.61, 0.08, n), np.linspace(-2.31, 0.42, n)
    table.loc[n - 1, ["prior_share", "conflict"]] = np.nan
    for part, shift in (("prior", -0.23), ("media_prior", -0.31), ("baseline_prior", 0.04), ("likelihood", 0.31)):
        table[f"{part}_shift"] = shift * np.linspace(0.2, 1, n)
        table[f"{part}_sensitivity"] = abs(shift) * np.linspace(0.1, 0.6, n)
        table[f"{part}_power"], table[f"{part}_pareto_k"] = 1.25, 0.31
    return table.assign(diagnosis=[CONFLICT, DOMINATES, *[""] * n][:n])


def change_frame(inputs: ReportInputs, size: float) -> pd.DataFrame:
    roi, change = _roi(inputs), size * np.linspace(-1, 0.6, len(inputs.paid_channels))
    table = pd.DataFrame({"channel": inputs.paid_channels, "roi_before": roi, "roi_after": roi * (1 + change)})
    table["change"], table["change_sd"], table["monte_carlo_error"] = change, 3.3 * change, 0.0071
    return table.assign(sure_change=np.maximum(np.abs(change) - 0.0142, 0.0))[CHANGE_COLUMNS]


def left_out_frame(inputs: ReportInputs) -> pd.DataFrame:
    parts = [
        change_frame(inputs, 0.05 + 0.02 * number).assign(left_out=geo)
        for number, geo in enumerate(inputs.geos[:3])
    ]
    return pd.concat(parts, ignore_index=True)[["left_out", *CHANGE_COLUMNS]]


def placebo_frame(inputs: ReportInputs) -> pd.DataFrame:
    row = ("placebo", inputs.paid_channels[0], 48_321.7, 0.0083, 0.412, 0.057, 0.913, 0.338, 0.4471, 0.2237)
    return pd.DataFrame([row], columns=PLACEBO_COLUMNS)


def leave_one_out_frame(inputs: ReportInputs) -> pd.DataFrame:
    row = {"cells": len(inputs.fit), "elpd": -4812.37, "se": 41.23, "effective_parameters": 38.71}
    return pd.DataFrame([{**row, "waic": -4811.02, "waic_se": 41.17, "draws": 2000, "unreliable_share": 0.0013}])


def hard_week_frame(inputs: ReportInputs) -> pd.DataFrame:
    week = inputs.fit.iloc[:8]
    frame = pd.DataFrame({"geo": week["geo"].astype(str), "date": pd.to_datetime(week["date"])})
    return frame.assign(elpd=np.linspace(-9.13, -6.4, len(frame)), pareto_k=np.linspace(0.83, 0.41, len(frame)))


def experiment_frame(inputs: ReportInputs) -> pd.DataFrame:
    """Three tests, of money and of KPI, the first in conflict; the prior of the last is very wide."""
    channels = inputs.paid_channels
    rows = []
    for number, (name, unit, size, conflict) in enumerate(
        (
            ("spring geo test", "outcome", 81_234.0, True),
            ("search off", "kpi", 512.3, False),
            ("holdout", "outcome", 9_127.0, False),
        )
    ):
        measured = size * (0.45 if conflict else 1.06)
        rows.append(
            {
                "experiment": name,
                "channels": channels[number % len(channels)],
                "geos": "; ".join(inputs.geos[:2]) if number else "all",
                "start": "2023-04-03",
                "end": "2023-05-28",
                "unit": unit,
                "measured_mean": measured,
                "measured_low": measured - 0.2 * size,
                "measured_high": measured + 0.2 * size,
                "posterior_mean": size,
                "posterior_q05": 0.83 * size,
                "posterior_q95": 1.21 * size,
                "z": -3.13 if conflict else 0.41,
                "conflict": conflict,
                "used_in_fit": number == 1,
                "design": "geo holdout",
                "source": "" if number else "agency deck",
                "prior_median": 0.9 * size,
                "prior_q05": 0.1 * size,
                "prior_q95": size * (20 if number == 2 else 2.6),
            }
        )
    return pd.DataFrame(rows)


def adjustment_frame(channel: str) -> pd.DataFrame:
    rows = [
        ("spring geo test", channel, "measured", 1.213, 0.221, 1.213, 0.221, "effect 36,555 on spend of 30,137"),
        ("spring geo test", channel, "carryover", 1.213, 0.221, 1.402, 0.287, "87% of the effect falls within"),
        ("spring geo test", channel, "spend level", 1.402, 0.287, 1.531, 0.334, "the test changed spend by +40%"),
    ]
    return pd.DataFrame(rows, columns=list(ADJUSTMENT_COLUMNS))


def claim_frame(channels: tuple[str, ...]) -> pd.DataFrame:
    """The first channel claims too much; the second claims something where nothing may be incremental."""
    one = ("kpi", 208, 9123.0, 3371.0, 2480.0, 4402.0, 2.07, 2.71, 3.68, 0.3695, 0.2718, 0.4825, 0.5, 2.0)
    two = (
        "outcome",
        104,
        71_234.0,
        52_100.0,
        0.0,
        99_871.0,
        0.713,
        1.367,
        np.inf,
        0.7314,
        0.0,
        1.402,
        0.5,
        np.inf,
    )
    rows = [(channels[0], *one, "overclaims"), (channels[-1], *two, "")]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


def prior_week_frame(inputs: ReportInputs) -> pd.DataFrame:
    total = inputs.fit.groupby("date", as_index=False)["actual"].sum()
    middle = np.full(len(total), total["actual"].mean())
    table: pd.DataFrame = total.assign(mean=1.02 * middle, q05=0.4 * middle, q50=middle, q95=1.9 * middle)
    table.loc[3, "actual"] = np.nan
    return table


def _roi(inputs: ReportInputs) -> np.ndarray:
    summary = inputs.channel_summary.set_index("channel")
    return summary.loc[list(inputs.paid_channels), "roi_mean"].to_numpy(dtype=np.float64)
