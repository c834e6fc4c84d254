"""What tells whether one geo's rows have changed."""

import hashlib

import numpy as np
import pandas as pd

from mmm_core.data.columns import ColumnMapping
from mmm_core.data.geo_rows import geo_rows, source_dates
from mmm_core.data.mapping import geo_names
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.table import SourceTable


def geo_fingerprints(source: SourceTable, mapping: ColumnMapping) -> dict[str, str]:
    """geo -> hash of its rows, whatever their position in the file, in natural order of the geos.

    The dates as they are read count too, because other geos may decide which number is the day.  Where national
    amounts are spread over geos, all rows count for each: one geo's share depends on the others.

    Raises:
        DataError: the geos cannot be told (`mapping.geo_names`).
    """
    geos = geo_names(source, mapping)
    rows = source.frame.drop(columns=SOURCE_ROW, errors="ignore")
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    header = repr([(str(name), str(kind)) for name, kind in rows.dtypes.items()]).encode()
    if mapping.national:
        header += hashlib.sha256(np.sort(hashes).tobytes()).digest()
    rows_of = geo_rows(source, mapping.keys).rows
    days = source_dates(source, mapping.date, mapping.date_format)
    contents = {geo: hashes[rows_of[geo]].tobytes() + days[rows_of[geo]].tobytes() for geo in geos}
    return {geo: hashlib.sha256(header + content).hexdigest()[:32] for geo, content in contents.items()}
