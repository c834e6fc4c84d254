"""Log records arrive once, readable by people or machines, without secrets."""

import json
import logging
from collections.abc import Iterator

import pytest

from mmm_core.config.outputs import LoggingConfig
from mmm_core.logs import MaskingFilter, configure_logging

SECRET = "".join(['pa"ss', "\\w&rd"])
FORMATS = ["console", "json"]
LOGGER = logging.getLogger("mmm_core.somewhere")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("mmm_core", "mmm_assets")}
    yield
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if not is_ours(handler)]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def is_ours(handler: logging.Handler) -> bool:
    return type(handler).__module__ == "mmm_core.logs"


class Holder:
    """Shows its secret in its repr."""

    def __repr__(self) -> str:
        return f"Holder({SECRET!r})"


def log_everything() -> None:
    """To our handler alone: pytest's own refuses arguments that do not fit."""
    root = logging.getLogger()
    root.handlers[:] = [handler for handler in root.handlers if is_ours(handler)]
    LOGGER.info("plain %s and %r", SECRET, SECRET)
    LOGGER.info("mapping %(pw)s", {"pw": SECRET})
    LOGGER.info(Holder())
    LOGGER.warning("extra", extra={"password": SECRET, "holder": Holder(), "attempt": 2})
    LOGGER.info("stack", stack_info=True)
    LOGGER.info("does not fit %d", SECRET)
    LOGGER.info("wrong count", SECRET)
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(f"because of {SECRET}") from error
    except ValueError:
        LOGGER.exception("failed with %s", SECRET)
    logging.getLogger("other.package").warning("url %s", SECRET)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_planted_secret_is_never_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingConfig.model_validate({"format": kind}), {SECRET})
    log_everything()
    printed = capsys.readouterr()
    assert printed.out == ""
    for spelling in (SECRET, repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1], "w&rd"):
        assert spelling not in printed.err
    assert "plain *** and '***'" in printed.err
    assert "ValueError: because of ***" in printed.err
    assert "KeyError: '***'" in printed.err
    assert "url ***" in printed.err


def test_json_lines_have_the_fields_that_machines_need(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingConfig(format="json"), {SECRET})
    log_everything()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 9
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    extra = lines[3]
    assert (extra["level"], extra["logger"], extra["message"]) == ("WARNING", "mmm_core.somewhere", "extra")
    assert (extra["password"], extra["attempt"]) == ("***", 2)
    assert extra["time"].endswith("+00:00")
    assert lines[7]["exception"].startswith("Traceback")


def test_a_number_that_is_a_secret_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingConfig(format="json"), {"123456"})
    LOGGER.info("pin %d", 123456, extra={"pin": 123456})
    assert "123456" not in capsys.readouterr().err


def test_configuring_again_replaces_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingConfig(format="json"))
    configure_logging(LoggingConfig())
    LOGGER.info("once")
    printed = capsys.readouterr().err
    assert printed.count("once") == 1
    assert "INFO    mmm_core.somewhere: once" in printed


def test_handlers_of_others_stay() -> None:
    theirs = logging.NullHandler()
    logging.getLogger().addHandler(theirs)
    configure_logging(LoggingConfig())
    assert theirs in logging.getLogger().handlers
    logging.getLogger().removeHandler(theirs)


def test_the_level_is_that_of_own_loggers(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingConfig(level="ERROR"))
    LOGGER.warning("quiet")
    configure_logging(LoggingConfig(level="DEBUG"))
    LOGGER.debug("loud")
    logging.getLogger("other.package").info("not ours")
    printed = capsys.readouterr().err
    assert "quiet" not in printed
    assert "loud" in printed
    assert "not ours" not in printed


def test_later_handlers_see_the_masked_record() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "pw %s", (SECRET,), None)
    assert MaskingFilter({SECRET}).filter(record)
    assert record.getMessage() == "pw ***"
    assert SECRET not in str(vars(record))
