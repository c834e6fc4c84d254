"""Logging: one handler for everything, console or JSON lines, and no secret in any of it."""

import json
import logging
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from mmm_core.config.masking import mask
from mmm_core.config.outputs import LoggingConfig

_OWN_LOGGERS = ("mmm_core", "mmm_assets")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CONSOLE_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def configure_logging(config: LoggingConfig, secrets: Iterable[str] = ()) -> None:
    """Send all log records to standard error, masked.

    Own loggers get the configured level; those of other packages keep theirs, which by default is
    warnings and worse.  Calling it again replaces what it set up before; handlers of others stay.
    """
    handler = _OwnHandler()
    handler.addFilter(MaskingFilter(secrets))
    handler.setFormatter(JsonFormatter() if config.format == "json" else logging.Formatter(_CONSOLE_FORMAT))
    root = logging.getLogger()
    for previous in [other for other in root.handlers if isinstance(other, _OwnHandler)]:
        root.removeHandler(previous)
        previous.close()
    root.addHandler(handler)
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(config.level)


class _OwnHandler(logging.StreamHandler[Any]):
    """Marks the handler that `configure_logging` may replace."""


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
