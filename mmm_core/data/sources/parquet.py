"""One Parquet file to a table."""

from pathlib import Path
from typing import Any

import pandas as pd

from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.cells import check_names
from mmm_core.errors import DataError, StorageError
from mmm_core.plausible import require_plausible


def read_parquet(path: Path, origin: str) -> pd.DataFrame:
    """Parse a Parquet file; columns of an index become ordinary columns.

    Raises:
        DataError: not Parquet, cut off, or with columns of lists, structures or bytes that are no text.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        require_plausible(path)
    except StorageError as error:
        raise DataError(f"{origin}: {error}") from None
    try:
        file = pyarrow.parquet.ParquetFile(path, memory_map=True, page_checksum_verification=True)
        table = file.read().replace_schema_metadata(None)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{origin} cannot be read as Parquet: {_one_line(error)}.") from None
    names = [str(name) for name in table.column_names]
    check_names(names, origin)
    nested = [field.name for field in table.schema if pyarrow.types.is_nested(field.type)]
    if nested:
        raise DataError(f"{origin} has lists or structures in column {', '.join(nested)}; leave the column out.")
    table = _as_text(table, origin)
    # Not `split_blocks`: columns that share Arrow's memory cannot be written to.
    try:
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, date_as_object=False, self_destruct=True)
    except (pyarrow.ArrowException, ValueError) as error:
        raise DataError(f"{origin} is a damaged Parquet file: {_one_line(error)}.") from None
    frame[SOURCE_ROW] = range(2, len(frame) + 2)
    return frame


def _as_text(table: Any, origin: str) -> Any:
    """Text that is stored as bytes, as some programs do, becomes text.

    Raises:
        DataError: bytes that are no UTF-8 text.
    """
    import pyarrow

    for position, field in enumerate(table.schema):
        kind = field.type
        kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
        if not (pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)):
            continue
        try:
            text = table.column(position).cast(kind).cast(pyarrow.large_string())
        except pyarrow.ArrowException:
            raise DataError(
                f"{origin} has bytes in column {field.name} that are no UTF-8 text; leave the column out, or "
                "write it as text."
            ) from None
        table = table.set_column(position, field.name, text)
    return table


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
