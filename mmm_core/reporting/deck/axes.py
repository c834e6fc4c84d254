"""Axes of native charts: titles with units, number formats, dates."""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from mmm_core.reporting.deck.paint import rgb
from mmm_core.reporting.palette import GRID, MUTED

if TYPE_CHECKING:
    from pptx.chart.chart import Chart as NativeChart

_SCALES = ((1e9, ",,,", "B"), (1e6, ",,", "M"), (1e4, ",", "K"))


def axis_format(values: Iterable[float | None]) -> str:
    """A number format of the spreadsheet kind: `0.0,,"M"` for millions."""
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    for size, commas, letter in _SCALES:
        if largest >= size:
            return f'{"0.0" if largest < 10 * size else "#,##0"}{commas}"{letter}"'
    if largest >= 10 or largest == 0:
        return "#,##0"
    return "0." + "0" * min(max(1 - math.floor(math.log10(largest)), 1), 8)


def style_axes(
    native: "NativeChart",
    kind: str,
    unit: str,
    number_format: str,
    categories: Sequence[str] | Sequence[date],
    x_unit: str = "",
    x_format: str = "General",
) -> None:
    """Titles, number formats, faint grid lines; the first bar on top; dates by months."""
    value_axis, other = native.value_axis, native.category_axis
    _value_axis(value_axis, unit, number_format)
    other.has_major_gridlines = False
    other.format.line.color.rgb = rgb(MUTED)
    _low_labels(other)
    if kind == "bars":
        from pptx.oxml.ns import qn

        other.reverse_order = True
        value_axis._element.find(qn("c:crosses")).set("val", "max")  # else the values stand on top
    if kind == "xy":
        _value_axis(other, x_unit, x_format)
        other.has_major_gridlines = False
    if categories and isinstance(categories[0], date):
        _dates(other, [day for day in categories if isinstance(day, date)])


def _value_axis(axis: Any, unit: str, number_format: str) -> None:
    from pptx.util import Pt

    axis.has_major_gridlines = True
    axis.major_gridlines.format.line.color.rgb = rgb(GRID)
    axis.format.line.fill.background()
    axis.tick_labels.number_format = number_format
    axis.tick_labels.number_format_is_linked = False
    axis.has_title = True
    axis.axis_title.text_frame.text = unit
    letters = axis.axis_title.text_frame.paragraphs[0].runs[0].font
    letters.size, letters.bold = Pt(12), False
    letters.color.rgb = rgb(MUTED)
    _low_labels(axis)


def _low_labels(axis: Any) -> None:
    """Labels stay at the edge where values are negative."""
    from pptx.enum.chart import XL_TICK_LABEL_POSITION

    axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW


def _dates(axis: Any, days: Sequence[date]) -> None:
    """A label every few months, at the first of a month, in place of one per week."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls, qn

    axis.tick_labels.number_format = "mmm yyyy"
    axis.tick_labels.number_format_is_linked = False
    months = (days[-1] - days[0]).days / 30.4
    unit = 1 if months <= 6 else 3 if months <= 30 else 6 if months <= 72 else 12
    element = axis._element
    if element.tag != qn("c:dateAx"):
        return
    for tag, value in (("c:majorUnit", str(unit)), ("c:majorTimeUnit", "months")):
        element.append(parse_xml(f'<{tag} {nsdecls("c")} val="{value}"/>'))
