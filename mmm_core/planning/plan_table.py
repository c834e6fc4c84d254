"""The file of coming weeks as a table under the configured mapping, with what it lacks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from mmm_core.config.features import AttributionConfig, BaselineConfig, CreativeFatigueConfig, FeaturesConfig
from mmm_core.config.mapping import DataConfig, RowsConfig
from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.expressions import parse
from mmm_core.data.feature_columns import event_column
from mmm_core.data.layouts import KNOWN_TEXT_COLUMNS
from mmm_core.data.mapping import mapped_data, resolve_mapping
from mmm_core.data.naming import geo_codes, name_of
from mmm_core.data.numbers import as_text
from mmm_core.data.patterns import listed, matching_columns
from mmm_core.data.preparation.columns import with_columns
from mmm_core.data.preparation.creatives import with_creative_ages
from mmm_core.data.preparation.derived import derived
from mmm_core.data.preparation.rows import chosen_rows
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError
from mmm_core.features.fatigue import discounted_channels
from mmm_core.features.model_data import ModelData

KEY = "optimization.future.path"
_EXCLUDE = "!"


@dataclass(frozen=True)
class PlanTable:
    """A plan's file as it was read."""

    source: SourceTable
    """Its rows that count; columns that it lacks and could do without are empty."""
    mapping: ColumnMapping
    """The configured mapping, as far as the file has the columns."""
    config: Config
    """The configuration that gives this mapping."""


def read_plan(path: str, config: Config, fitted: ModelData) -> PlanTable:
    """Read the file of a plan.

    Columns are called as in the source.  Spend of every paid channel must be there.  The KPI, media units (or
    reach and frequency), organic media, controls, treatments, events, population and revenue per KPI may be
    missing.  `data.rows`, `data.derived_columns` and `data.national_columns` apply as far as their columns are
    there; columns of further tables count if the file has them under the same name.

    Args:
        path: CSV, Parquet or Excel file.
        config: the whole configuration.
        fitted: the data of the fit.

    Raises:
        DataError: the file is missing or no table, a needed column is missing, or a paid channel is one that the
            fit does not know.
        ConfigError: money of the fit is not in one currency.
    """
    table = _read(path, config)
    table = _counted_rows(table, config)
    table = _with_derived(table, config)
    table = _with_events(table, config, fitted)
    table = _with_empty_columns(table, config, fitted)
    table = replace(table, notes=(*table.notes, *_unused_series(table, config, fitted)))
    own = _as_far_as_there(config, table, fitted)
    table = with_creative_ages(table, own)
    mapping = resolve_mapping(own, _columns(table), table.origin)
    _check_channels(mapping, fitted, table.origin)
    _check_currency(table, mapping, config)
    return PlanTable(table, mapping, own)


def plan_version(path: str, config: Config) -> str:
    """Hash of the content of a plan's file, whatever is in it.

    Raises:
        DataError: the file is missing or no table.
    """
    return _read(path, config).content_hash


def _columns(table: SourceTable) -> list[str]:
    return [str(column) for column in table.frame.columns]


def _read(path: str, config: Config) -> SourceTable:
    from mmm_core.data.sources.file import read_file
    from mmm_core.data.sources.layout import Layout
    from mmm_core.data.sources.transfer import transfer
    from mmm_core.progress import silent

    data = config.data
    names = {*data.keys, *([data.date_col] if data.date_col else []), *data.rows.where, *data.rows.exclude}
    layout = Layout(config.ingest.format, "ingest.format", KNOWN_TEXT_COLUMNS | names)
    with transfer(config.ingest, None, silent) as how:
        return read_file(path, layout, how, KEY)


def _counted_rows(table: SourceTable, config: Config) -> SourceTable:
    rows, there = config.data.rows, set(_columns(table))
    known = RowsConfig(
        where={column: values for column, values in rows.where.items() if column in there},
        exclude={column: values for column, values in rows.exclude.items() if column in there},
    )
    return chosen_rows(table, known, None)


def _with_derived(table: SourceTable, config: Config) -> SourceTable:
    """Derived columns that the file allows to compute and does not give itself."""
    there, formulas = set(_columns(table)), {}
    for name, text in config.data.derived_columns.items():
        parts = parse(text, f"data.derived_columns.{name}", ordered=False).columns
        if name not in there and there.issuperset(parts):
            formulas[name] = text
            there.add(name)
    if not formulas:
        return table
    kpi = _kpi_column(config, table)
    padded = table if kpi in table.frame else with_columns(table, {kpi: np.full(len(table.frame), np.nan)})
    own = config.data.model_copy(update={"derived_columns": formulas})
    return derived(padded, _without_tables(config).model_copy(update={"data": own}))


def _with_events(table: SourceTable, config: Config, fitted: ModelData) -> SourceTable:
    """A column for each event of the fit that a column with names of events knows."""
    there, new = set(_columns(table)), {}
    for name in fitted.controls:
        column, _, event = name.partition(": ")
        if event and name not in there and column in there and event_column(column, event) == name:
            texts = as_text(table.frame[column]).fillna("").map(name_of)
            new[name] = (texts == event).to_numpy(dtype=np.float64)
    return with_columns(table, new) if new else table


def _with_empty_columns(table: SourceTable, config: Config, fitted: ModelData) -> SourceTable:
    """Empty columns for what the mapping names and a plan need not have; population as in the fit."""
    empty = np.full(len(table.frame), np.nan)
    kpi = _kpi_column(config, table)
    table = table if kpi in table.frame else with_columns(table, {kpi: empty})
    data = mapped_data(config, _columns(table), table.origin)
    wanted: list[str | None] = list(data.organic_media.values())
    for source in data.channel_map.values():
        if not isinstance(source, str):
            wanted += [source.media, source.reach, source.frequency]
    there = set(_columns(table))
    new = {name: empty for name in wanted if name is not None and name not in there}
    national = data.national_columns
    if national.columns and national.by == "population" and data.population_col not in there:
        new |= _fitted_population(table, data, fitted)
    return with_columns(table, new) if new else table


def _fitted_population(table: SourceTable, data: DataConfig, fitted: ModelData) -> dict[str, np.ndarray]:
    """The population column, from the fit; 0 for geos that it does not know."""
    if data.population_col is None or not set(data.keys) <= set(_columns(table)):
        return {}
    codes, names = geo_codes(table.frame, data.keys)
    population = dict(zip(fitted.geos, fitted.population.tolist(), strict=True))
    return {data.population_col: np.array([population.get(name, 0.0) for name in names] + [0.0])[codes]}


def _kpi_column(config: Config, table: SourceTable) -> str:
    """The KPI's column; where no channel is mapped, that of the known layout."""
    named = config.data.kpi_col or config.data.revenue_col
    return named or ("sales" if "entity_id" in table.frame else "conversions")


def _as_far_as_there(config: Config, table: SourceTable, fitted: ModelData) -> Config:
    """The configuration without what the file lacks and a plan need not have."""
    columns = _columns(table)
    data, there = mapped_data(config, columns, table.origin), set(columns)
    outside = [c for item in config.external_data.values() for c in (*item.amounts, *item.levels)]
    events = [name for name in fitted.controls if ": " in name and name in there]
    events += _known(config.features.event_cols, columns, "features.event_cols", table.origin)
    treatments = _known(data.non_media_treatments, columns, "data.non_media_treatments", table.origin)
    controls = _known(data.controls, columns, "data.controls", table.origin)
    external = [c for c in outside if c in there and c in fitted.controls and c not in treatments]
    spread = _known(data.national_columns.columns, columns, "data.national_columns.columns", table.origin)
    linear = [name for name in dict.fromkeys([*treatments, *events]) if name in fitted.controls]
    own = data.model_copy(
        update={
            "controls": tuple(c for c in dict.fromkeys([*controls, *external]) if c in fitted.controls),
            "non_media_treatments": tuple(linear),
            "controls_per_capita": (),
            "derived_columns": {},
            "population_col": data.population_col if data.population_col in there else None,
            "revenue_per_kpi_col": data.revenue_per_kpi_col if data.revenue_per_kpi_col in there else None,
            "currency_col": data.currency_col if data.currency_col in there else None,
            "national_columns": data.national_columns.model_copy(update={"columns": spread}),
        }
    )
    return _without_tables(config).model_copy(update={"data": own, "features": _features(config, there)})


def _without_tables(config: Config) -> Config:
    """The configuration of a file that stands alone."""
    cleaning = config.enhanced_cleaning
    currency = cleaning.currency.model_copy(update={"rate_col": None})
    return config.model_copy(
        update={
            "ingest": config.ingest.model_copy(update={"tables": {}}),
            "external_data": {},
            "enhanced_cleaning": cleaning.model_copy(update={"currency": currency}),
        }
    )


def _features(config: Config, there: set[str]) -> FeaturesConfig:
    """Custom terms and ages of creatives that the file allows to compute."""
    features = config.features
    terms = {
        name: text
        for name, text in features.custom_terms.items()
        if there.issuperset(parse(text, f"features.custom_terms.{name}").columns)
    }
    ages = features.creative_fatigue.age_cols if discounted_channels(features.creative_fatigue) else {}
    fatigue = features.creative_fatigue.model_copy(update={"age_cols": ages}) if ages else CreativeFatigueConfig()
    return features.model_copy(
        update={
            "custom_terms": terms,
            "creative_fatigue": fatigue,
            "event_cols": (),
            "baseline": BaselineConfig(trend=features.baseline.trend),
            "attribution": AttributionConfig(),
        }
    )


def _unused_series(table: SourceTable, config: Config, fitted: ModelData) -> tuple[str, ...]:
    """A sentence about prices and the like, which the model knows only relative to the past."""
    baseline = config.features.baseline
    items = (*baseline.price_cols, *baseline.distribution_cols, *baseline.macro_cols)
    found = _known(items, _columns(table), "features.baseline", table.origin)
    unused = [name for name in found if name in fitted.controls]
    if not unused:
        return ()
    return (
        f"{listed(unused)}: series of features.baseline enter relative to the mean over all weeks of the source, "
        "which a plan does not have, so its values are not used.",
    )


def _known(items: Sequence[str], columns: Sequence[str], key: str, origin: str) -> tuple[str, ...]:
    """Columns of the file that a list of names and patterns means; what is not there is passed over."""
    there = [
        item
        for item in items
        if item in columns
        or item.removeprefix(_EXCLUDE) in columns
        or any(fnmatchcase(column, item.removeprefix(_EXCLUDE)) for column in columns)
    ]
    return tuple(c for c in matching_columns(there, columns, key, origin) if c in columns)


def _check_channels(mapping: ColumnMapping, fitted: ModelData, origin: str) -> None:
    """The paid channels are those of the fit."""
    unknown = [name for name in mapping.channels if name not in fitted.paid_channels]
    missing = [name for name in fitted.paid_channels if name not in mapping.channels]
    if unknown:
        raise DataError(
            f"{origin}: the fit does not know channel {listed(unknown)} ({KEY}); it has "
            f"{listed(fitted.paid_channels)}. Remove the column, or fit again with data of that channel."
        )
    if missing:
        raise DataError(
            f"{origin} has no spend column of channel {listed(missing)}, which the fit has ({KEY}); add it, with "
            "0 where nothing is planned."
        )


def _check_currency(table: SourceTable, mapping: ColumnMapping, config: Config) -> None:
    """Planned money is in the project's currency."""
    if config.enhanced_cleaning.currency.policy == "scale_per_geo":
        raise ConfigError(
            f"{KEY}: with enhanced_cleaning.currency.policy scale_per_geo there is no common money to plan with; "
            "convert the source to one currency and fit again, or leave the path out."
        )
    if mapping.currency is None:
        return
    codes = as_text(table.frame[mapping.currency]).fillna("").str.strip().str.upper()
    foreign = sorted(set(codes) - {config.project.currency.upper(), ""})
    if foreign:
        raise DataError(
            f"{table.origin}: column {mapping.currency!r} names {listed(foreign)}, but a plan's money must be in "
            f"{config.project.currency} (project.currency); convert it."
        )
