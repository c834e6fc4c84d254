"""Column names of the panel that every stage hands to the next: one frame per geo, one row per date."""

from collections.abc import Iterable

GEO = "geo"
DATE = "date"
KPI = "kpi"
REVENUE_PER_KPI = "revenue_per_kpi"
POPULATION = "population"
SOURCE_ROW = "source_row"
"""1-based line of the source file (the header is line 1); for a Parquet file, the row's number plus 1."""
SPEND = "spend__"
MEDIA = "media__"
"""Media units; those of organic media have no spend beside them."""
REACH = "reach__"
"""People reached, instead of media units; the frequency is beside them."""
FREQUENCY = "frequency__"
"""Average number of contacts of the people reached."""
CONTROL = "control__"
TREATMENT = "treatment__"
EXTRA = "extra__"
"""Source columns that only features are computed from (expressions, prices, macro series); never modelled."""
AGE = "age__"
"""Age in days of a channel's creative."""
ATTRIBUTED = "attributed__"
"""Conversions that a platform attributes to its channel; outcomes, never modelled."""
CURRENCY = "currency"
"""Currency of the row, as text; in raw panels only."""
CURRENCY_RATE = "currency_rate"
"""What one unit of it is worth in the project's currency; in raw panels only."""
NATIONAL_SHARE = "national_share"
"""The geo's share of amounts that are known for all geos together; in raw panels only."""
EVENT = "event__"
"""Share of the week's days with the event; from the calendar or from the source."""
TERM = "term__"
"""Custom terms."""
BASELINE = "baseline__"
"""Trend, prices, distribution, macro series."""
HOLIDAY = "holiday__"
SEASON = "season__"
CALENDAR = "calendar__"
_ACTIVITY = (SPEND, MEDIA, REACH, ATTRIBUTED)
_LEVELS = (CONTROL, TREATMENT, EXTRA, AGE)


def with_prefix(columns: Iterable[str], *prefixes: str) -> tuple[str, ...]:
    """Columns that start with one of the prefixes, in their order."""
    return tuple(column for column in columns if column.startswith(prefixes))


def summed_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Amounts per period, so that a week's value is the sum of its days: KPI, spend, media, reach."""
    return tuple(column for column in columns if column == KPI or column.startswith(_ACTIVITY))


def activity_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Columns that are 0 where nothing is recorded: spend, media, reach and frequency."""
    return with_prefix(columns, *_ACTIVITY, FREQUENCY)


def level_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Levels, so that a week's value is a mean: revenue per KPI, population, controls, treatments."""
    return tuple(
        column for column in columns if column in (REVENUE_PER_KPI, POPULATION) or column.startswith(_LEVELS)
    )
