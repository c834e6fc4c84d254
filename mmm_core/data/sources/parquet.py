"""One Parquet file to a table."""

from pathlib import Path

import pandas as pd

from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.cells import check_names
from mmm_core.errors import DataError


def read_parquet(path: Path, origin: str) -> pd.DataFrame:
    """Parse a Parquet file; columns of an index become ordinary columns.

    Raises:
        DataError: not Parquet, cut off, or with columns of lists or structures.
    """
    import pyarrow
    import pyarrow.parquet

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
    # Not `split_blocks`: columns that share Arrow's memory cannot be written to.
    try:
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, date_as_object=False, self_destruct=True)
    except (pyarrow.ArrowException, ValueError) as error:
        raise DataError(f"{origin} is a damaged Parquet file: {_one_line(error)}.") from None
    frame[SOURCE_ROW] = range(2, len(frame) + 2)
    return frame


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
