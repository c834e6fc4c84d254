"""Bytes of a CSV or Parquet file to a table, with errors that name the line."""

import csv
import io

import pandas as pd

from mmm_core.data.numbers import MISSING_WORDS, as_text, numbers_or_text
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.errors import DataError

_PARQUET_MAGIC = b"PAR1"
_NOT_TEXT = {b"PK\x03\x04": "a zip archive or Excel workbook", b"\x1f\x8b": "compressed with gzip"}
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def parse_table(content: bytes, origin: str, text_columns: frozenset[str]) -> pd.DataFrame:
    """Parse the bytes of a file; its format is recognised by its first bytes.

    Args:
        content: the whole file.
        origin: its name, for messages.
        text_columns: columns that name things (keys, dates), which are never converted to numbers.

    Returns:
        The table, columns in file order and `source_row` last.

    Raises:
        DataError: empty, header only, not UTF-8, or not a table; names line or byte.
    """
    if not content.strip():
        raise DataError(f"{origin} is empty; give a CSV file with a header and data, or a Parquet file.")
    for magic, what in _NOT_TEXT.items():
        if content.startswith(magic):
            raise DataError(f"{origin} is {what}; give a plain CSV or Parquet file.")
    if content.startswith(_PARQUET_MAGIC):
        frame = _parse_parquet(content, origin)
    else:
        frame = _parse_csv(_decode(content, origin), origin, text_columns)
    if frame.empty:
        raise DataError(f"{origin} has a header but no data rows; give at least one row per geo and week.")
    return frame.assign(
        **{
            name: _typed(frame[name], keep_text=name in text_columns)
            for name in frame.columns
            if name != SOURCE_ROW
        }
    )


def _typed(values: pd.Series, keep_text: bool) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values
    return as_text(values) if keep_text else numbers_or_text(values)


def _decode(content: bytes, origin: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{origin} is not UTF-8 text: byte 0x{content[error.start]:02x} at offset {error.start} (line "
            f"{line}); save the file as CSV with UTF-8 encoding."
        ) from error


def _parse_csv(text: str, origin: str, text_columns: frozenset[str]) -> pd.DataFrame:
    header, lines = _structure(text, origin)
    missing = sorted(MISSING_WORDS | {word.upper() for word in MISSING_WORDS} | {"NaN", "Null", "None"})
    try:
        frame = pd.read_csv(
            io.StringIO(text, newline=""),
            names=header,
            header=0,
            index_col=False,
            dtype={name: str for name in header if name in text_columns},
            na_values={name: [""] if name in text_columns else missing for name in header},
            keep_default_na=False,
            low_memory=False,
            float_precision="round_trip",
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise DataError(f"{origin} cannot be parsed as CSV: {error}.") from error
    if len(frame) != len(lines):
        raise DataError(
            f"{origin} cannot be parsed as CSV: {len(lines)} or {len(frame)} rows, depending on how its quotes "
            "are read; write each row on one line and double the quotes inside quoted text."
        )
    return frame.assign(**{SOURCE_ROW: lines})


def _structure(text: str, origin: str) -> tuple[list[str], list[int]]:
    """Column names, and the line on which each data row starts."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    lines: list[int] = []
    wrong: list[int] = []
    start = 1
    try:
        for row in reader:
            blank = not row or (len(row) == 1 and not row[0].strip())
            if not header and not blank:
                header = _column_names(row, origin)
            elif not blank:
                lines.append(start)
                if len(row) != len(header):
                    wrong.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{origin} cannot be parsed as CSV: line {reader.line_num}: {error}.") from error
    if wrong:
        shown = ", ".join(map(str, wrong[:5]))
        raise DataError(
            f"{origin}: {len(wrong)} row(s) do not have {len(header)} fields like the header (line {shown}"
            f"{', …' if len(wrong) > 5 else ''}); the file may be cut off, or a comma may need quotes."
        )
    return header, lines


def _column_names(row: list[str], origin: str) -> list[str]:
    names = [name.strip() or f"unnamed_{position}" for position, name in enumerate(row, start=1)]
    if len(names) == 1:
        for separator, what in _OTHER_SEPARATORS.items():
            if separator in names[0]:
                raise DataError(f"{origin} is separated by {what}; save it as comma-separated CSV.")
    _check_names(names, origin)
    return names


def _check_names(names: list[str], origin: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{origin} has more than one column named {', '.join(repeated)}; rename or remove them.")
    if SOURCE_ROW in names:
        raise DataError(f"{origin} has a column named {SOURCE_ROW}, which is reserved; rename it.")


def _parse_parquet(content: bytes, origin: str) -> pd.DataFrame:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{origin} cannot be read as Parquet: {error}.") from error
    _check_names(list(table.column_names), origin)
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, date_as_object=False)
    return frame.assign(**{SOURCE_ROW: range(2, len(frame) + 2)})
