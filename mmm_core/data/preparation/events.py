"""Names of events to one column per event."""

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.feature_columns import event_column, source_columns
from mmm_core.data.naming import distinct_names
from mmm_core.data.numbers import MISSING_WORDS, numbers_or_text
from mmm_core.data.patterns import matching_columns, shortened
from mmm_core.data.preparation.columns import require_column, require_new, with_columns
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError

_KEY = "features.event_cols"
_NOTHING = MISSING_WORDS | {"0", "no", "false", "-"}
MAX_EVENTS = 50
MAX_LENGTH = 200


def with_events(source: SourceTable, config: Config) -> SourceTable:
    """The source with one column per event, `<column>: <name>`: 1 in rows with that name, 0 elsewhere.

    A column of numbers is an event already and stays as it is.

    Raises:
        DataError: a column does not exist, names no event, or so many that they can be no events.
    """
    if not config.features.event_cols:
        return source
    columns = [str(column) for column in source.frame.columns]
    for column in matching_columns(
        config.features.event_cols, source_columns(config, columns), _KEY, source.origin
    ):
        require_column(source, column, _KEY)
        if (
            pd.api.types.is_numeric_dtype(numbers_or_text(source.frame[column]))
            and source.frame[column].notna().any()
        ):
            continue
        source = _one_per_name(source, column)
    return source


def _one_per_name(source: SourceTable, column: str) -> SourceTable:
    codes, names = distinct_names(source.frame[column])
    events = {name: position for position, name in enumerate(names) if name.lower() not in _NOTHING}
    if not events:
        raise DataError(
            f"{source.origin}: column {column!r}, which {_KEY} names, has no event in any row; remove it."
        )
    if len(events) > MAX_EVENTS:
        raise DataError(
            f"{source.origin}: column {column!r}, which {_KEY} names, has {len(events)} different names "
            f"({', '.join(map(shortened, list(events)[:3]))}, …); at most {MAX_EVENTS} can be told apart. Name "
            "another column."
        )
    longest = max(events, key=len)
    if len(longest) > MAX_LENGTH:
        raise DataError(
            f"{source.origin}: column {column!r}, which {_KEY} names, has a name of {len(longest):,} characters "
            f"({shortened(longest)}); at most {MAX_LENGTH} are allowed."
        )
    new = {event_column(column, name): (codes == position).astype(np.float64) for name, position in events.items()}
    for name in new:
        require_new(source, name, _KEY)
    counts = ", ".join(
        f"{shortened(name)} ({int((codes == position).sum()):,} rows)" for name, position in events.items()
    )
    return with_columns(source, new, (f"Events in {column}: {counts}.",))
