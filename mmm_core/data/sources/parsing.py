"""Files on the local disk to one table; the kind of each is recognised by its first bytes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from mmm_core.config.ingest import FileFormatConfig
from mmm_core.data.numbers import as_text
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.cells import typed_frame
from mmm_core.data.sources.excel import is_workbook, read_excel
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.parquet import read_parquet
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.text import comma_hint, read_text
from mmm_core.data.sources.transfer import FetchedFile
from mmm_core.errors import DataError

_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_NOT_A_TABLE = {
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls); save it as .xlsx",
    b"%PDF": "a PDF document; give a CSV, Parquet or Excel file",
}
_HTML = (b"<!doctype html", b"<html")
_FILES_SHOWN = 20


def parse_files(files: Sequence[FetchedFile], origin: str, layout: Layout) -> SourceTable:
    """Parse files of the same columns and put them below each other.

    Args:
        files: at least one, in their order.
        origin: name of them all.
        layout: how they are written.

    Returns:
        The table.  `source_row` counts on from file to file, as a note says.

    Raises:
        DataError: a file is no table, has other columns than the first one, or there are no rows at all.
    """
    frames = _frames(files, layout)
    rows = sum(map(len, frames))
    if not rows:
        raise DataError(f"{origin} has a header but no data rows; give at least one row per geo and week.")
    notes = [note for note in [_numbering(files, frames)] if note]
    frame = frames[0] if len(frames) == 1 else _stacked(frames)
    hint = comma_hint(frame, layout)
    return SourceTable(
        frame=typed_frame(frame, layout.text_columns),
        origin=origin,
        content_hash=_content_hash(files, layout.format),
        notes=(*notes, *([hint] if hint else [])),
    )


def _frames(files: Sequence[FetchedFile], layout: Layout) -> list[pd.DataFrame]:
    frames = [_parsed(file, layout) for file in files]
    for file, frame in zip(files[1:], frames[1:], strict=True):
        _check_columns(files[0], frames[0], file, frame)
    mixed = _mixed_columns(frames)
    if not mixed:
        return frames
    return _frames(files, replace(layout, text_columns=layout.text_columns | mixed))


def _mixed_columns(frames: Sequence[pd.DataFrame]) -> frozenset[str]:
    """Columns that are text in one file and numbers in another; they are text, as they are written."""
    with_rows = [frame for frame in frames if len(frame)]
    if len(with_rows) < 2:
        return frozenset()
    names = [name for name in with_rows[0].columns if len({_is_text(frame[name]) for frame in with_rows}) > 1]
    return frozenset(
        str(name)
        for name in names
        if not all(_is_text(frame[name]) or frame[name].isna().all() for frame in with_rows)
    )


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_datetime64_any_dtype(values)


def _parsed(file: FetchedFile, layout: Layout) -> pd.DataFrame:
    with file.path.open("rb") as opened:
        start = opened.read(512)
    if not start.strip():
        raise DataError(f"{file.origin} is empty; give a CSV file with a header and data, or a Parquet file.")
    for magic, what in _NOT_A_TABLE.items():
        if start.startswith(magic):
            raise DataError(f"{file.origin} is {what}.")
    if start.lstrip().lower().startswith(_HTML):
        raise DataError(f"{file.origin} is a web page, not a table; give the address of the file itself.")
    if start.startswith(_PARQUET):
        frame = read_parquet(file.path, file.origin)
    elif start.startswith(_ZIP):
        if not is_workbook(file.path):
            raise DataError(
                f"{file.origin} is a zip archive or a damaged Excel workbook; unpack or save it again."
            )
        frame = read_excel(file.path, file.origin, layout)
    else:
        frame = read_text(file.path, file.origin, layout)
    _as_text_in_place(frame, layout.text_columns)
    return _with_partitions(frame, file)


def _as_text_in_place(frame: pd.DataFrame, text_columns: frozenset[str]) -> None:
    for name in text_columns.intersection(frame.columns):
        if not _is_text(frame[name]) and not pd.api.types.is_datetime64_any_dtype(frame[name]):
            frame[name] = as_text(frame[name])


def _with_partitions(frame: pd.DataFrame, file: FetchedFile) -> pd.DataFrame:
    for name, value in file.partitions:
        if name not in frame.columns:
            frame.insert(len(frame.columns) - 1, name, pd.Series([value] * len(frame), dtype="object"))
        elif not (as_text(frame[name]) == value).all():
            raise DataError(
                f"{file.origin} lies in a folder {name}={value}, but its column {name} has other values; correct "
                "one of them."
            )
    return frame


def _check_columns(first: FetchedFile, expected: pd.DataFrame, file: FetchedFile, frame: pd.DataFrame) -> None:
    missing = [str(name) for name in expected.columns if name not in frame.columns]
    more = [str(name) for name in frame.columns if name not in expected.columns]
    if missing or more:
        parts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"also has {', '.join(more)}"] * bool(more)
        raise DataError(
            f"{file.origin} {' and '.join(parts)}, unlike {first.origin}; files that are read as one table must "
            "have the same columns."
        )


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table; rows are numbered on from where the last file ended."""
    before = 0
    columns = list(frames[0].columns)
    for frame in frames:
        if len(frame):
            frame[SOURCE_ROW] = frame[SOURCE_ROW].astype("int64") + before
            before = int(frame[SOURCE_ROW].max())
    return pd.concat([frame[columns] for frame in frames if len(frame)], ignore_index=True)


def _numbering(files: Sequence[FetchedFile], frames: Sequence[pd.DataFrame]) -> str | None:
    if len(files) == 1:
        return None
    before, parts = 0, []
    for file, frame in zip(files, frames, strict=True):
        if len(frame):
            first, last = (int(value) + before for value in (frame[SOURCE_ROW].min(), frame[SOURCE_ROW].max()))
            parts.append(f"{file.origin} {first} to {last}")
            before = last
    more = len(parts) - _FILES_SHOWN
    shown = ", ".join(parts[:_FILES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{len(files)} files were read as one table; their rows are numbered through: {shown}."


def _content_hash(files: Sequence[FetchedFile], settings: FileFormatConfig) -> str:
    """SHA-256 of the one file's bytes; of the files' hashes in their order, partitions and settings otherwise."""
    if len(files) == 1 and not files[0].partitions and settings == FileFormatConfig():
        return files[0].content_hash
    parts = [[file.content_hash, file.partitions] for file in files]
    return hashlib.sha256(json.dumps([parts, settings.model_dump()]).encode()).hexdigest()
