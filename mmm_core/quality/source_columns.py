"""Checks of the source: where it came from, its columns, its currencies."""

import re
from collections.abc import Iterator

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.columns import ColumnMapping
from mmm_core.data.feature_columns import formula_columns
from mmm_core.data.numbers import as_text
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.sources.table import SourceTable
from mmm_core.quality.check import CheckResult, Severity
from mmm_core.quality.violations import MAX_TABLE_ROWS

_SPEND = re.compile(r"(?:^|[^a-z])(spend|cost|costs|investment)(?:[^a-z]|$)", re.IGNORECASE)
_CODE = re.compile(r"[A-Z]{3}")


def check_connectors(source: SourceTable) -> CheckResult:
    """The data came from the first configured connector."""
    message = "The first configured connector was read."
    if source.passed_over:
        message = (
            f"{source.origin} was read in place of {len(source.passed_over)} connector(s) that could not be "
            f"reached: {'; '.join(source.passed_over)}. Check that this is the data that is meant, or set "
            "ingest.if_unreachable to stop."
        )
    table = tuple({"passed over": text} for text in source.passed_over)
    return CheckResult(
        "connectors_passed_over", not source.passed_over, "warn", message, len(source.passed_over), 0, table
    )


def check_unmapped_channels(source: SourceTable, mapping: ColumnMapping, config: Config) -> CheckResult:
    """Every column that is named like spend has a role, or is excluded by name."""
    used = {*_used_columns(mapping, config), *formula_columns(config)}
    left = [
        str(column)
        for column in source.frame.columns
        if _SPEND.search(str(column))
        and column not in used
        and pd.api.types.is_numeric_dtype(source.frame[column])
        and (source.frame[column] > 0).any()
    ]
    message = "Every column of spend has a role."
    if left:
        message = (
            f"{source.origin}: {', '.join(left[:10])}{' …' if len(left) > 10 else ''} look(s) like spend but has "
            "no role, so its effect is credited to others; map it in data.channel_map, or exclude it (`!name` in "
            "data.channel_columns)."
        )
    table = tuple(
        {"column": column, "total": float(source.frame[column].sum())} for column in left[:MAX_TABLE_ROWS]
    )
    return CheckResult("unmapped_channels", not left, "warn", message, len(left), 0, table)


def _used_columns(mapping: ColumnMapping, config: Config) -> Iterator[str]:
    """Source columns with any role, or excluded by name."""
    yield from (*mapping.keys, mapping.date, *mapping.numeric_columns.values(), SOURCE_ROW)
    yield from (column for column in (mapping.currency, mapping.national_by) if column)
    yield from (item.removeprefix("!") for item in config.data.channel_columns)
    yield from (*config.data.rows.where, *config.data.rows.exclude)


def check_currencies(source: SourceTable, mapping: ColumnMapping, config: Config) -> CheckResult:
    """All money is in the project's currency, or the configuration says how it gets there."""
    column = mapping.currency or _unmapped_currency(source.frame)
    if column is None:
        fine = f"Taken as {config.project.currency} (project.currency); no column names a currency."
        return CheckResult("currencies", True, "error", fine)
    texts = as_text(source.frame[column]).str.strip().str.upper()
    counts = {str(name): int(count) for name, count in texts.value_counts().items() if name}
    problem = _currency_problem(column, counts, mapping, config)
    policy = config.enhanced_cleaning.currency.policy
    severity: Severity = "error" if problem is None or mapping.currency is not None else "warn"
    listed = ", ".join(f"{name} in {count} rows" for name, count in list(counts.items())[:10])
    message = f"Money is in {listed or 'no named currency'}."
    if len(counts) > 1:
        message = f"Money is in {listed}; enhanced_cleaning.currency.policy is {policy}."
    if problem is not None:
        message = f"{source.origin}: column {column!r} holds {len(counts)} currencies ({listed}); {problem}."
    table = tuple({"currency": name, "rows": count} for name, count in counts.items())[:MAX_TABLE_ROWS]
    return CheckResult("currencies", problem is None, severity, message, len(counts), 1, table)


def _currency_problem(column: str, counts: dict[str, int], mapping: ColumnMapping, config: Config) -> str | None:
    """What is wrong about these currencies, and the remedy."""
    project, settings = config.project.currency, config.enhanced_cleaning.currency
    foreign = [name for name in counts if name != project.upper()]
    if not foreign:
        return None
    if mapping.currency is None:
        return (
            f"amounts are taken as {project} (project.currency) as they stand; name the column in "
            "data.currency_col and "
            "set enhanced_cleaning.currency.policy to convert or scale_per_geo, or set project.currency"
        )
    if settings.policy == "scale_per_geo":
        return None
    if settings.policy == "convert":
        known = {name.upper() for name in settings.rates}
        without = [name for name in foreign if name not in known]
        if mapping.rate is not None or not without:
            return None
        return (
            f"enhanced_cleaning.currency.rates has no rate for {', '.join(without)}; give what one unit is worth"
        )
    if len(counts) == 1:
        return (
            f"project.currency is {project}; set it to {foreign[0]}, or convert "
            "(enhanced_cleaning.currency.policy)"
        )
    return (
        "enhanced_cleaning.currency.policy is refuse; set it to convert (with rates) or scale_per_geo, or keep "
        "the rows of one currency (data.rows.where)"
    )


def _unmapped_currency(frame: pd.DataFrame) -> str | None:
    """A column named like a currency whose every value is a code of three capital letters."""
    for column in frame.columns:
        if "currency" in str(column).lower() and not pd.api.types.is_numeric_dtype(frame[column]):
            distinct = frame[column].dropna().unique()
            if len(distinct) and all(_CODE.fullmatch(str(value).strip()) for value in distinct):
                return str(column)
    return None
