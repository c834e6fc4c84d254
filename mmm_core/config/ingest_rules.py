"""Rules about several keys of ingest and external_data."""

import codecs
from collections.abc import Callable, Iterator

from mmm_core.config.ingest import FileFormatConfig, TableConfig
from mmm_core.config.keys import KeyPath, dotted
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_INGEST = "ingest"
_PRIORITY: KeyPath = (_INGEST, "connector_priority")


def _sql(config: Config) -> Iterator[Problem]:
    sql = config.ingest.sql
    url, query, table = (_INGEST, "sql", "url"), (_INGEST, "sql", "query"), (_INGEST, "sql", "table")
    if sql.query and sql.table:
        yield Problem(query, "is given beside ingest.sql.table; give only one of them.", (table,))
    elif sql.url and not (sql.query or sql.table):
        yield Problem(query, "is missing; give one SELECT statement here, or a table in ingest.sql.table.", (url,))
    if (sql.query or sql.table) and not sql.url:
        given = query if sql.query else table
        message = "is missing; give the database's SQLAlchemy URL, with its password as ${NAME}."
        yield Problem(url, message, (given,))


def _figshare(config: Config) -> Iterator[Problem]:
    section = config.ingest.figshare
    article: KeyPath = (_INGEST, "figshare", "article_id")
    needs_article = [name for name in ("version", "file_name") if getattr(section, name) is not None]
    for name in needs_article:
        if section.article_id is None:
            yield Problem((_INGEST, "figshare", name), "needs ingest.figshare.article_id beside it.", (article,))
    if section.file_id is not None and section.file_name is not None:
        path: KeyPath = (_INGEST, "figshare", "file_name")
        yield Problem(path, "is given beside ingest.figshare.file_id; give only one of them.")
    if section.md5 is not None and section.article_id is None and section.file_id is None:
        yield Problem((_INGEST, "figshare", "md5"), "is of no file; give ingest.figshare.file_id or article_id.")


def _kaggle(config: Config) -> Iterator[Problem]:
    section = config.ingest.kaggle
    if section.file is not None and section.dataset is None:
        path: KeyPath = (_INGEST, "kaggle", "file")
        yield Problem(
            path, "needs ingest.kaggle.dataset (owner/name) beside it.", ((_INGEST, "kaggle", "dataset"),)
        )


def _listed_once(config: Config) -> Iterator[Problem]:
    listed = config.ingest.connector_priority
    if "file" in listed and "local_csv" in listed:
        yield Problem(_PRIORITY, "lists file and local_csv, which are two names of one connector; keep one.")


def _used_connectors(config: Config) -> Iterator[Problem]:
    """A connector that is described but never tried is a slip: other data would be read."""
    ingest = config.ingest
    by_tables = {table.path.partition(":")[0] for _, table in _tables(config)}
    described = {
        "sql": ("url", ingest.sql.url is not None),
        "figshare": ("article_id", ingest.figshare.article_id is not None),
        "kaggle": ("dataset", ingest.kaggle.dataset is not None),
    }
    for connector, (key, given) in described.items():
        if given and connector not in ingest.connector_priority and connector not in by_tables:
            message = f"is given, but ingest.connector_priority does not name {connector}; add it there."
            yield Problem((_INGEST, connector, key), message, (_PRIORITY,))


def text_encoding(name: str) -> str | None:
    """Python's name of an encoding of text; None if it is none (`base64` is an encoding, but not of text)."""
    try:
        found = codecs.lookup(name).name
        "a".encode(found)
    except (LookupError, ValueError):
        return None
    return found


def _encodings(config: Config) -> Iterator[Problem]:
    formats: list[tuple[KeyPath, FileFormatConfig]] = [((_INGEST,), config.ingest.format)]
    formats += [(path, table.format) for path, table in _tables(config)]
    for path, settings in formats:
        if text_encoding(settings.encoding) is None:
            message = f"received {settings.encoding!r}; allowed: utf-8, latin-1, cp1252, utf-16, ..."
            yield Problem((*path, "format", "encoding"), message)


def _tables(config: Config) -> Iterator[tuple[KeyPath, TableConfig]]:
    for name, table in config.ingest.tables.items():
        yield (_INGEST, "tables", name), table
    for name, external in config.external_data.items():
        yield ("external_data", name), external


def _dates_of_tables(config: Config) -> Iterator[Problem]:
    for path, table in _tables(config):
        months = [name for name in ("year_col", "month_col") if getattr(table, name) is not None]
        if table.date_col is not None and months:
            yield Problem(
                (*path, months[0]), f"is given beside {dotted((*path, 'date_col'))}; give only one of them."
            )
        elif len(months) == 1 and (months, table.grain) != (["year_col"], "year"):
            other = "month_col" if months == ["year_col"] else "year_col"
            yield Problem((*path, months[0]), f"needs {dotted((*path, other))} beside it.")
        if table.amounts and table.date_col is None and not months:
            message = f"needs {dotted((*path, 'date_col'))} (or year_col and month_col): an amount is of a period."
            yield Problem((*path, "amounts"), message)


def _levels_that_hold_on(config: Config) -> Iterator[Problem]:
    """Only a level with a date can hold on."""
    for path, table in _tables(config):
        if not table.carry_days:
            continue
        here = (*path, "carry_days")
        if not table.levels:
            message = (
                f"has no effect without {dotted((*path, 'levels'))} (amounts are never carried on); remove it."
            )
            yield Problem(here, message, ((*path, "levels"),))
        elif table.date_col is None and table.year_col is None:
            message = "has no effect on levels without dates, which hold on all days; remove it."
            yield Problem(here, message, ((*path, "date_col"),))


def _columns_of_tables(config: Config) -> Iterator[Problem]:
    """Every table gives columns, and no two give the same."""
    given: dict[str, KeyPath] = {}
    for path, table in _tables(config):
        if not table.amounts and not table.levels:
            yield Problem(path, "gives no column; name some in `amounts` (totals) or `levels`.")
        for kind, columns in (("amounts", table.amounts), ("levels", table.levels)):
            for column in columns:
                here = (*path, kind, column)
                if column in given:
                    yield Problem(here, f"is also {dotted(given[column])}; rename one of them.", (given[column],))
                given.setdefault(column, here)


def _services_of_tables(config: Config) -> Iterator[Problem]:
    ingest = config.ingest
    services = {
        "kaggle": ("dataset", ingest.kaggle.dataset is not None),
        "figshare": ("article_id", ingest.figshare.article_id is not None),
    }
    for path, table in _tables(config):
        service, sign, name = table.path.partition(":")
        if not sign or service not in services:
            continue
        key, configured = services[service]
        if not name:
            yield Problem((*path, "path"), f"received {table.path!r}; allowed: {service}: and a file's name.")
        elif not configured:
            message = f"received {table.path!r}, which needs ingest.{service}.{key}; give it."
            yield Problem((*path, "path"), message, ((_INGEST, service, key),))


INGEST_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _sql,
    _figshare,
    _kaggle,
    _listed_once,
    _used_connectors,
    _encodings,
    _dates_of_tables,
    _levels_that_hold_on,
    _columns_of_tables,
    _services_of_tables,
)
