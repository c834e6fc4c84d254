"""One version of the source data, whatever connector it came from."""

from dataclasses import dataclass, field

import pandas as pd

from mmm_core.data.truth import Truth


@dataclass(frozen=True)
class SourceTable:
    """Source data as it was read; can be stored as Parquet (columns are numbers, text or dates, never mixed)."""

    frame: pd.DataFrame
    """Columns as in the source, and `source_row`.  A column that is not all numbers is text, None where
    nothing is given; key and date columns of a CSV file are always text."""
    origin: str
    """File, URL (without credentials) or simulator, for messages."""
    content_hash: str
    """SHA-256 of the file's bytes; of settings and values if simulated."""
    truth: Truth | None = None
    """What a simulation knows."""
    notes: tuple[str, ...] = ()
    """What a reader should know about how it was read and prepared, in sentences (rows left out, tables put
    beside it, ...)."""
    passed_over: tuple[str, ...] = ()
    """Connectors that come before this one in `ingest.connector_priority` and could not be reached, each with
    the reason."""
    found: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What has been found out about the frame and is kept with it, such as which rows are whose."""
