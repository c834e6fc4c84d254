"""The calibration as a picture: how far ranks are from uniform, against what chance does."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmm_core.features.model_data import FloatArray
from mmm_core.reporting.palette import CHANNEL_COLORS, GRID, INK, MUTED

_DPI = 100
_COLUMNS = 4
_SIMULATIONS = 4000
_LEVEL = 0.95


def ecdf_difference(ranks: FloatArray, draws: int) -> FloatArray:
    """(draws + 1,) share of ranks up to 0, 1, ..., `draws`, less that of uniform ranks.

    Args:
        ranks: (N,) whole numbers from 0 to `draws`.
        draws: largest rank.
    """
    counts = np.bincount(np.asarray(ranks, dtype=np.int64), minlength=draws + 1)
    return np.asarray(counts.cumsum() / len(ranks) - _uniform(draws), dtype=np.float64)


def chance_band(n: int, draws: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """(draws + 1,) ends of the band in which 95 % of the lines of uniform ranks lie from end to end.

    Binomial intervals at each rank, at a level that simulated lines need (Säilynoja, Bürkner, Vehtari, 2022).

    Args:
        n: ranks.
        draws: largest rank.
        seed: of the simulated lines.
    """
    from scipy.stats import binom

    uniform = _uniform(draws)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, np.full(draws + 1, 1 / (draws + 1)), size=_SIMULATIONS).cumsum(axis=1)
    tails = 2 * np.minimum(binom.cdf(counts, n, uniform), binom.sf(counts - 1, n, uniform))
    level = np.quantile(tails[:, :-1].min(axis=1), 1 - _LEVEL)
    low, high = (binom.ppf(share, n, uniform) / n - uniform for share in (level / 2, 1 - level / 2))
    low[-1] = high[-1] = 0.0
    return low, high


def _uniform(draws: int) -> FloatArray:
    return np.arange(1, draws + 2) / (draws + 1)


def calibration_picture(ranks: Mapping[str, FloatArray], draws: int, seed: int) -> bytes:
    """PNG: one plot per kind of parameter, one line per parameter, the 95 % band of a single line behind.

    Args:
        ranks: kind -> (N, lines) ranks in N panels.
        draws: largest rank.
        seed: of the simulated lines that make the band.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    n, rows = len(next(iter(ranks.values()))), -(-len(ranks) // _COLUMNS)
    figure = Figure(figsize=(3.0 * _COLUMNS, 2.2 * rows + 0.5), dpi=_DPI, layout="constrained")
    grid = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    band = chance_band(n, draws, seed)
    for axes, (kind, lines) in zip(grid, ranks.items(), strict=False):
        _plot(axes, kind, lines.T, draws, band)
    for axes in grid[len(ranks) :]:
        axes.set_visible(False)
    title = f"Ranks of true values, {n} simulated panels: cumulative share less that of uniform ranks"
    figure.suptitle(title, fontsize=10, color=INK, x=0.01, ha="left")
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _plot(axes: Any, kind: str, lines: FloatArray, draws: int, band: tuple[FloatArray, FloatArray]) -> None:
    where = np.arange(draws + 1) / draws
    axes.fill_between(where, *band, step="mid", color=GRID, linewidth=0)
    for number, ranks in enumerate(lines):
        color = CHANNEL_COLORS[number % len(CHANNEL_COLORS)]
        axes.step(where, ecdf_difference(ranks, draws), where="mid", color=color, linewidth=1)
    axes.set_title(kind, fontsize=9, color=INK, loc="left")
    axes.tick_params(labelsize=7, colors=MUTED, length=0)
    for side in axes.spines.values():
        side.set_visible(False)
