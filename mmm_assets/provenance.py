"""What a stored table was made from: source rows or a fit.  Travels with the table as `frame.attrs`."""

from dataclasses import asdict, dataclass

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping, resolve_mapping
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
    settings: str = ""
    """Marks the configuration that features were made under; empty for other tables."""

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
        columns, settings = tuple(stored["columns"]), stored.get("settings", "")
        return cls(stored["origin"], stored["fingerprint"], columns, settings)


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
