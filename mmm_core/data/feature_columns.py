"""Source columns that features, further tables and the preparation of the source bring into the mapping."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from mmm_core.config.schema import Config
from mmm_core.data.expressions import parse
from mmm_core.data.patterns import matching_columns
from mmm_core.errors import ConfigError

_AGE = ": age in days"


def event_column(column: str, name: str) -> str:
    """Column of one event out of a column with names of events."""
    return f"{column}: {name}"


def age_column(column: str) -> str:
    """Column with the age of a creative that another column identifies."""
    return f"{column}{_AGE}"


def joined_columns(config: Config) -> tuple[str, ...]:
    """Columns that further tables bring, in the order of the configuration."""
    tables = [*config.ingest.tables.values(), *config.external_data.values()]
    return tuple(column for table in tables for column in (*table.amounts, *table.levels))


def words_in(config: Config) -> frozenset[str]:
    """Columns of further tables that may hold words: names of events and identifiers of creatives."""
    features = config.features
    ages = set(features.creative_fatigue.age_cols.values())
    return frozenset(
        column
        for column in joined_columns(config)
        if column in ages or any(column == item or fnmatchcase(column, item) for item in features.event_cols)
    )


def repeated_columns(config: Config, columns: Iterable[str]) -> frozenset[str]:
    """Columns of further tables, amounts of all geos together, and what is derived from nothing else.

    Args:
        config: its `ingest.tables`, `external_data`, `data.national_columns` and `data.derived_columns`.
        columns: the source's columns.
    """
    items = config.data.national_columns.columns
    named = {column for column in columns if any(column == item or fnmatchcase(column, item) for item in items)}
    repeated = {
        *joined_columns(config),
        *(named - {item.removeprefix("!") for item in items if item not in named}),
    }
    for name, text in config.data.derived_columns.items():
        parts = parse(text, f"data.derived_columns.{name}", ordered=False).columns
        if parts and repeated.issuperset(parts):
            repeated.add(name)
    return frozenset(repeated)


def source_columns(config: Config, columns: Sequence[str]) -> list[str]:
    """Columns without those that the preparation made of names of events and creatives."""
    cut = [column for column in columns if not column.endswith(_AGE) or column.removesuffix(_AGE) not in columns]
    if not config.features.event_cols:
        return cut
    return [column for column in cut if ": " not in column or column.partition(": ")[0] not in columns]


def event_columns(config: Config, columns: Sequence[str], origin: str) -> tuple[str, ...]:
    """Columns of `features.event_cols`; one with names is replaced by those of its events."""
    own = source_columns(config, columns)
    made = [column for column in columns if column not in own]
    events: list[str] = []
    for column in matching_columns(config.features.event_cols, own, "features.event_cols", origin):
        named = [name for name in made if name.startswith(event_column(column, "")) and name != age_column(column)]
        events += named or [column]
    return tuple(events)


def creative_ages(config: Config, columns: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """(channel, column with the age in days of its creative)."""
    fatigue = config.features.creative_fatigue
    if not fatigue.enabled:
        return ()
    return tuple(
        (channel, age_column(column) if age_column(column) in columns else column)
        for channel, column in fatigue.age_cols.items()
    )


def attributed_columns(config: Config) -> tuple[tuple[str, str], ...]:
    """(channel, column with its attributed conversions)."""
    attribution = config.features.attribution
    return tuple(attribution.conversions.items()) if attribution.enabled else ()


def made_of(config: Config, outcomes: Iterable[str]) -> tuple[str, ...]:
    """These columns, and those of `data.derived_columns` that are made of one of them, directly or not."""
    found = dict.fromkeys(outcomes)
    for name, text in config.data.derived_columns.items():
        if set(parse(text, f"data.derived_columns.{name}", ordered=False).columns) & found.keys():
            found[name] = None
    return tuple(found)


def extra_columns(config: Config, columns: Sequence[str], outcomes: Sequence[str], origin: str) -> tuple[str, ...]:
    """Columns that baseline controls and custom terms are computed from.

    Args:
        config: its `features.baseline` and `features.custom_terms`.
        columns: the source's columns.
        outcomes: columns that depend on media (KPI, attributed conversions), which explain nothing.
        origin: the source, for messages.

    Raises:
        ConfigError: a term is computed from an outcome, or names a column that does not exist.
    """
    baseline = config.features.baseline
    found: dict[str, str] = {}
    for key, items in (
        ("price_cols", baseline.price_cols),
        ("distribution_cols", baseline.distribution_cols),
        ("macro_cols", baseline.macro_cols),
    ):
        place = f"features.baseline.{key}"
        found |= dict.fromkeys(matching_columns(items, columns, place, origin), place)
    for name, text in config.features.custom_terms.items():
        term = parse(text, f"features.custom_terms.{name}")
        term.require(columns)
        found |= dict.fromkeys(term.columns, term.key)
    for column in outcomes:
        if column in found:
            raise ConfigError(
                f"{found[column]} uses {column!r}, which is an outcome of media (KPI or attributed conversions); "
                "the model would explain the KPI by itself. Use another column."
            )
    return tuple(found)


def external_controls(config: Config, taken: Sequence[str]) -> tuple[str, ...]:
    """Columns of `external_data` that have no other role and that no formula uses."""
    columns = (column for table in config.external_data.values() for column in (*table.amounts, *table.levels))
    used = {*taken, *words_in(config), *formula_columns(config), str(config.data.currency_col)}
    used |= {config.data.national_columns.by} if config.data.national_columns.columns else set()
    return tuple(column for column in columns if column not in used)


def formula_columns(config: Config) -> frozenset[str]:
    """Columns that `data.derived_columns` are computed from."""
    formulas = config.data.derived_columns.items()
    parsed = (parse(text, f"data.derived_columns.{name}", ordered=False) for name, text in formulas)
    return frozenset(column for formula in parsed for column in formula.columns)
