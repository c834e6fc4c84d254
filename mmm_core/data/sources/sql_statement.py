"""Whether a text is one SELECT statement and nothing else."""

import re

from mmm_core.errors import ConfigError

_KEY = "ingest.sql.query"
_BACKSLASH_DIALECTS = frozenset({"bigquery", "mysql", "mariadb", "snowflake", "databricks", "clickhouse"})
"""Databases in which a backslash in a string takes away the meaning of the next sign."""
_STRING = r"'(?:[^']|'')*'"
_STRING_WITH_BACKSLASH = r"'(?:[^'\\]|\\.|'')*'"
_QUOTED = r'"(?:[^"]|"")*"|`[^`]*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$'
_COMMENT = r"--[^\n]*|/\*.*?\*/"
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|into|drop|alter|create|truncate|grant|revoke|copy|call|execute|attach)\b"
)


def checked_statement(query: str, dialect: str) -> str:
    """The query without what ends it.

    This keeps slips out, before anything is sent; that nothing is written is held by the connection, which is
    read-only where the database has such connections, and by never committing.

    Raises:
        ConfigError: not exactly one statement, one that does not read, or a quote that is not closed.
    """
    bare = _without_quotes_and_comments(query, dialect)
    if re.search(r"['\"`]|/\*", bare):
        raise ConfigError(f"{_KEY}: a quote or comment in the query is not closed.")
    bare = bare.strip().rstrip(";").strip()
    if ";" in bare:
        raise ConfigError(f"{_KEY}: received more than one statement; give a single SELECT (or WITH … SELECT).")
    words = re.findall(r"[a-z_]+", bare.lower())
    if not words or words[0] not in ("select", "with"):
        received = words[0].upper() if words else "nothing"
        raise ConfigError(f"{_KEY}: received {received}; allowed: a single SELECT (or WITH … SELECT).")
    found = _WRITES.search(bare.lower())
    if found is not None:
        raise ConfigError(
            f"{_KEY}: the query may only read, but has the word {found[0].upper()}; remove it, or put it in "
            "double quotes if it is a column."
        )
    return query.strip().rstrip(";").rstrip()


def _without_quotes_and_comments(query: str, dialect: str) -> str:
    string = _STRING_WITH_BACKSLASH if dialect in _BACKSLASH_DIALECTS else _STRING
    pieces = f"(?P<comment>{_COMMENT})|{string}|{_QUOTED}"
    return re.sub(pieces, lambda piece: " " if piece["comment"] else " q ", query, flags=re.DOTALL)
