"""Text to numbers and dates, keeping what is neither."""

import pandas as pd

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


def dates_or_text(values: pd.Series) -> pd.Series:
    """A column of calendar dates if every value is one; otherwise as text, None where missing.

    Accepted: dates and timestamps, `YYYY-MM-DD` with or without a time after it, and `YYYYMMDD`.  A time of
    day and a time zone are dropped: the date is the one that is written.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        days: pd.Series = values.dt.tz_localize(None).dt.normalize().astype("datetime64[ns]")
        return days
    text = as_text(values)
    dates = parsed_dates(text)
    return dates if dates.notna().all() else text


def parsed_dates(text: pd.Series) -> pd.Series:
    """Dates of a text column, NaT where a value is not one (see `dates_or_text`)."""
    if pd.api.types.is_datetime64_any_dtype(text):
        return text
    day = text.astype("object").str.strip().str.replace(r"[T ].*$", "", regex=True)
    dates = pd.to_datetime(day, format="%Y-%m-%d", errors="coerce")
    return dates.fillna(pd.to_datetime(day, format="%Y%m%d", errors="coerce")).astype("datetime64[ns]")
