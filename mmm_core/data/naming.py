"""Names of geos."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.data.numbers import as_text
from mmm_core.errors import DataError

NATIONAL = "national"
"""The only geo of a panel without key columns."""
_SEPARATOR = " / "


def natural_order(name: str) -> tuple[list[str | tuple[int, str]], str]:
    """Sort key that puts Geo2 before Geo10, whatever the case."""
    parts = re.split(r"(\d+)", name.casefold())
    return [_number(part) if position % 2 else part for position, part in enumerate(parts)], name


def _number(digits: str) -> tuple[int, str]:
    """Sorts like the number, however many digits it has."""
    written = digits.lstrip("0")
    return len(written), written


def geo_codes(frame: pd.DataFrame, keys: Sequence[str]) -> tuple[NDArray[np.intp], list[str]]:
    """Number and name of each row's geo.

    Args:
        frame: N rows with the key columns.
        keys: columns whose values, joined by ` / `, name the geo (`name_of`).

    Returns:
        (N,) index into the list of names, -1 where a key is empty; and the names, in order of appearance.

    Raises:
        DataError: two geos would have the same name.
    """
    if not keys:
        return np.zeros(len(frame), dtype=np.intp), [NATIONAL]
    combined = np.zeros(len(frame), dtype=np.int64)
    parts = [distinct_names(frame[key]) for key in keys]
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
            name = _SEPARATOR.join(words)
            if name in numbers:
                raise DataError(
                    f"data.keys: two different values of {', '.join(keys)} both give the geo {name[:200]!r}; "
                    f"rename one of them, without {_SEPARATOR!r} inside."
                )
            number_of[position] = numbers[name] = len(numbers)
    return number_of[rows], list(numbers)


def name_of(text: str) -> str:
    """A name as it is used: Unicode in composed form (NFC), without surrounding blanks."""
    return unicodedata.normalize("NFC", text).strip()


def look_alikes(names: Sequence[str]) -> list[list[str]]:
    """Groups of names that differ only in case, in blanks, or in the form of their characters."""
    groups: dict[str, list[str]] = {}
    for name in names:
        plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        groups.setdefault(plain, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def distinct_names(values: pd.Series) -> tuple[NDArray[np.intp], list[str]]:
    """(N,) index into the distinct names of a column, and the names (empty where missing)."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    names = as_text(pd.Series(distinct)).fillna("").map(name_of)
    merged, texts = pd.factorize(names)
    return merged[codes].astype(np.intp), [str(text) for text in texts]
