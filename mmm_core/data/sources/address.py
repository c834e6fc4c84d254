"""Paths and URLs: how they may be shown, and what kind they are."""

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from mmm_core.logs import masked

_WEB = ("http://", "https://")
_PATTERN_SIGNS = frozenset("*?[")


def display_name(path: str) -> str:
    """The path as it may be shown: a URL loses user, password and query, which may hold secrets.

    Of a chain of URLs (`zip://a.csv::https://...`) every part is shown like that.  What came from the environment
    is masked, since a token may be in the path as well.
    """
    return "::".join(masked(_shown(part)) for part in path.split("::")) if "://" in path else path


def _shown(part: str) -> str:
    if "://" not in part:
        return part
    try:
        parts = urlsplit(part)
    except ValueError:
        return part.partition("://")[0] + "://…"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def is_web(path: str) -> bool:
    """Whether it is one file on a web server."""
    return path.startswith(_WEB) and "::" not in path


def is_pattern(path: str) -> bool:
    """Whether it stands for several files (`data/*.csv`); a URL of a web server never does."""
    return not is_web(path) and not _PATTERN_SIGNS.isdisjoint(path)


def file_name(path: str) -> str:
    """Last part of a path or URL, without query."""
    place = urlsplit(path).path if is_web(path) else path.partition("::")[0]
    return unquote(PurePosixPath(place.replace("\\", "/")).name)
