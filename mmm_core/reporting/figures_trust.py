"""Pictures of what is believed before a fit, and of how sure a fit is."""

import numpy as np
import pandas as pd

from mmm_core.backtesting.run import MODEL, NO_MEDIA, SEASONAL
from mmm_core.reporting.drawing import legend_outside, name_axes, new_figure, plain_label, png_bytes, title_style
from mmm_core.reporting.palette import ACCENT, BASE, INK, MUTED

_MEASURED = "#d55e00"
_LOOKS = {MODEL: (ACCENT, ""), SEASONAL: (BASE, "//"), NO_MEDIA: (MUTED, "..")}
"""Predictor -> colour and hatching."""
_MOST_ROWS = 30
"""Rows of a picture; further ones are left out."""


def prior_weeks(weeks: pd.DataFrame) -> bytes:
    """The KPI of all geos under the prior, with its central 90 %, beside the observed one.

    Args:
        weeks: date, actual, q05, q50, q95.
    """
    figure, (axes,) = new_figure(8.0, 3.0, dates=True)
    axes.fill_between(weeks["date"], weeks["q05"], weeks["q95"], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(weeks["date"], weeks["q50"], color=ACCENT, linewidth=1.4, label="prior median")
    axes.plot(weeks["date"], weeks["actual"], ".", color=INK, markersize=3.5, label="actual")
    axes.set_title("KPI of all geos before the fit: prior median and central 90 %", **title_style())
    axes.margins(x=0.01)
    legend_outside(axes)
    return png_bytes(figure)


def backtest_scores(scores: pd.DataFrame) -> bytes:
    """Weighted error (wMAPE) of the model beside naive predictions, per strategy; shorter is better.

    Args:
        scores: `BacktestSummary.scores`: strategy, predictor, wmape (a fraction).
    """
    strategies = [str(name) for name in scores["strategy"].unique()]
    predictors = [str(name) for name in scores["predictor"].unique()]
    where, height = np.arange(len(strategies))[::-1], 0.8 / max(len(predictors), 1)
    figure, (axes,) = new_figure(7.0, 1.0 + 0.28 * max(len(scores), 1))
    for number, predictor in enumerate(predictors):
        part = scores[scores["predictor"] == predictor].set_index("strategy")["wmape"].reindex(strategies)
        color, hatch = _LOOKS.get(predictor, (BASE, ""))
        axes.barh(
            where + 0.4 - height * (number + 0.5),
            100 * part.to_numpy(dtype=np.float64),
            height=0.9 * height,
            color=color,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
            label=plain_label(predictor.replace("_", " ")),
        )
    axes.set_yticks(where, [plain_label(name) for name in strategies])
    axes.set_title("Error of held-out weeks (wMAPE, %)", **title_style())
    if predictors:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False, labelcolor=MUTED)
    return png_bytes(figure)


def roi_across_splits(roi: pd.DataFrame) -> bytes:
    """ROI of each channel over the splits of a backtest: mean, and from the smallest to the largest.

    Args:
        roi: `BacktestSummary.roi`: channel, mean, smallest, largest.
    """
    table = roi.head(_MOST_ROWS).iloc[::-1].reset_index(drop=True)
    figure, (axes,) = new_figure(6.5, 1.1 + 0.28 * len(table))
    where = np.arange(len(table))
    axes.hlines(where, table["smallest"], table["largest"], color=ACCENT, linewidth=2.5, alpha=0.55)
    axes.plot(table["mean"], where, "o", color=ACCENT, markersize=6)
    axes.set_yticks(where, [plain_label(name) for name in table["channel"]])
    axes.set_title("ROI over splits: mean, smallest to largest", **title_style())
    axes.set_xlim(left=min(0.0, float(table["smallest"].min())) if len(table) else 0.0)
    return png_bytes(figure)


def experiment_intervals(table: pd.DataFrame) -> bytes:
    """What each lift test measured and what the fit says of it, as multiples of the fit's mean (90 % intervals).

    Multiples, as tests are in different units.  Tests of which the fit's mean is 0 are left out.

    Args:
        table: `experiments.comparison.experiment_table`.
    """
    shown = table[table["posterior_mean"].astype(float) != 0].head(_MOST_ROWS).iloc[::-1].reset_index(drop=True)
    figure, (axes,) = new_figure(7.0, 1.2 + 0.42 * len(shown))
    where, unit = np.arange(len(shown)), shown["posterior_mean"].astype(float)
    for keys, offset, color, mark, label in (
        (("measured_mean", "measured_low", "measured_high"), 0.14, _MEASURED, "D", "experiment"),
        (("posterior_mean", "posterior_q05", "posterior_q95"), -0.14, ACCENT, "o", "fit"),
    ):
        middle, low, high = (shown[key].astype(float) / unit for key in keys)
        axes.hlines(where + offset, low, high, color=color, linewidth=2.5, alpha=0.55)
        axes.plot(middle, where + offset, mark, color=color, markersize=5, label=label)
    names = [f"{row['experiment']}{' (!)' if row['conflict'] else ''}" for row in shown.to_dict("records")]
    axes.set_yticks(where, [plain_label(name) for name in names])
    axes.axvline(0.0, color=INK, linewidth=0.8, linestyle="--")
    axes.set_title("Experiments and fit with 90% intervals; (!): conflict", **title_style())
    name_axes(axes, "effect / the fit's mean")
    if len(shown):
        legend_outside(axes)
    return png_bytes(figure)


def drift_bars(table: pd.DataFrame) -> bytes:
    """Change of each channel's ROI since the last accepted fit, in percent, the largest on top.

    Args:
        table: `stability.drift.drift`: channel, roi_change (a fraction; channels without one are left out).
    """
    known = table.dropna(subset=["roi_change"]).astype({"roi_change": float})
    order = known["roi_change"].abs().sort_values(ascending=False).index[:_MOST_ROWS]
    shown = known.loc[order[::-1]].reset_index(drop=True)
    figure, (axes,) = new_figure(6.5, 1.1 + 0.28 * len(shown))
    where, change = np.arange(len(shown)), 100 * shown["roi_change"]
    axes.barh(where, change, height=0.6, color=ACCENT)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_yticks(where, [plain_label(name) for name in shown["channel"]])
    axes.set_title("Change of ROI since the last accepted fit (%)", **title_style())
    return png_bytes(figure)
