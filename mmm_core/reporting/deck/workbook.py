"""The workbook behind a chart: exact values, the same bytes for the same numbers."""

import io
from collections.abc import Sequence
from datetime import date, datetime

Value = str | float | date | None
_CREATED = datetime(2000, 1, 1)
"""Workbooks carry a date; a fixed one keeps equal charts equal."""


def workbook(columns: Sequence[tuple[str, Sequence[Value]]]) -> bytes:
    """A workbook with one sheet and a column per (heading, values), headings in the first row."""
    rows = [(0, number, heading) for number, (heading, _) in enumerate(columns)]
    cells = [
        (row + 1, number, value) for number, (_, values) in enumerate(columns) for row, value in enumerate(values)
    ]
    return _written([*rows, *cells])


def blocks(parts: Sequence[tuple[str, Sequence[float], Sequence[float]]]) -> bytes:
    """A workbook of XY series below each other: a row with the name over the y values, the points, a free row."""
    cells: list[tuple[int, int, Value]] = []
    row = 0
    for name, x, y in parts:
        cells.append((row, 1, name))
        for number, point in enumerate(zip(x, y, strict=True), start=row + 1):
            cells += [(number, 0, point[0]), (number, 1, point[1])]
        row += len(x) + 2
    return _written(cells)


def _written(cells: Sequence[tuple[int, int, Value]]) -> bytes:
    from xlsxwriter import Workbook

    stream = io.BytesIO()
    book = Workbook(stream, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": _CREATED})
    sheet, days = book.add_worksheet("Sheet1"), book.add_format({"num_format": "yyyy-mm-dd"})
    for row, column, value in cells:
        if isinstance(value, str):
            sheet.write_string(row, column, value)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), days)
        elif value is not None:
            sheet.write_number(row, column, value)
    book.close()
    return stream.getvalue()
