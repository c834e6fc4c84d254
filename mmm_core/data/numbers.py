"""Text to numbers and dates, keeping what is neither."""

import numpy as np
import pandas as pd

from mmm_core.data.dates import WrittenDates, read_dates, within_years

MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none"})
"""What counts as a missing number, whatever the case.  Never applied to names of geos."""


def numbers_or_text(values: pd.Series) -> pd.Series:
    """A column as numbers if every value that is not missing is one; otherwise as text.

    Args:
        values: any column.  True and False count as 1 and 0.

    Returns:
        A numeric column, or the original text (None where missing) if anything in it is no number.
    """
    if pd.api.types.is_bool_dtype(values):
        return values.astype("int64")
    if pd.api.types.is_numeric_dtype(values):
        return values
    text = as_text(values)
    words = text.str.strip()
    missing = text.isna() | words.str.lower().isin(MISSING_WORDS)
    numbers = pd.to_numeric(words.mask(missing), errors="coerce")
    if not numbers.notna().equals(~missing):
        return text
    if pd.api.types.is_float_dtype(numbers):  # pandas' parser is off in the last digits, Python's is exact
        numbers[~missing] = words[~missing].to_numpy(dtype=object).astype("float64")
    return numbers


def as_text(values: pd.Series) -> pd.Series:
    """A column of plain strings, None where missing; whole numbers are written without a decimal point."""
    if pd.api.types.is_float_dtype(values):
        present = values[values.notna()]
        if (present == present.round()).all() and (present.abs() < 2**53).all():
            values = values.astype("Int64")
    text = pd.Series(values.astype("object").map(str, na_action="ignore")).astype("object")
    text.loc[text.isna()] = None
    return text


def dates_or_text(values: pd.Series, date_format: str | None = None) -> pd.Series:
    """A column of calendar dates if every value is one; otherwise as text, None where missing.

    Accepted: dates and timestamps, and what `dates.read_dates` recognises.  A time of day and a time zone are
    dropped: the date is the one that is written.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return parsed_dates(values)
    text = as_text(values)
    dates = parsed_dates(text, date_format)
    return dates if dates.notna().all() else text


def parsed_dates(values: pd.Series, date_format: str | None = None) -> pd.Series:
    """Dates of a column, NaT where a value is not one, or could be two (see `dates.read_dates`)."""
    return pd.Series(written_dates(values, date_format).days, index=values.index, name=values.name)


def written_dates(values: pd.Series, date_format: str | None = None) -> WrittenDates:
    """What was made of the dates of a column."""
    if pd.api.types.is_datetime64_any_dtype(values):
        local = values if isinstance(values.dtype, np.dtype) else values.dt.tz_localize(None)
        days = within_years(local.to_numpy().astype("datetime64[D]")).astype("datetime64[ns]")
        return WrittenDates(days, np.zeros(len(days), dtype=bool))
    codes, distinct = pd.factorize(values)
    texts = as_text(pd.Series(distinct)).fillna("").str.strip()
    read = read_dates(texts.tolist(), date_format)
    return WrittenDates(np.append(read.days, np.datetime64("NaT"))[codes], np.append(read.undecided, False)[codes])
