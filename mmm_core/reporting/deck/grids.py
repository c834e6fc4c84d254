"""Native tables: small, light, numbers to the right."""

from typing import Any

from mmm_core.reporting.deck.paint import PALE, WHITE, rgb
from mmm_core.reporting.deck.sizing import LINE, shortened, text_width
from mmm_core.reporting.deck.slides import Column, Grid
from mmm_core.reporting.palette import INK, MUTED

_CHOICES = (*((size, True) for size in (14.0, 13.0, 12.0, 11.0)), *((size, False) for size in (12.0, 11.0, 10.0)))
"""(points, whether names must be whole), the first that fits is taken."""
_ROW = 0.42
"""Largest height of a row in inches."""
_NAME = 1.3
"""Inches that a shortened name may need."""
_PAD = 0.08
"""Inches left and right of a cell's text."""


def draw_grid(drawn: Any, grid: Grid) -> Any:
    """Add the table; letters as large as rows and columns allow, names shortened in their middle if need be."""
    from pptx.util import Inches

    n_rows = 1 + max(len(column.cells) for column in grid.columns)
    size, row_height, widths = grid_layout(grid)
    frame = drawn.shapes.add_table(
        n_rows,
        len(grid.columns),
        Inches(grid.box.left),
        Inches(grid.box.top),
        Inches(grid.box.width),
        Inches(row_height * n_rows),
    )
    table = frame.table
    _plain(frame)
    for number, (column, width) in enumerate(zip(grid.columns, widths, strict=True)):
        table.columns[number].width = Inches(width)
        _cell(table.cell(0, number), column.heading, size, width, column.numeric, heading=True)
        for row, cell in enumerate(column.cells, start=1):
            bold = grid.emphasis == row - 1
            _cell(table.cell(row, number), cell.text, size, width, column.numeric, bold=bold, striped=row % 2 == 0)
    for row in table.rows:
        row.height = Inches(row_height)
    return frame


def grid_layout(grid: Grid) -> tuple[float, float, list[float]]:
    """(points, inches per row, inches per column): the largest letters with which rows and numbers fit.

    Names are whole at 11 points and more where there is room for them, else shortened; numbers always are whole.
    """
    n_rows = 1 + max(len(column.cells) for column in grid.columns)
    for size, whole in _CHOICES:
        row_height = min(_ROW, grid.box.height / n_rows)
        widths = _widths(grid, size, whole)
        if widths is not None and row_height >= size * LINE / 72:
            return size, row_height, widths
    equal = grid.box.width / len(grid.columns)
    return _CHOICES[-1][0], min(_ROW, grid.box.height / n_rows), [equal] * len(grid.columns)


def _widths(grid: Grid, size: float, whole: bool) -> list[float] | None:
    """Inches per column; None if numbers, or names that shall be `whole`, do not fit."""
    needs = [_need(column, size) for column in grid.columns]
    if not whole:
        needs = [
            min(need, _NAME) if not column.numeric else need
            for need, column in zip(needs, grid.columns, strict=True)
        ]
    spare = grid.box.width - sum(needs)
    if spare < 0:
        return None
    names = [not column.numeric for column in grid.columns]
    if whole or not any(names):
        return [need + spare / len(needs) for need in needs]
    return [need + (spare / sum(names) if name else 0.0) for need, name in zip(needs, names, strict=True)]


def _need(column: Column, size: float) -> float:
    """Inches in which the widest text of a column stands on one line."""
    texts = (column.heading, *(cell.text for cell in column.cells))
    return max(text_width(text, size, bold=True) for text in texts) + 2 * _PAD


def _plain(frame: Any) -> None:
    """No style of PowerPoint's own; the first row is the heading (for screen readers)."""
    frame.table.first_row, frame.table.horz_banding = True, False
    style = frame._element.graphic.graphicData.tbl.tblPr.find(
        "{http://schemas.openxmlformats.org/drawingml/2006/main}tableStyleId"
    )
    if style is not None:
        style.text = "{2D5ABB26-0587-4C30-8999-92F81FD0307C}"  # "No Style, No Grid"


def _cell(
    cell: Any,
    text: str,
    size: float,
    width: float,
    numeric: bool,
    heading: bool = False,
    bold: bool = False,
    striped: bool = False,
) -> None:
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Inches, Pt

    cell.margin_left = cell.margin_right = Inches(_PAD)
    cell.margin_top = cell.margin_bottom = 0
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    cell.fill.solid()
    cell.fill.fore_color.rgb = rgb(PALE if striped else WHITE)
    paragraph = cell.text_frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT if numeric else PP_ALIGN.LEFT
    run = paragraph.add_run()
    strong = bold or heading
    run.text = text if numeric else shortened(text, size, width - 2 * _PAD, strong)
    run.font.size, run.font.bold = Pt(size), strong
    run.font.color.rgb = rgb(MUTED if heading else INK)
    cell.text_frame.word_wrap = not numeric
