"""What a stored table was made from: source rows or a fit.  Travels with the table as `frame.attrs`."""

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.geo_rows import geo_rows
from mmm_core.data.mapping import ColumnMapping, geo_names, resolve_mapping
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import StorageError

_KEY = "provenance"
_FIT_KEY = "fit"


@dataclass(frozen=True)
class Provenance:
    """Where a geo's table comes from."""

    origin: str
    """Name of the source, for messages."""
    fingerprint: str
    """Hash of the geo's rows in the source."""
    columns: tuple[str, ...]
    """Columns of the source."""

    def mapping(self, config: Config) -> ColumnMapping:
        """Which source column is what."""
        return resolve_mapping(config, self.columns, self.origin)

    def put_on(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same frame, marked."""
        frame.attrs = {_KEY: asdict(self) | {"columns": list(self.columns)}}
        return frame

    @staticmethod
    def is_on(frame: pd.DataFrame) -> bool:
        """Whether the frame is marked."""
        return _KEY in frame.attrs

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Provenance":
        """What `put_on` wrote.

        Raises:
            StorageError: the frame is not marked.
        """
        try:
            stored = frame.attrs[_KEY]
        except KeyError as error:
            raise StorageError(
                "A stored table does not say where it comes from; materialize raw_panel again."
            ) from error
        return cls(stored["origin"], stored["fingerprint"], tuple(stored["columns"]))


def mark_fit(frame: pd.DataFrame, version: str) -> pd.DataFrame:
    """The same frame, marked with the version of the fit that it was made from."""
    frame.attrs = {_FIT_KEY: version}
    return frame


def require_fit(version: str, **tables: pd.DataFrame) -> None:
    """Refuse tables that were made from another fit than the rest.

    Raises:
        StorageError: naming the assets to materialize again.
    """
    others = [name for name, table in tables.items() if table.attrs.get(_FIT_KEY) != version]
    if others:
        raise StorageError(
            f"{', '.join(others)} come from another fit than the stored posterior; materialize them again first."
        )


def geo_fingerprints(source: SourceTable, mapping: ColumnMapping) -> dict[str, str]:
    """geo -> hash of its rows, whatever their position in the file, in natural order of the geos.

    Where national amounts are spread over geos, all rows count for each: one geo's share depends on the others.

    Raises:
        DataError: the geos cannot be told (`mapping.geo_names`).
    """
    geos = geo_names(source, mapping)
    rows = source.frame.drop(columns=SOURCE_ROW, errors="ignore")
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    header = repr([(str(name), str(kind)) for name, kind in rows.dtypes.items()]).encode()
    if mapping.national:
        header += np.sort(hashes).tobytes()
    rows_of = geo_rows(source, mapping.keys).rows
    return {geo: hashlib.sha256(header + hashes[rows_of[geo]].tobytes()).hexdigest()[:32] for geo in geos}
