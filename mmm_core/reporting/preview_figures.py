"""Picture of media after carry-over and saturation at prior means."""

from typing import TYPE_CHECKING

import pandas as pd

from mmm_core.reporting.drawing import new_figure, plain_label, png_bytes, title_style
from mmm_core.reporting.palette import BASE, MUTED, channel_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_CHANNELS = 8
"""Channels that are shown."""


def media_preview_grid(previews: pd.DataFrame) -> bytes:
    """One row per channel: media and carried-over media per week, and saturation against carried-over media.

    All geos together: media are summed, saturation is averaged.  At most 8 channels, in the order of the table.

    Args:
        previews: channel, geo, date, media, adstocked, saturated (`exploration.previews.media_previews`).
    """
    every = [str(channel) for channel in previews["channel"].unique()]
    channels, colors = every[:_MAX_CHANNELS], channel_colors(every)
    n_rows = max(len(channels), 1)
    figure, cells = new_figure(8.0, 1.5 * n_rows + 0.4, n_rows, 2)
    for row, channel in enumerate(channels):
        own = previews[previews["channel"] == channel]
        weeks = own.groupby("date", sort=True)[["media", "adstocked"]].sum()
        saturated = own.groupby("date", sort=True)["saturated"].mean()
        left, right = cells[2 * row], cells[2 * row + 1]
        _dates_below(left)
        left.fill_between(weeks.index, 0, weeks["media"], color=BASE, linewidth=0, step="mid")
        left.plot(weeks.index, weeks["adstocked"], color=colors[channel], linewidth=1.2)
        left.set_title(f"{plain_label(channel)}: media (grey) and carried over", **title_style())
        right.plot(weeks["adstocked"], saturated, ".", color=colors[channel], markersize=3.0)
        right.set_title("Saturation against carried-over media", **title_style())
        right.set_xlim(left=0.0)
        right.set_ylim(bottom=0.0)
    if not channels:
        for axes in cells:
            axes.set_axis_off()
        cells[0].set_title("No paid channel has media.", fontsize=9, color=MUTED, loc="left")
    return png_bytes(figure)


def _dates_below(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=2, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
