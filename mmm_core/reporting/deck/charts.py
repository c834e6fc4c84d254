"""Native charts, which PowerPoint can edit: shapes, colours, axes, error bars and the exact values behind them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mmm_core.reporting.deck.axes import axis_format, style_axes
from mmm_core.reporting.deck.error_bars import add_error_bars, bar_lengths
from mmm_core.reporting.deck.paint import rgb
from mmm_core.reporting.deck.slides import Chart, Plot, Points, Series
from mmm_core.reporting.deck.workbook import Value, blocks, workbook
from mmm_core.reporting.palette import BASE, MUTED

if TYPE_CHECKING:
    from pptx.chart.chart import Chart as NativeChart

LETTERS = 12
"""Font size of charts in points."""


def category_chart(frame: Any, chart: Chart) -> None:
    """Fill the graphic frame that `new_chart` made with style, error bars and the workbook."""
    native = frame.chart
    _style(native, legend=len(chart.series) > 1)
    values = [value for series in chart.series for value in _every(series)]
    style_axes(native, chart.kind, chart.unit, axis_format(values), chart.categories)
    if chart.kind != "lines" and min((value for value in values if value is not None), default=0.0) >= 0:
        native.value_axis.minimum_scale = 0.0  # lengths and areas mislead on a cut axis
    plot = native.plots[0]
    if chart.kind in ("bars", "columns"):
        plot.gap_width = 60 if len(chart.categories) > 3 else 200  # few bars are not fat
        plot.overlap = 0 if chart.kind == "bars" else 100
    for number, (drawn, series) in enumerate(zip(plot.series, chart.series, strict=True)):
        _paint(drawn, chart.kind, series)
        if series.low is not None and series.high is not None:
            add_error_bars(drawn._element, series, _error_columns(chart.series, number))
    native.part.chart_workbook.update_from_xlsx_blob(workbook(_columns(chart)))


def xy_chart(frame: Any, plot: Plot) -> None:
    """The same for an XY chart."""
    native = frame.chart
    _style(native, legend=plot.legend, title=plot.title)
    formats = [axis_format([v for one in plot.points for v in values(one)]) for values in (_xs, _ys)]
    style_axes(native, "xy", plot.y_unit, formats[1], (), plot.x_unit, formats[0])
    for drawn, points in zip(native.plots[0].series, plot.points, strict=True):
        drawn.smooth = False
        _line(drawn, points.color, points.dashed, marker_only=points.marker)
    native.part.chart_workbook.update_from_xlsx_blob(blocks([(one.name, one.x, one.y) for one in plot.points]))


def chart_data(chart: Chart) -> Any:
    """What python-pptx makes the chart's XML from."""
    from pptx.chart.data import CategoryChartData

    make: Any = CategoryChartData
    data = make(number_format="General")
    data.categories = list(chart.categories)
    for series in chart.series:
        data.add_series(series.name, series.values)
    return data


def xy_data(plot: Plot) -> Any:
    """The same for an XY chart."""
    from pptx.chart.data import XyChartData

    make: Any = XyChartData
    data = make(number_format="General")
    for points in plot.points:
        series = data.add_series(points.name)
        for x, y in zip(points.x, points.y, strict=True):
            series.add_data_point(x, y)
    return data


def chart_type(chart: Chart) -> Any:
    """python-pptx's name of the kind."""
    from pptx.enum.chart import XL_CHART_TYPE

    return {
        "bars": XL_CHART_TYPE.BAR_CLUSTERED,
        "columns": XL_CHART_TYPE.COLUMN_STACKED,
        "area": XL_CHART_TYPE.AREA_STACKED,
        "lines": XL_CHART_TYPE.LINE,
    }[chart.kind]


def _columns(chart: Chart) -> list[tuple[str, Sequence[Value]]]:
    """Categories and values where the chart looks for them, then the intervals with the lengths of their bars."""
    columns: list[tuple[str, Sequence[Value]]] = [("", chart.categories)]
    columns += [(one.name, one.values) for one in chart.series]
    for one in chart.series:
        if one.low is not None and one.high is not None:
            below, above = bar_lengths(one)
            columns += [(f"{one.name}, 5%", one.low), (f"{one.name}, 95%", one.high)]
            columns += [(f"{one.name}, mean - 5%", below), (f"{one.name}, 95% - mean", above)]
    return columns


def _error_columns(series: Sequence[Series], number: int) -> tuple[int, int]:
    """Columns of the workbook (from 0) with the lengths below and above of one series."""
    before = sum(1 for one in series[:number] if one.low is not None)
    start = 1 + len(series) + 4 * before
    return start + 2, start + 3


def _every(series: Series) -> Iterable[float | None]:
    return (*series.values, *(series.low or ()), *(series.high or ()))


def _xs(points: Points) -> tuple[float, ...]:
    return points.x


def _ys(points: Points) -> tuple[float, ...]:
    return points.y


def _style(native: "NativeChart", legend: bool, title: str = "") -> None:
    """Fonts, legend and title."""
    from pptx.enum.chart import XL_LEGEND_POSITION
    from pptx.util import Pt

    native.font.size = Pt(LETTERS)
    native.font.color.rgb = rgb(MUTED)
    native.has_title = bool(title)
    if title:
        native.chart_title.text_frame.text = title
        letters = native.chart_title.text_frame.paragraphs[0].runs[0].font
        letters.size, letters.bold = Pt(13), True
        native.chart_title.include_in_layout = False
    native.has_legend = legend
    if legend:
        native.legend.position = XL_LEGEND_POSITION.BOTTOM
        native.legend.include_in_layout = False
        native.legend.font.size = Pt(LETTERS)


def _paint(drawn: Any, kind: str, series: Series) -> None:
    """Colour of bars, layers and lines; pale bars get an outline."""
    from pptx.util import Pt

    if kind == "lines":
        drawn.smooth = False
        _line(drawn, series.color, series.dashed, marker_only=series.dots)
        return
    drawn.format.fill.solid()
    drawn.format.fill.fore_color.rgb = rgb(series.color)
    if kind == "bars":
        drawn.invert_if_negative = False
        drawn.format.line.color.rgb = rgb(MUTED if series.color == BASE else series.color)
        drawn.format.line.width = Pt(0.75)


def _line(drawn: Any, color: str, dashed: bool, marker_only: bool) -> None:
    """A line without markers, or markers without a line."""
    from pptx.enum.chart import XL_MARKER_STYLE
    from pptx.enum.dml import MSO_LINE_DASH_STYLE
    from pptx.util import Pt

    if marker_only:
        drawn.format.line.fill.background()
        drawn.marker.style, drawn.marker.size = XL_MARKER_STYLE.CIRCLE, 7 if dashed else 9
        drawn.marker.format.fill.solid()
        drawn.marker.format.fill.fore_color.rgb = rgb(color)
        drawn.marker.format.line.fill.background()
        return
    drawn.marker.style = XL_MARKER_STYLE.NONE
    drawn.format.line.color.rgb = rgb(color)
    drawn.format.line.width = Pt(1.25 if dashed else 2.5)
    if dashed:
        drawn.format.line.dash_style = MSO_LINE_DASH_STYLE.DASH
