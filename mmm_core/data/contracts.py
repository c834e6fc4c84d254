"""What each stage's panel must look like, as pandera schemas (built when asked for: pandera is slow to import)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmm_core.data.mapping import ColumnMapping
from mmm_core.data.numbers import MISSING_WORDS, parsed_dates
from mmm_core.data.panel import (
    BASELINE,
    CALENDAR,
    CONTROL,
    CURRENCY_RATE,
    DATE,
    EVENT,
    EXTRA,
    GEO,
    HOLIDAY,
    KPI,
    POPULATION,
    SEASON,
    TERM,
    TREATMENT,
    with_prefix,
)

if TYPE_CHECKING:
    import pandera.pandas as pa

LARGEST_RAW = 1e50
"""Largest number that may stand in a source: beyond it, sums of squares would overflow sooner or later."""
LARGEST = 1e100
"""Largest number that may come of it."""
SMALLEST_DIVISOR = 1e-50
"""Smallest number by which others may be divided."""
DAYS_OF_WEEK = 7.0


def raw_panel_schema(mapping: ColumnMapping, masked: bool = False) -> pa.DataFrameSchema:
    """Source values of one geo: dates are dates, the KPI is there, numbers are numbers in their range.

    Other missing numbers are allowed (cleaning fills and logs them), and so are repeated dates (another
    check names them).

    Args:
        mapping: which columns there are.
        masked: whether the KPI may be missing too.
    """
    import pandera.pandas as pa

    columns = {
        GEO: pa.Column(None, [_rule("must not be empty", _named)], nullable=True),
        DATE: pa.Column(
            None,
            [
                _rule("must not be empty", _present),
                _rule("must be a date (YYYY-MM-DD)", lambda values: _is_date(values) | ~_present(values)),
            ],
            nullable=True,
        ),
    }
    for name in mapping.numeric_columns:
        columns[name] = pa.Column(None, _raw_rules(name, masked), nullable=True)
    return pa.DataFrameSchema(columns)


def clean_panel_schema(mapping: ColumnMapping, masked: bool = False) -> pa.DataFrameSchema:
    """Weekly values of one geo: complete (but for a masked KPI), finite, in range, no date twice."""
    return weekly_schema(tuple(mapping.clean_columns), masked)


def features_schema(
    mapping: ColumnMapping, calendar_terms: Sequence[str], masked: bool = False
) -> pa.DataFrameSchema:
    """The clean panel plus seasonality terms between -1 and 1 and holiday counts between 0 and 7."""
    return weekly_schema((*mapping.clean_columns, *calendar_terms), masked)


def weekly_schema(numeric_columns: Sequence[str], masked: bool = False) -> pa.DataFrameSchema:
    """One geo, one row per week, the given columns complete and in the range that their name implies.

    Args:
        numeric_columns: panel columns but geo and date.
        masked: whether the KPI may be missing (NaN, not infinite) in some weeks.
    """
    import pandera.pandas as pa

    columns = {
        GEO: pa.Column(None, [_rule("must not be empty", _named)], nullable=True),
        DATE: pa.Column("datetime64[ns]", [_rule("must not repeat", lambda dates: ~dates.duplicated(keep=False))]),
    }
    for name in numeric_columns:
        may_be_missing = masked and name == KPI
        finite = _rule("must be finite", _finite_or_missing if may_be_missing else np.isfinite)
        columns[name] = pa.Column("float64", [finite, _not_absurd(LARGEST), *_range_rules(name)], nullable=True)
    return pa.DataFrameSchema(columns)


def calendar_terms(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns that features add to the clean panel, in order: calendar, holidays, events, terms, baseline."""
    return with_prefix(columns, HOLIDAY, SEASON, CALENDAR, EVENT, TERM, BASELINE)


def _rule(text: str, test: Callable[[pd.Series], pd.Series]) -> pa.Check:
    import pandera.pandas as pa

    return pa.Check(test, name=text, error=text, ignore_na=False)


def _raw_rules(name: str, masked: bool) -> list[pa.Check]:
    rules = [
        _rule("must be a number", _is_number),
        _rule("must be finite", lambda values: ~np.isinf(_numbers(values))),
        _not_absurd(LARGEST_RAW),
    ]
    if name == KPI and not masked:
        rules.append(_rule("must not be empty", _present))
    return rules + _range_rules(name)


def value_range(column: str) -> tuple[float, float]:
    """Smallest and largest number that a panel column may hold, infinite without a limit of its own.

    Above 0 means `SMALLEST_DIVISOR` or more; besides, no number may be larger than `LARGEST_RAW` or `LARGEST`.
    """
    if column in (POPULATION, CURRENCY_RATE):
        return SMALLEST_DIVISOR, np.inf
    if column.startswith(CALENDAR):
        return 0.0, 1.0
    if column.startswith(SEASON):
        return -1.0, 1.0
    if column.startswith(HOLIDAY):
        return 0.0, DAYS_OF_WEEK
    free = column.startswith((CONTROL, TREATMENT, EXTRA, TERM, BASELINE))
    return (-np.inf if free else 0.0), np.inf


def _range_rules(name: str) -> list[pa.Check]:
    lowest, highest = value_range(name)
    if highest < np.inf:
        text = f"must be between {lowest:g} and {highest:g}"
        return [_rule(text, lambda values: ~((_numbers(values) < lowest) | (_numbers(values) > highest)))]
    if lowest > 0:
        return [
            _rule("must be above 0", lambda values: ~(_numbers(values) <= 0)),
            _rule(
                f"must not be smaller than {SMALLEST_DIVISOR:g}",
                lambda values: ~((_numbers(values) > 0) & (_numbers(values) < SMALLEST_DIVISOR)),
            ),
        ]
    return [_rule("must not be negative", lambda values: ~(_numbers(values) < 0))] if lowest == 0 else []


def _not_absurd(largest: float) -> pa.Check:
    def test(values: pd.Series) -> pd.Series:
        sizes = _numbers(values).abs()
        fine: pd.Series = ~(sizes > largest) | np.isinf(sizes)
        return fine

    return _rule(f"must not be larger than {largest:g}", test)


def _finite_or_missing(values: pd.Series) -> pd.Series:
    return values.isna() | pd.Series(np.isfinite(values), index=values.index)


def _numbers(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce")


def _named(values: pd.Series) -> pd.Series:
    return values.notna() & (values.astype(str).str.strip() != "")


def _present(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return values.notna()
    return values.notna() & ~values.astype(str).str.strip().str.lower().isin(MISSING_WORDS)


def _is_number(values: pd.Series) -> pd.Series:
    return _numbers(values).notna() | ~_present(values)


def _is_date(values: pd.Series) -> pd.Series:
    return parsed_dates(values).notna()
