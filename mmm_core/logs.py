"""Logging: one handler for everything, console or JSON lines, and no secret in any of it.

A record says what was being done when it was written: fields that `log_fields` has set (project, run, asset, ...).
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from mmm_core.config.masking import mask
from mmm_core.config.outputs import LoggingConfig

_OWN_LOGGERS = ("mmm_core", "mmm_assets")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONSOLE_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_WHERE = ("asset", "partition")
_everywhere: dict[str, str] = {}
"""Fields of records whose thread has none of its own: threads of a library do the work of whoever started them."""
_here: ContextVar[Mapping[str, str] | None] = ContextVar("fields of log records", default=None)
_secrets: frozenset[str] = frozenset()


def masked(text: str) -> str:
    """`text` without the secrets of this process's configuration; for what is shown without being logged."""
    return mask(text, _secrets)


def known_secrets() -> frozenset[str]:
    """What `configure_logging` was told not to show."""
    return _secrets


def set_log_fields(fields: Mapping[str, str]) -> None:
    """From now on records of this thread, and of threads without fields, have these; empty ones are left out."""
    kept = {name: value for name, value in fields.items() if value}
    _here.set(kept)
    _everywhere.clear()
    _everywhere.update(kept)


def current_log_fields() -> dict[str, str]:
    """Fields that a record gets now."""
    here = _here.get()
    return dict(_everywhere if here is None else here)


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Add fields to the records of the block."""
    before = current_log_fields()
    set_log_fields({**before, **fields})
    try:
        yield
    finally:
        set_log_fields(before)


def configure_logging(config: LoggingConfig, secrets: Iterable[str] = ()) -> None:
    """Send all log records to standard error, masked.

    Own loggers get the configured level; those of other packages keep theirs, which by default is
    warnings and worse.  Calling it again replaces what it set up before; handlers of others stay.
    """
    global _secrets
    _secrets = frozenset(secrets)
    handler = _OwnHandler()
    handler.addFilter(FieldsFilter())
    handler.addFilter(MaskingFilter(_secrets))
    handler.setFormatter(formatter_of(config))
    root = logging.getLogger()
    for previous in [other for other in root.handlers if isinstance(other, _OwnHandler)]:
        root.removeHandler(previous)
        previous.close()
    root.addHandler(handler)
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(config.level)


def formatter_of(config: LoggingConfig) -> logging.Formatter:
    """How records are written."""
    return JsonFormatter() if config.format == "json" else ConsoleFormatter(_CONSOLE_FORMAT)


class _OwnHandler(logging.StreamHandler[Any]):
    """Writes to standard error, whatever that is at the time; `configure_logging` may replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


class FieldsFilter(logging.Filter):
    """Adds the current fields to each record that does not have them; every record passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Extend the record."""
        for name, value in current_log_fields().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class MaskingFilter(logging.Filter):
    """Replaces secrets in message, arguments, exception, stack and extra fields by `***`.

    The record itself is rewritten, so handlers that come later cannot show them either.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        """Remember what must not be shown."""
        super().__init__()
        self._secrets = frozenset(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; every record passes."""
        record.msg, record.args = self._masked(_message(record)), None
        if record.exc_info:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_info = None
        if record.exc_text:
            record.exc_text = self._masked(record.exc_text)
        if record.stack_info:
            record.stack_info = self._masked(record.stack_info)
        for name, value in _extra(record).items():
            text = self._masked(str(value))
            if text != str(value) or not isinstance(value, int | float | None):
                setattr(record, name, text)
        return True

    def _masked(self, text: str) -> str:
        return mask(text, self._secrets)


class ConsoleFormatter(logging.Formatter):
    """One line for people, with what was being done at its end: `[posterior, run 1a2b3c4d]`."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Everything but exception and stack."""
        said = [str(getattr(record, name)) for name in _WHERE if hasattr(record, name)]
        run = getattr(record, "run_id", None)
        said += [f"run {str(run)[:8]}"] if run else []
        return super().formatMessage(record) + (f" [{', '.join(said)}]" if run else "")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (ISO 8601, UTC), level, logger, message, exception, extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json.dumps({**_extra(record), **fields}, ensure_ascii=False, default=str)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # the arguments do not fit: show them rather than fail
        return f"{record.msg} {record.args}"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
