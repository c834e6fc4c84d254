"""Columns that are computed from others of the same row."""

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.dates import Days
from mmm_core.data.expressions import Expression, parse
from mmm_core.data.feature_columns import repeated_columns
from mmm_core.data.geo_rows import geo_rows, source_dates
from mmm_core.data.mapping import mapped_data
from mmm_core.data.preparation.columns import numbers_of, require_new, with_columns
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError


def derived(source: SourceTable, config: Config) -> SourceTable:
    """The source with the columns of `data.derived_columns`, in their order; each may use those before it.

    Raises:
        ConfigError: a formula is wrong, its name is taken, or it adds what cannot be added.
        DataError: a column that it uses holds no numbers.
    """
    outcomes = frozenset(
        {config.data.kpi_col, config.data.revenue_col, *config.features.attribution.conversions.values()}
    )
    for name, text in config.data.derived_columns.items():
        key = f"data.derived_columns.{name}"
        formula = parse(text, key, ordered=False)
        require_new(source, name, key)
        formula.require([str(column) for column in source.frame.columns])
        _refuse_mixture(source, config, name, formula)
        inputs = {column: numbers_of(source, column, key) for column in formula.columns}
        values = formula.evaluate(inputs, _dates(source, config) if formula.uses_dates else None)
        notes = _notes(name, formula, values, inputs)
        outcomes = outcomes.union({name} if outcomes.intersection(formula.columns) else ())
        if name in outcomes - {config.data.kpi_col, config.data.revenue_col}:
            notes += (f"{name} is made of the KPI: as a control or a term it may explain the KPI by itself.",)
        source = with_columns(source, {name: values}, notes)
    return source


def _notes(name: str, formula: Expression, values: np.ndarray, inputs: dict[str, np.ndarray]) -> tuple[str, ...]:
    note = f"{name} was computed as {formula.text}."
    complete = (
        ~np.isnan(np.column_stack(list(inputs.values()))).any(axis=1) if inputs else np.ones(len(values), bool)
    )
    without = int((complete & ~np.isfinite(values)).sum())
    if without:
        note += f" In {without:,} of {len(values):,} rows it has no finite result (division by 0, log of 0, …)."
    return (note,)


def _dates(source: SourceTable, config: Config) -> Days:
    data = mapped_data(config, [str(column) for column in source.frame.columns], source.origin)
    if data.date_col is None:
        raise ConfigError(f"data.date_col is not set; name the date column of {source.origin}.")
    return source_dates(source, data.date_col, data.date_format)


def _refuse_mixture(source: SourceTable, config: Config, name: str, formula: Expression) -> None:
    """Where rows of one geo and date are to be combined, what repeats in each of them must stay apart."""
    repeated = repeated_columns(config, map(str, source.frame.columns))
    used = [column for column in formula.columns if column in repeated]
    if not used or len(used) == len(formula.columns) or not has_repeated_dates(source, config):
        return
    raise ConfigError(
        f"data.derived_columns.{name} mixes columns of {source.origin} with {', '.join(used)} (of further "
        "tables, or of all geos together), but several rows have the same geo and date: each of them repeats "
        "those values, so they could not be combined. Combine the rows before, or use the columns one by one."
    )


def has_repeated_dates(source: SourceTable, config: Config) -> bool:
    """Whether a geo has several rows of one date."""
    data = mapped_data(config, [str(column) for column in source.frame.columns], source.origin)
    if (
        data.date_col is None
        or data.date_col not in source.frame
        or not set(data.keys) <= set(source.frame.columns)
    ):
        return False
    cells = pd.DataFrame(
        {
            "geo": geo_rows(source, data.keys).codes,
            "date": source_dates(source, data.date_col, data.date_format),
        }
    )
    return bool(cells.duplicated().any())
