"""What Dagster writes about runs: masked, wherever it goes, and on the console as `logging` says.

Dagster serializes errors and hands its messages to the event log and to a console logger of its own, past the
handlers of Python's `logging`.  Its log handler and the conversion of errors are the two places through which all
of it passes; they are no public interface, hence only this module and `event_storage` know such, and the version
of Dagster is pinned.
"""

import logging
from collections.abc import Sequence
from functools import cache, partial
from traceback import TracebackException
from typing import Any

import dagster as dg
from dagster._core import log_manager
from dagster._core.events import DagsterEvent
from dagster._core.log_manager import DagsterLogHandler, DagsterLogHandlerMetadata
from dagster._serdes import pack_value, unpack_value
from dagster_shared.error import SerializableErrorInfo

from mmm_core.config.loading import LoadedConfig
from mmm_core.config.outputs import LoggingConfig
from mmm_core.logs import (
    FieldsFilter,
    MaskingFilter,
    configure_logging,
    current_log_fields,
    formatter_of,
    known_secrets,
    masked,
    set_log_fields,
)

_PARTITION = "dagster/partition"
_DAGSTERS_OWN = ("dagster_meta", "dagster_event", "dagster_event_batch_metadata")
_STEP_ENDS = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED", "STEP_UP_FOR_RETRY")
_settings: list[LoggingConfig] = []
_assets_of_steps: dict[str, str] = {}
_outside: list[dict[str, str]] = []
"""Fields as they were before each step that is running; a step of a job can run other jobs."""


def log_as_configured(loaded: LoadedConfig) -> None:
    """Log this process's records and Dagster's as a project says; calling it again changes what it says."""
    config = loaded.config.logging
    configure_logging(config, loaded.secrets)
    set_log_fields({"project": loaded.config.project.name})
    _settings[:] = [config]
    _take_part()


def name_steps(definitions: dg.Definitions) -> dg.Definitions:
    """Remember which step makes which assets, to say it in log records; returns what it got."""
    for made in definitions.resolve_asset_graph().assets_defs:
        if made.is_executable:
            keys = made.keys or {check.asset_key for check in made.check_keys}
            _assets_of_steps[made.node_def.name] = ",".join(sorted({key.path[-1] for key in keys}))
    return definitions


@cache
def _take_part() -> None:
    log_manager.DagsterLogHandler = _Handler  # type: ignore[misc]
    original = SerializableErrorInfo.from_traceback.__func__  # type: ignore[attr-defined]
    SerializableErrorInfo.from_traceback = classmethod(partial(_masked_error, original))  # type: ignore[assignment]


def _masked_error(original: Any, kind: Any, error: TracebackException) -> SerializableErrorInfo:
    """Causes and contexts come here by themselves."""
    info: SerializableErrorInfo = original(kind, error)
    return SerializableErrorInfo(
        masked(info.message), [masked(line) for line in info.stack], info.cls_name, info.cause, info.context
    )


class _Handler(DagsterLogHandler):
    """Masks what is logged, and knows which step is running."""

    def __init__(
        self,
        metadata: DagsterLogHandlerMetadata,
        loggers: Sequence[logging.Logger],
        handlers: Sequence[logging.Handler],
    ):
        """As the base class; its console loggers then write as `logging` says."""
        super().__init__(metadata, loggers, handlers)
        for logger in loggers:
            _dress(logger)

    def _convert_record(self, record: logging.LogRecord) -> logging.LogRecord:
        record.msg, record.args = masked(record.getMessage()), ()
        if isinstance(event := getattr(record, "dagster_event", None), DagsterEvent):
            self._follow(event)
            record.dagster_event = _masked_event(event)
        return super()._convert_record(record)

    def _follow(self, event: DagsterEvent) -> None:
        """Set the fields of log records while a step runs."""
        kind = event.event_type_value
        if kind == "STEP_START":
            _outside.append(current_log_fields())
            set_log_fields({**_outside[0], **_run_fields(self.metadata, event.step_key)})
        elif kind in _STEP_ENDS and _outside:
            set_log_fields(_outside.pop())


def _run_fields(metadata: Any, step: str | None) -> dict[str, str]:
    name = step or metadata["step_key"] or ""
    return {
        "run_id": metadata["run_id"] or "",
        "job": metadata["job_name"] or "",
        "step": name,
        "asset": _assets_of_steps.get(name.partition("[")[0], ""),
        "partition": metadata["job_tags"].get(_PARTITION, ""),
    }


def _masked_event(event: DagsterEvent) -> DagsterEvent:
    """The event with every text in it masked, if there is anything to mask."""
    packed = pack_value(event)
    hidden = _masked_texts(packed)
    return event if hidden == packed else unpack_value(hidden, DagsterEvent)


def _masked_texts(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _masked_texts(inner) for key, inner in value.items()}
    return [_masked_texts(inner) for inner in value] if isinstance(value, list | tuple) else value


def _dress(logger: logging.Logger) -> None:
    """Let a console logger of Dagster write as `logging` says."""
    if not _settings:
        return
    logger.setLevel(max(logger.level, logging.getLevelName(_settings[0].level)))
    for handler in logger.handlers:
        if not any(isinstance(found, _Flattened) for found in handler.filters):
            handler.setFormatter(formatter_of(_settings[0]))
            for each in (_Flattened(), FieldsFilter(), MaskingFilter(known_secrets())):
                handler.addFilter(each)


class _Flattened(logging.Filter):
    """Dagster's objects on a record, as plain fields; every record passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record."""
        metadata = getattr(record, "dagster_meta", None)
        if metadata is not None:
            for name, value in _run_fields(metadata, None).items():
                if value:
                    setattr(record, name, value)
            record.msg = metadata["orig_message"] + record.msg.partition(metadata["orig_message"])[2]
            if metadata["dagster_event"] is not None:
                record.event = metadata["dagster_event"].event_type_value
        for name in _DAGSTERS_OWN:
            record.__dict__.pop(name, None)
        return True
