"""From the tables as they were read to the one table that the mapping is about."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mmm_core.config.ingest import TableConfig
from mmm_core.config.schema import Config
from mmm_core.data.feature_columns import joined_columns, words_in
from mmm_core.data.geo_rows import geo_rows
from mmm_core.data.mapping import mapped_data, resolve_mapping
from mmm_core.data.naming import look_alikes
from mmm_core.data.national import national_notes
from mmm_core.data.preparation.creatives import with_creative_ages
from mmm_core.data.preparation.derived import derived, has_repeated_dates
from mmm_core.data.preparation.events import with_events
from mmm_core.data.preparation.rows import chosen_rows, names_note
from mmm_core.data.preparation.tables import main_rows, put_beside
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError
from mmm_core.progress import Progress, silent

_LATE_HOUR = 20
_LATE = r"\d[T\s](?:2[0-3]:[0-5]\d|(?:0?[89]|1[01]):[0-5]\d(?::\d\d)?\s?[pP][mM])"
_NEARLY_ALL = 0.9


def prepared_source(config: Config, cache: Path | None = None, progress: Progress = silent) -> SourceTable:
    """Read the source and every further table, and prepare one table from them (see `prepare`).

    Args:
        config: sections ingest, external_data, data and features.
        cache: folder for downloads; None for no cache.
        progress: told how far reading is.

    Raises:
        InputError: something cannot be read or does not fit.
    """
    from mmm_core.data.sources.source import read_source, read_table

    source = read_source(config, cache, progress)
    others = {key: read_table(table, config, cache, progress) for key, table in further_tables(config).items()}
    return prepare(source, others, config)


def further_tables(config: Config) -> dict[str, TableConfig]:
    """Further tables by their configuration key."""
    tables: dict[str, TableConfig] = {
        f"ingest.tables.{name}": table for name, table in config.ingest.tables.items()
    }
    return tables | {f"external_data.{name}": table for name, table in config.external_data.items()}


def prepare(source: SourceTable, others: Mapping[str, SourceTable], config: Config) -> SourceTable:
    """Prepare the source: rows that count, further tables put beside, derived columns, events, creative ages.

    Columns of the source stay as they are; rows are left out and columns appended, and the notes say which.

    Args:
        source: the main table as it was read.
        others: further tables as they were read, by their configuration key (`further_tables`).
        config: what is to be done.

    Returns:
        The prepared table.  Its content hash is the source's where nothing is prepared, and otherwise made of
        the hashes of all tables and of the configuration that prepared them.

    Raises:
        ConfigError: the configuration contradicts itself or the tables.
        DataError: the tables do not fit.
    """
    data = config.data
    prepared = chosen_rows(source, data.rows, data.kpi_col or data.revenue_col)
    _refuse_repeated_names(config)
    rows = main_rows(prepared, config) if others else None
    for key, table in further_tables(config).items():
        if rows is not None:
            prepared = put_beside(prepared, others[key], table, key, rows, words_in(config))
    prepared = derived(prepared, config)
    prepared = with_events(prepared, config)
    prepared = with_creative_ages(prepared, config)
    notes = (
        *prepared.notes,
        *(rows.notes if rows is not None else ()),
        *_external_notes(config),
        *_repetition_note(prepared, config),
        *_national_notes(prepared, config),
        *_names_note(prepared, config),
        *_hours_note(prepared, config),
    )
    return replace(prepared, notes=notes, content_hash=_content_hash(source, others, config))


def _refuse_repeated_names(config: Config) -> None:
    """Two further tables may not bring columns of the same name."""
    names = [*joined_columns(config), *config.data.derived_columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"ingest.tables, external_data and data.derived_columns give several columns the name "
            f"{', '.join(twice)}; choose different names."
        )


def _external_notes(config: Config) -> tuple[str, ...]:
    return tuple(
        f"external_data.{name} ({table.kind}): {', '.join([*table.amounts, *table.levels])}; controls, unless "
        "they are mapped otherwise."
        for name, table in config.external_data.items()
    )


def _repetition_note(source: SourceTable, config: Config) -> tuple[str, ...]:
    names = joined_columns(config)
    if not names or not has_repeated_dates(source, config):
        return ()
    return (
        f"Several rows have the same geo and date; {', '.join(names)} from further tables hold the same value in "
        "each of them, so they are never added when such rows are combined.",
    )


def _national_notes(source: SourceTable, config: Config) -> tuple[str, ...]:
    if not config.data.national_columns.columns:
        return ()
    return national_notes(source, resolve_mapping(config, list(map(str, source.frame.columns)), source.origin))


def _names_note(source: SourceTable, config: Config) -> tuple[str, ...]:
    keys = mapped_data(config, list(map(str, source.frame.columns)), source.origin).keys
    if not set(keys) <= set(source.frame.columns):
        return ()
    return names_note(look_alikes(geo_rows(source, keys).names))


def _hours_note(source: SourceTable, config: Config) -> tuple[str, ...]:
    """Midnights of one time zone that are written in another one may be on the day before."""
    column = mapped_data(config, list(map(str, source.frame.columns)), source.origin).date_col
    if column is None or column not in source.frame:
        return ()
    written = source.frame[column]
    distinct = written.drop_duplicates().dropna()
    if pd.api.types.is_datetime64_any_dtype(written):
        late = distinct.dt.hour >= _LATE_HOUR
    else:
        late = distinct.astype(str).str.contains(_LATE, regex=True)
    if not len(late) or late.mean() < _NEARLY_ALL:
        return ()
    return (
        f"The dates in column {column!r} have times late in the evening; if they are midnights of a time zone "
        "further east, each of them is a day too early here: the day that is written counts, so write local days.",
    )


def _content_hash(source: SourceTable, others: Mapping[str, SourceTable], config: Config) -> str:
    settings = _settings(config)
    if not (others or any(settings["steps"])):
        return source.content_hash
    contents = [source.content_hash, *(f"{key} {other.content_hash}" for key, other in others.items())]
    text = "\n".join([*contents, json.dumps(settings, sort_keys=True, default=str)])
    return hashlib.sha256(text.encode()).hexdigest()


def _settings(config: Config) -> dict[str, Any]:
    """What the prepared table depends on besides the contents that were read."""
    data, fatigue = config.data, config.features.creative_fatigue
    steps = [
        {key: list(values) for key, values in data.rows.where.items()},
        {key: list(values) for key, values in data.rows.exclude.items()},
        list(data.derived_columns.items()),
        list(config.features.event_cols),
        fatigue.age_cols if fatigue.enabled else {},
    ]
    return {
        "steps": steps,
        "tables": {key: table.model_dump(exclude={"path"}) for key, table in further_tables(config).items()},
        "dates": [data.date_col, data.date_format, list(data.keys), data.week_start],
        "alignment": config.enhanced_cleaning.week_alignment,
    }
