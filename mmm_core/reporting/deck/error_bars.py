"""Error bars, which python-pptx does not know: written into the chart's XML.

ECMA-376, part 1, 21.2.2.55 (errBars) and 21.2.2.24 (errValType `cust`).
"""

from collections.abc import Sequence
from typing import Any

from mmm_core.reporting.deck.slides import Series
from mmm_core.reporting.palette import INK

_POINTS = 12700
"""Line widths are counted in EMU."""


def add_error_bars(element: Any, series: Series, columns: tuple[int, int]) -> None:
    """Put the interval of each value around it.

    Args:
        element: `c:ser` of a bar, column or line series.
        series: its values with both ends.
        columns: columns of the workbook (from 0) with the lengths below and above.
    """
    from pptx.oxml.ns import qn

    below, above = bar_lengths(series)
    bars = _sub(None, "c:errBars")
    _sub(bars, "c:errBarType", "both")
    _sub(bars, "c:errValType", "cust")
    _sub(bars, "c:noEndCap", "0")
    _numbers(_sub(bars, "c:plus"), above, columns[1])
    _numbers(_sub(bars, "c:minus"), below, columns[0])
    line = _sub(_sub(bars, "c:spPr"), "a:ln")
    line.set("w", str(int(1.5 * _POINTS)))
    _sub(_sub(line, "a:solidFill"), "a:srgbClr", INK.lstrip("#"))
    element.find(qn("c:cat")).addprevious(bars)


def bar_lengths(series: Series) -> tuple[list[float | None], list[float | None]]:
    """How far the error bars reach below and above each value."""
    low, high = series.low or (), series.high or ()
    below = [_distance(end, value) for end, value in zip(low, series.values, strict=True)]
    above = [_distance(value, end) for end, value in zip(high, series.values, strict=True)]
    return below, above


def _distance(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else max(high - low, 0.0)


def _numbers(parent: Any, values: Sequence[float | None], column: int) -> None:
    """A reference into the workbook with its cached values."""
    reference = _sub(parent, "c:numRef")
    letter = _letter(column)
    _sub(reference, "c:f").text = f"Sheet1!${letter}$2:${letter}${len(values) + 1}"
    cache = _sub(reference, "c:numCache")
    _sub(cache, "c:formatCode").text = "General"
    _sub(cache, "c:ptCount", str(len(values)))
    for number, value in enumerate(values):
        if value is not None:
            point = _sub(cache, "c:pt")
            point.set("idx", str(number))
            _sub(point, "c:v").text = repr(float(value))


def _letter(column: int) -> str:
    """0 -> A, 26 -> AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _sub(parent: Any, tag: str, value: str | None = None) -> Any:
    """A new element, below `parent` if there is one."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    child = parse_xml(f"<{tag} {nsdecls('c', 'a')}/>")
    if value is not None:
        child.set("val", value)
    if parent is not None:
        parent.append(child)
    return child
