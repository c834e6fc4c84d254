"""One sheet of an Excel workbook (.xlsx) to a table; dates stay dates."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.cells import check_names, column_of
from mmm_core.data.sources.layout import Layout
from mmm_core.errors import DataError

_WORKBOOK = "xl/workbook.xml"
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, OverflowError, SyntaxError),
    *(KeyError, IndexError, ValueError, TypeError, AttributeError),
)
"""What reading a workbook raises whose archive, XML or structure is not whole (an XML error is a SyntaxError)."""


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is an .xlsx workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _WORKBOOK in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return False


def read_excel(path: Path, origin: str, layout: Layout) -> pd.DataFrame:
    """Parse one sheet: its first row with anything in it is the header, empty rows are passed over.

    Returns:
        Columns of numbers, dates or text, and `source_row` (the sheet's row number).

    Raises:
        DataError: damaged workbook, no such sheet, several sheets and none chosen, a row wider than the
            header, or formulas whose results are not stored.
    """
    header: list[str] = []
    rows: list[list[Any]] = []
    numbers: list[int] = []
    sheet = _sheet_name(path, origin, layout)
    for number, cells in _rows(path, origin, sheet, values=True):
        if not header:
            header = _header(cells, origin)
            continue
        if len(cells) > len(header):
            raise DataError(
                f"{origin}, sheet {sheet}: row {number} has more cells than the header; move or name them."
            )
        rows.append(cells + [None] * (len(header) - len(cells)))
        numbers.append(number)
    if not header:
        raise DataError(f"{origin}, sheet {sheet}, is empty; give a header and data.")
    _refuse_formulas(path, origin, sheet, rows, numbers, header)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    frame = pd.DataFrame(
        {name: column_of(values, name, origin) for name, values in zip(header, columns, strict=True)}
    )
    frame[SOURCE_ROW] = pd.Series(numbers, dtype="int64")
    return frame


def _header(cells: list[Any], origin: str) -> list[str]:
    names = [str(cell).strip() if cell is not None else f"unnamed_{place}" for place, cell in enumerate(cells, 1)]
    check_names(names, origin)
    return names


def _sheet_name(path: Path, origin: str, layout: Layout) -> str:
    with _workbook(path, origin, values=True) as book:
        names = list(book.sheetnames)
    wanted = layout.format.sheet
    if wanted is None and len(names) == 1:
        return str(names[0])
    if wanted in names:
        return str(wanted)
    received = "has several sheets" if wanted is None else f"has no sheet {wanted!r}"
    raise DataError(f"{origin} {received}; set {layout.key}.sheet to one of: {', '.join(map(str, names))}.")


def _rows(path: Path, origin: str, sheet: str, values: bool) -> Iterator[tuple[int, list[Any]]]:
    """Number and cells of each row that is not empty, without empty cells at its end."""
    with _workbook(path, origin, values) as book:
        page = book[sheet]
        page.reset_dimensions()  # what the file says of its size is often wrong
        for number, row in enumerate(page.iter_rows(values_only=True), start=1):
            cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in row]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                yield number, cells


def _refuse_formulas(
    path: Path, origin: str, sheet: str, rows: list[list[Any]], numbers: list[int], header: list[str]
) -> None:
    """A formula that was never calculated reads as an empty cell, which it is not."""
    if not any(cell is None for row in rows for cell in row):
        return
    known = dict(zip(numbers, rows, strict=True))
    formulas = (
        (number, place)
        for number, cells in _rows(path, origin, sheet, values=False)
        for place, cell in enumerate(cells)
        if isinstance(cell, str) and cell.startswith("=") and len(cell) > 1
        and place < len(header) and known.get(number, [None] * len(header))[place] is None
    )  # fmt: skip
    for number, place in formulas:
        raise DataError(
            f"{origin}, sheet {sheet}, row {number}, column {header[place]}: the formula's result is not stored; "
            "open the workbook in a spreadsheet program, save it, and read it again."
        )


@contextmanager
def _workbook(path: Path, origin: str, values: bool) -> Iterator[Any]:
    """A workbook that is open for reading, and closed afterwards.

    Raises:
        DataError: opening it, or what is read from it while it is open, fails.
    """
    import openpyxl

    try:
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=values)
            try:
                yield book
            finally:
                book.close()
    except _DAMAGE as error:
        raise DataError(f"{origin} is a damaged Excel workbook; save it again as .xlsx.") from error
