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
CONTROL = "control__"
SEASON = "season__"


def with_prefix(columns: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Columns that start with `prefix`, in their order."""
    return tuple(column for column in columns if column.startswith(prefix))


def summed_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Columns that are amounts per period, so that a week's value is the sum of its days: KPI, spend, media."""
    return tuple(column for column in columns if column == KPI or column.startswith((SPEND, MEDIA)))


def level_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Columns that are levels, so that a week's value is a mean: revenue per KPI, population, controls."""
    return tuple(
        column for column in columns if column in (REVENUE_PER_KPI, POPULATION) or column.startswith(CONTROL)
    )
