"""Secrets: taken from the environment by `${NAME}` in the configuration, never shown."""

import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_SECRET = 4
"""A shorter value guards nothing and would blot out ordinary text (`4`, `dev`) wherever it occurs."""
_PASSWORD_IN_URL = re.compile(r"(?P<before>://[^/\s:@]*:)[^/\s]+(?=@)")
_QUERY_OF_URL = re.compile(r"(?P<before>://[^\s?#]*\?)(?P<query>[^\s#'\"<>]+)")
_QUERY_VALUE = re.compile(r"(?P<before>(?:^|&)(?:[^&=]*=)?)[^&=][^&]*")


def mask(text: str, secrets: Iterable[str], shortest: int = SHORTEST_SECRET) -> str:
    """`text` with every secret, and every password and value of the query in a URL, replaced by `***`.

    A secret is also recognised as Python, JSON, HTML and URLs write it.
    """
    pattern = _pattern(frozenset(secret for secret in secrets if len(secret) >= shortest))
    if pattern is not None:
        text = pattern.sub(MASK, text)
    text = _QUERY_OF_URL.sub(_without_values, text)
    return _PASSWORD_IN_URL.sub(rf"\g<before>{MASK}", text)


def _without_values(url: re.Match[str]) -> str:
    return url["before"] + _QUERY_VALUE.sub(rf"\g<before>{MASK}", url["query"])


@lru_cache(maxsize=64)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    spellings = {spelling for secret in secrets for spelling in _spellings(secret) if spelling}
    if not spellings:
        return None
    return re.compile("|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)))


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
    }
