"""Names of geos."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.numbers import as_text

NATIONAL = "national"
"""The only geo of a panel without key columns."""
_SEPARATOR = " / "


def natural_order(name: str) -> tuple[list[str | int], str]:
    """Sort key that puts Geo2 before Geo10, whatever the case."""
    parts = re.split(r"(\d+)", name.casefold())
    return [int(part) if position % 2 else part for position, part in enumerate(parts)], name


def geo_codes(frame: pd.DataFrame, keys: Sequence[str]) -> tuple[NDArray[np.intp], list[str]]:
    """Number and name of each row's geo.

    Args:
        frame: N rows with the key columns.
        keys: columns whose values, without surrounding blanks and joined by ` / `, name the geo.

    Returns:
        (N,) index into the list of names, -1 where a key is empty; and the names, in order of appearance.
    """
    if not keys:
        return np.zeros(len(frame), dtype=np.intp), [NATIONAL]
    combined = np.zeros(len(frame), dtype=np.int64)
    parts = [_distinct_texts(frame[key]) for key in keys]
    for codes, texts in parts:
        combined = combined * len(texts) + codes
    rows, combinations = pd.factorize(combined)
    numbers: dict[str, int] = {}
    number_of = np.full(len(combinations), -1, dtype=np.intp)
    for position, combination in enumerate(combinations):
        words: list[str] = []
        for _, texts in reversed(parts):
            combination, code = divmod(combination, len(texts))
            words.insert(0, texts[code])
        if all(words):
            number_of[position] = numbers.setdefault(_SEPARATOR.join(words), len(numbers))
    return number_of[rows], list(numbers)


def _distinct_texts(values: pd.Series) -> tuple[NDArray[np.intp], list[str]]:
    """(N,) index into the distinct values as text without surrounding blanks (empty where missing)."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    merged, texts = pd.factorize(as_text(pd.Series(distinct)).str.strip().fillna(""))
    return merged[codes].astype(np.intp), [str(text) for text in texts]
