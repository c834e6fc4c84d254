"""Lists of columns in the configuration, some of them by pattern."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from mmm_core.errors import ConfigError, DataError

_WILDCARDS = frozenset("*?[")
_EXCLUDE = "!"
MAX_LISTED = 30
MAX_SHOWN = 80


def matching_columns(items: Sequence[str], columns: Sequence[str], key: str, origin: str) -> tuple[str, ...]:
    """The columns that a list of names and patterns means.

    An item that is the name of a column is that column, whatever characters it has.  `*`, `?` and `[…]`
    match as in file names (upper and lower case differ); such a pattern stands for all its columns, in
    the order of the file.  A leading `!` excludes what follows, wherever it stands in the list.

    Args:
        items: names and patterns as configured.
        columns: the source's columns, in its order.
        key: where the items stand in the configuration, for messages.
        origin: the source, for messages.

    Returns:
        Distinct columns, in the order of the items.  A name without wildcards stays as it is even if there
        is no such column.

    Raises:
        ConfigError: an item stands there twice.
        DataError: a pattern that matches nothing, or `!name` for a column that does not exist.
    """
    repeated = sorted({item for item in items if items.count(item) > 1})
    if repeated:
        raise ConfigError(f"{key} names {', '.join(repeated)} more than once; remove the repetition.")
    kept: dict[str, None] = {}
    excluded: set[str] = set()
    for item in items:
        if item in columns or not is_pattern(item):
            kept[item] = None
        elif item.startswith(_EXCLUDE):
            excluded.update(_excluded(item, columns, key, origin))
        else:
            kept |= dict.fromkeys(_matches(item, columns, key, origin))
    return tuple(column for column in kept if column not in excluded)


def is_pattern(item: str) -> bool:
    """Whether an item has wildcards or excludes something."""
    return item.startswith(_EXCLUDE) or not _WILDCARDS.isdisjoint(item)


def shortened(name: str) -> str:
    """A name as messages show it: its beginning, if it is very long."""
    return name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"


def listed(columns: Sequence[str]) -> str:
    """The first columns as text, and how many more there are."""
    more = f" and {len(columns) - MAX_LISTED} more" if len(columns) > MAX_LISTED else ""
    return ", ".join(map(shortened, columns[:MAX_LISTED])) + more


def nearest_of(wanted: str, names: Iterable[str]) -> str:
    """The names that were probably meant, or else all of them, as the end of a message."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.6)
    if close:
        return f"nearest: {listed([by_lower[name] for name in close])}."
    return f"columns: {listed(list(by_lower.values()))}."


def _matches(pattern: str, columns: Sequence[str], key: str, origin: str) -> list[str]:
    matches = [column for column in columns if fnmatchcase(column, pattern)]
    if not matches:
        raise DataError(
            f"{key}: no column of {origin} matches {pattern!r}; correct or remove it. Columns: {listed(columns)}."
        )
    return matches


def _excluded(item: str, columns: Sequence[str], key: str, origin: str) -> list[str]:
    """Columns that are excluded; a pattern may find none, so that one configuration fits several files."""
    name = item.removeprefix(_EXCLUDE)
    if name in columns:
        return [name]
    if not is_pattern(name):
        raise DataError(
            f"{key}: {origin} has no column {name!r} that {item!r} could exclude; correct or remove it. "
            f"Columns: {listed(columns)}."
        )
    return [column for column in columns if fnmatchcase(column, name)]
