"""Small PNG figures of the data before any model, for metadata of assets; the page has its own charts."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmm_core.exploration.exploration import Exploration
from mmm_core.exploration.spend import EXPOSURE
from mmm_core.reporting.charts.matrix import STEPS as CORRELATION_STEPS
from mmm_core.reporting.drawing import new_figure, plain_label, png_bytes, title_style
from mmm_core.reporting.formats import compact, fixed, percent
from mmm_core.reporting.palette import INK, MUTED, channel_colors
from mmm_core.reporting.sections.exploration_spend import STEPS, week_dates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_VARIABLES = 20
_MAX_WITH_NUMBERS = 12
_MAX_SHARES = 20


def spend_shares(found: Exploration) -> bytes:
    """Spend of each paid channel with its share, the largest on top; at most 20 channels."""
    colors = channel_colors(found.channel_names)
    table = found.channels[found.channels["kind"] != "organic_media"]
    table = table.sort_values("spend", ascending=False, kind="stable").head(_MAX_SHARES).iloc[::-1]
    figure, (axes,) = new_figure(6.5, 0.9 + 0.28 * len(table))
    spend, where = table["spend"].to_numpy(dtype=np.float64), np.arange(len(table))
    axes.barh(where, spend, color=[colors[str(name)] for name in table["channel"]], height=0.7)
    for row, (value, share) in enumerate(zip(spend, table["share"], strict=True)):
        text = f" {compact(float(value))} ({percent(float(share))})"
        axes.text(float(value), row, text, va="center", fontsize=8, color=INK)
    axes.set_yticks(where, [plain_label(name) for name in table["channel"]])
    axes.set_xlim(0, 1.25 * float(spend.max(initial=0.0)) or 1.0)
    axes.set_title(f"Spend in {plain_label(found.currency)}, all geos and weeks", **title_style())
    return png_bytes(figure)


def flighting_heat_map(found: Exploration) -> bytes:
    """Spend by geo and week, each geo in percent of its highest week; channels instead of geos if there is one."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    names, values = _flighting_rows(found)
    highest = values.max(axis=1, keepdims=True)
    relative = np.where(highest > 0, 100 * values / np.where(highest > 0, highest, 1.0), 0.0)
    figure, (axes,) = new_figure(8.0, 1.0 + 0.14 * max(len(names), 4))
    colors = ListedColormap(["#ffffff", *STEPS[2:]])
    edges = BoundaryNorm([0, 1e-9, 20, 40, 60, 80, 100], colors.N)
    picture = axes.imshow(relative, aspect="auto", cmap=colors, norm=edges, interpolation="nearest")
    _week_labels(axes, found)
    axes.set_yticks(np.arange(len(names)), [plain_label(name) for name in names], fontsize=6.5)
    axes.grid(visible=False)
    what = "Spend per geo and week" if found.n_geos > 1 else "Channels per week"
    axes.set_title(f"{what}, in % of the highest week of each row", **title_style())
    bar = figure.colorbar(
        picture, ax=axes, fraction=0.03, pad=0.01, spacing="proportional", ticks=range(0, 101, 20)
    )
    bar.ax.tick_params(labelsize=7, colors=MUTED, length=0)
    return png_bytes(figure)


def correlation_heat_map(found: Exploration) -> bytes:
    """Correlations of channels, controls and treatments; at most 20 of them."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    names = [str(name) for name in found.correlations["one"].unique()]
    values = found.correlations["correlation"].to_numpy(dtype=np.float64).reshape(len(names), len(names))
    names, values = names[:_MAX_VARIABLES], values[:_MAX_VARIABLES, :_MAX_VARIABLES]
    shown = np.where(np.tri(len(names), k=-1, dtype=bool), values, np.nan)
    size = 1.6 + 0.33 * len(names)
    figure, (axes,) = new_figure(size + 1.6, size)
    colors = ListedColormap([color for _, color in CORRELATION_STEPS])
    axes.imshow(shown, cmap=colors, norm=BoundaryNorm([-1.0, *(end for end, _ in CORRELATION_STEPS)], colors.N))
    for i, j in zip(*np.tril_indices(len(names), k=-1), strict=True):
        if len(names) <= _MAX_WITH_NUMBERS and np.isfinite(values[i, j]):
            shade = "white" if abs(values[i, j]) > 0.8 else INK
            axes.text(j, i, fixed(float(values[i, j]), 2), ha="center", va="center", fontsize=7, color=shade)
    where = np.arange(len(names))
    axes.set_yticks(where, [plain_label(name) for name in names])
    axes.set_xticks(where, [plain_label(name) for name in names], rotation=40, ha="right")
    axes.grid(visible=False)
    axes.set_title("Correlation over geo-weeks, media per person", **title_style())
    return png_bytes(figure)


def _flighting_rows(found: Exploration) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """(R,) names and (R, T) amounts."""
    paid = [f"{EXPOSURE}{channel}" for channel in found.paid]
    if found.n_geos > 1:
        names = found.names[1:]
        parts = [found.weeks.loc[found.weeks["geo"] == name, paid].sum(axis=1).to_numpy() for name in names]
        return names, np.stack(parts).astype(np.float64)
    columns = [f"{EXPOSURE}{channel}" for channel in found.channel_names]
    return found.channel_names, found.weeks[columns].to_numpy(dtype=np.float64).T


def _week_labels(axes: "Axes", found: Exploration) -> None:
    """About six dates below the columns."""
    dates = week_dates(found)
    places = np.unique(np.linspace(0, len(dates) - 1, 6).round().astype(int))
    axes.set_xticks(places, [f"{dates[place]:%b %Y}" for place in places])
