"""CSV, TSV and their relatives to a table, with errors that name the line."""

import codecs
import csv
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pandas as pd

from mmm_core.config.ingest import FileFormatConfig
from mmm_core.config.ingest_rules import text_encoding
from mmm_core.data.numbers import MISSING_WORDS, numbers_or_text
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.cells import check_names
from mmm_core.data.sources.layout import Layout
from mmm_core.errors import DataError

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 20
_LONGEST_FIELD = 1 << 26
_MISSING = sorted(MISSING_WORDS | {word.upper() for word in MISSING_WORDS} | {"NaN", "Null", "None"})


def read_text(path: Path, origin: str, layout: Layout) -> pd.DataFrame:
    """Parse a text file with a header.

    Returns:
        Columns in file order, not yet typed, and `source_row` (the line on which a row starts).

    Raises:
        DataError: wrong encoding, separator or number of fields; names line, byte and key.
    """
    encoding = _encoding(path, origin, layout)
    with _decoding(path, origin, encoding, layout):
        header, separator, lines = _structure(path, origin, encoding, layout)
        frame = _parsed(path, origin, encoding, separator, header, layout)
    if len(frame) != len(lines):
        raise DataError(
            f"{origin} cannot be parsed as CSV: {len(lines)} or {len(frame)} rows, depending on how its quotes "
            "are read; write each row on one line and double the quotes inside quoted text."
        )
    if layout.format.decimal == ",":
        _with_point(frame, lines, origin, layout)
    frame[SOURCE_ROW] = lines
    return frame


def comma_hint(frame: pd.DataFrame, layout: Layout) -> str | None:
    """A sentence about columns whose numbers seem to have a decimal comma, if there are any."""
    suspects = [
        str(name)
        for name in frame.columns
        if layout.format.decimal == "." and name not in layout.text_columns and _has_commas(frame[name])
    ]
    if not suspects:
        return None
    return (
        f"Numbers in {', '.join(suspects)} seem to have a decimal comma; if so, set {layout.key}.decimal to ','."
    )


def _has_commas(values: pd.Series) -> bool:
    if values.dtype != object:
        return False
    present = values.dropna().head(1000).astype(str)
    return bool(len(present)) and bool(present.str.fullmatch(r"\s*[-+]?\d+(,\d+)?\s*").all())


def _with_point(frame: pd.DataFrame, lines: "array[int]", origin: str, layout: Layout) -> None:
    """Write `1,5` as `1.5` in columns of a file with decimal commas that are still text (in place).

    A column whose values are numbers only if a point is the decimal sign is refused: `1.500` may well be one
    and a half thousand.
    """
    for name in frame.columns:
        values = frame[name]
        if name in layout.text_columns or values.dtype != object:
            continue
        words = values.dropna().astype(str).str.strip()
        with_comma = words.str.fullmatch(r"[-+]?\d*,?\d+(e[-+]?\d+)?", case=False)
        if bool((with_comma | words.str.lower().isin(MISSING_WORDS)).all()):
            frame[name] = values.str.replace(",", ".", regex=False)
        elif pd.api.types.is_numeric_dtype(numbers_or_text(values)) and words.str.contains(".", regex=False).any():
            place = int(words.str.contains(".", regex=False).idxmax())
            raise DataError(
                f"{origin}, column {name}, line {lines[place]}: {values[place]!r} has a decimal point, but "
                f"{layout.key}.decimal is ','; set it to '.', or remove signs between thousands."
            )


def _encoding(path: Path, origin: str, layout: Layout) -> str:
    """Python's name of the encoding; a byte order mark is left out in reading."""
    wanted = layout.format.encoding
    name = text_encoding(wanted)
    if name is None:
        raise DataError(
            f"{layout.key}.encoding: received {wanted!r}, which is no encoding; allowed: utf-8, latin-1, cp1252, "
            "utf-16, ..."
        )
    with path.open("rb") as file:
        start = file.read(4)
    for mark, marked in _MARKS:
        if start.startswith(mark) and name == "utf-8":
            raise DataError(f"{origin} is {marked} text; set {layout.key}.encoding to {marked}.")
    return "utf-8-sig" if name == "utf-8" else name


@contextmanager
def _decoding(path: Path, origin: str, encoding: str, layout: Layout) -> Iterator[None]:
    try:
        yield
    except UnicodeError as error:
        place = _first_bad_byte(path, encoding)
        if place is None:
            raise DataError(
                f"{origin} is not {layout.format.encoding.upper()} text ({error}); set {layout.key}.encoding to "
                "the one that it has (utf-8, latin-1, cp1252, ...)."
            ) from None
        offset, line, byte = place
        raise DataError(
            f"{origin} is not {layout.format.encoding.upper()} text: byte 0x{byte:02x} at offset {offset} (line "
            f"{line}); save it as CSV with UTF-8 encoding, or set {layout.key}.encoding (latin-1, cp1252, ...)."
        ) from None


def _first_bad_byte(path: Path, encoding: str) -> tuple[int, int, int] | None:
    """Offset, line and value of the first byte that cannot be decoded; None if no single byte is wrong."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, line = 0, 1
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            kept = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                place = offset - kept + error.start
                line += bytes(error.object[: error.start]).count(b"\n")
                return place, line, error.object[error.start]
            except UnicodeError:
                return None
            line += text.count("\n")
            offset += len(block)
            if not block:
                return None


def _structure(path: Path, origin: str, encoding: str, layout: Layout) -> tuple[list[str], str, "array[int]"]:
    """Column names, separator, and the line on which each data row starts."""
    with _long_fields(), path.open(encoding=encoding, newline="") as file:
        separator = _separator(file, origin, layout)
        file.seek(0)
        reader = csv.reader(file, strict=True, delimiter=separator)
        header: list[str] = []
        lines, wrong = array("q"), array("q")
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
            raise DataError(
                f"{origin} cannot be parsed as CSV: line {reader.line_num}: {error}; a quote may be open there."
            ) from None
    _refuse_ragged(wrong, len(header), separator, origin, layout)
    return header, separator, lines


def _refuse_ragged(wrong: "array[int]", fields: int, separator: str, origin: str, layout: Layout) -> None:
    if not wrong:
        return
    shown = ", ".join(map(str, wrong[:5]))
    raise DataError(
        f"{origin}: {len(wrong)} row(s) do not have {fields} fields like the header (line {shown}"
        f"{', …' if len(wrong) > 5 else ''}), separated by {_SEPARATORS[separator]}; the file may be cut off, a "
        f"field may need quotes, or {layout.key}.separator another value."
    )


def _separator(file: TextIO, origin: str, layout: Layout) -> str:
    """The one that is configured, or the one that splits the header into most fields."""
    header = next((line for line in file if line.strip()), "")
    fields = {sign: len(next(csv.reader([header], delimiter=sign), [])) for sign in _SEPARATORS}
    best = max(fields, key=lambda sign: fields[sign])
    configured = layout.format.separator
    if configured == "auto":
        return best
    if fields[configured] == 1 and fields[best] > 1:
        raise DataError(
            f"{origin} is separated by {_SEPARATORS[best]}, but {layout.key}.separator is {configured!r}; set "
            f"it to auto or {best!r}."
        )
    return configured


def _column_names(row: list[str], origin: str) -> list[str]:
    names = [name.strip() or f"unnamed_{position}" for position, name in enumerate(row, start=1)]
    check_names(names, origin)
    return names


def _parsed(
    path: Path, origin: str, encoding: str, separator: str, header: list[str], layout: Layout
) -> pd.DataFrame:
    text_columns = layout.text_columns
    settings: FileFormatConfig = layout.format
    try:
        frame: pd.DataFrame = pd.read_csv(
            path,
            sep=separator,
            encoding=encoding,
            decimal=settings.decimal,
            names=header,
            header=0,
            index_col=False,
            dtype={name: str for name in header if name in text_columns},
            na_values={name: [""] if name in text_columns else _MISSING for name in header},
            keep_default_na=False,
            low_memory=False,
            float_precision="round_trip",
            compression=None,
        )
    except (pd.errors.ParserError, ValueError) as error:
        if isinstance(error, UnicodeError):
            raise
        raise DataError(f"{origin} cannot be parsed as CSV: {error}.") from None
    return frame


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let a field be as long as it is; how long it may be is for the rules on data to say."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)
