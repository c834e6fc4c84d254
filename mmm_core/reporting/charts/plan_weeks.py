"""Charts of coming weeks: spend now and recommended, and the KPI that is expected."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.axes import value_axis, week_axis
from mmm_core.reporting.charts.bands import AREA, HEIGHT, WIDTH, hover
from mmm_core.reporting.charts.scales import value_range
from mmm_core.reporting.charts.small import HEIGHT as SMALL_HEIGHT
from mmm_core.reporting.charts.small import WIDTH as SMALL_WIDTH
from mmm_core.reporting.charts.small import WITHOUT_TITLE, few_months
from mmm_core.reporting.charts.svg import band_data, chart, line_data, tag
from mmm_core.reporting.formats import compact, day
from mmm_core.reporting.palette import BASE, MUTED


def spend_week_chart(
    dates: pd.DatetimeIndex,
    current: Sequence[float],
    recommended: Sequence[float],
    color: str,
    unit: str,
    label: str,
    tips: bool = True,
) -> Markup:
    """Recommended spend per week as a line over the grey area of the current plan.

    Args:
        dates: (T,) first day of each week.
        current: (T,) spend of the current plan.
        recommended: (T,) spend that is recommended.
        color: of the line.
        unit: title of the value axis.
        label: what the chart shows, in words.
        tips: whether each week tells its numbers to those who point at it.
    """
    y, y_axis = value_axis(WITHOUT_TITLE, 0.0, max(*current, *recommended, 0.0), unit, count=3)
    x, weeks = few_months(dates)
    across = x.many(range(len(dates)))
    area = tag("path", d=band_data(across, [y(0.0)] * len(dates), y.many(current)), fill=BASE)
    line = tag("path", d=line_data(across, y.many(recommended)), stroke=color, class_="line")
    half = (across[1] - across[0]) / 2 if len(across) > 1 else 6.0
    hits = [
        tag(
            "rect",
            x=at - half,
            y=WITHOUT_TITLE.top,
            width=2 * half,
            height=WITHOUT_TITLE.bottom - WITHOUT_TITLE.top,
            class_="hit",
            data_tip=f"Week of {day(date)}: now {compact(before)}, recommended {compact(after)}",
        )
        for at, date, before, after in zip(across, dates, current, recommended, strict=True)
        if tips
    ]
    return chart(SMALL_WIDTH, SMALL_HEIGHT, label, y_axis, weeks, area, line, *hits)


@dataclass(frozen=True)
class ForecastLines:
    """(T,) values per week of one scenario."""

    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    baseline: Sequence[float]
    reference: Sequence[float] | None
    """Mean of the plan that it is compared with; None: it is that plan."""


def forecast_chart(
    dates: pd.DatetimeIndex, lines: ForecastLines, color: str, unit: str, label: str, panel: int
) -> Markup:
    """The expected KPI with its 90 % band, the current plan's dashed, the part without media thin.

    Args:
        dates: (T,) first day of each week.
        lines: what is drawn.
        color: of the scenario.
        unit: title of the value axis.
        label: what the chart shows, in words.
        panel: number of the panel in the data that tooltips read.
    """
    every = [*lines.low, *lines.high, *lines.baseline, *(lines.reference or ())]
    y, value_part = value_axis(AREA, *value_range(every), unit)
    x, weeks = week_axis(AREA, dates)
    across = x.many(range(len(dates)))
    parts = [
        tag("path", d=band_data(across, y.many(lines.low), y.many(lines.high)), fill=color, class_="band"),
        tag("path", d=line_data(across, y.many(lines.baseline)), stroke=MUTED, class_="line thin"),
    ]
    if lines.reference:
        dashed = tag("path", d=line_data(across, y.many(lines.reference)), class_="line dashed")
        parts.append(dashed)
    parts.append(tag("path", d=line_data(across, y.many(lines.mean)), stroke=color, class_="line bold"))
    return chart(WIDTH, HEIGHT, label, value_part, weeks, *parts, **hover(AREA, panel))
