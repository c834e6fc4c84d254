"""How the draws of one parameter are spread over the chains."""

from collections.abc import Sequence

from markupsafe import Markup

from mmm_core.reporting.charts.axes import horizontal_axis, value_axis
from mmm_core.reporting.charts.small import HEIGHT, WIDTH, WITHOUT_TITLE
from mmm_core.reporting.charts.svg import chart, path_data, tag
from mmm_core.reporting.palette import CHANNEL_COLORS


def rank_chart(shares: Sequence[Sequence[float]], name: str) -> Markup:
    """A line of steps per chain over the ranks of its draws; the dashed line is where all chains agree.

    Args:
        shares: (C, B) share of each chain's draws in each of B equal intervals of ranks.
        name: of the parameter.
    """
    n_bins, area = len(shares[0]), WITHOUT_TITLE
    even = 1 / n_bins
    y, axis = value_axis(
        area, 0.0, 100 * max(2 * even, *(max(chain) for chain in shares)), "% of the chain", count=3
    )
    x, ranks = horizontal_axis(area, 0.0, 100.0, "rank among all draws, %", count=4, grid=False)
    parts = [
        axis,
        ranks,
        tag("line", x1=area.left, x2=area.right, y1=y(100 * even), y2=y(100 * even), class_="reference"),
    ]
    for number, chain in enumerate(shares):
        points = [(x(100 * (b + side) * even), y(100 * share)) for b, share in enumerate(chain) for side in (0, 1)]
        color = CHANNEL_COLORS[number % len(CHANNEL_COLORS)]
        parts.append(
            tag("path", d=path_data(points), stroke=color, class_="line thin", data_tip=f"chain {number + 1}")
        )
    return chart(WIDTH, HEIGHT + 8, f"Ranks of the draws of {name} in {len(shares)} chains", *parts)
