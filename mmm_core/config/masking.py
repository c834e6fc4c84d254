"""Secrets: taken from the environment by `${NAME}` in the configuration, never shown."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_SECRET = 4
"""A shorter value guards nothing and would blot out ordinary text (`4`, `dev`) wherever it occurs."""
SHORTEST_PART = 8
"""Shortest part of a secret address that is hidden by itself; a path such as `/hook` may stand anywhere."""
_SERVER = re.compile(r"https?://[\w.-]+(?::\d+)?/?")
_ADDRESS = re.compile(
    r"(?P<scheme>\w[\w+.-]*)://(?:[^/\s:@]*:(?P<password>[^/\s]+)@)?[^/\s?#@]+(?P<path>[^\s?#]*)(?P<rest>\S*)"
)
_SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL|WEBHOOK|_KEY$", re.I
)
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


def environment_secrets(environ: Mapping[str, str]) -> frozenset[str]:
    """Values of variables whose names say that they are secret, such as AWS_SECRET_ACCESS_KEY or KAGGLE_API_TOKEN.

    Libraries read them by themselves; files and folders that hold secrets are none.
    """
    return frozenset(
        value
        for name, value in environ.items()
        if _SECRET_NAME.search(name) and len(value) >= SHORTEST_PART and not value.startswith(("/", "~", "./"))
    )


def _without_values(url: re.Match[str]) -> str:
    return url["before"] + _QUERY_VALUE.sub(rf"\g<before>{MASK}", url["query"])


@lru_cache(maxsize=64)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str] | None:
    spellings = {spelling for secret in secrets for spelling in _spellings(secret) if spelling}
    if not spellings:
        return None
    return re.compile("|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)))


def _spellings(secret: str) -> set[str]:
    return {spelling for part in _parts(secret) for spelling in _written(part)}


def _parts(secret: str) -> set[str]:
    """What must not be shown of a secret: all of it; of a web address also its path, which is shown without host.

    The bare address of a server is no secret, however it came into the configuration: links to it have to work.
    """
    if _SERVER.fullmatch(secret):
        return set()
    place = _ADDRESS.fullmatch(secret)
    if place is None:
        return {secret}
    told = place["scheme"] in ("http", "https") and "/" in place["path"].strip("/")
    paths = {place["path"], place["path"] + place["rest"]} if told else set()
    return {secret, *(part for part in (place["password"] or "", *paths) if len(part) >= SHORTEST_PART)}


def _written(secret: str) -> set[str]:
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
