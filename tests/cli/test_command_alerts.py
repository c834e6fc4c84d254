"""A command that nobody watches tells what failed: once, also beside the sensors of a daemon."""

import json
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmm_assets.automation.alerts import tell_failed_checks, tell_failed_run
from mmm_assets.automation.command_alerts import is_told
from mmm_assets.cli import app
from mmm_assets.instance import open_instance
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_core.config.alerts import AlertsConfig
from mmm_core.config.loading import load_config
from tests.assets import projects
from tests.local_server import Answer, LocalServer, in_turn, running


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    with running() as server:
        server.scripts["/hook"] = in_turn(Answer(200, b"ok"))
        monkeypatch.setenv("HOOK_URL", server.url("/hook"))
        yield server


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project whose source has a negative amount."""
    panel = projects.write_panel(tmp_path)
    projects.edit(panel, panel, lambda frame: frame.__setitem__("tv_spend", "-5"))
    alerts = {
        "webhook": {"url": "${HOOK_URL}"},
        "min_interval_minutes": 0,
        "kinds": ["run_failed", "check_failed"],
    }
    return projects.write_config(tmp_path, projects.settings(tmp_path, panel, alerts=alerts))


def _mmm(config: Path, *arguments: str) -> int:
    command, *rest = arguments
    return CliRunner().invoke(app, [command, "--config", str(config), *rest]).exit_code


def _told(web: LocalServer) -> list[str]:
    return [json.loads(seen.body)["text"] for seen in web.seen]


def test_failed_checks_of_a_command_are_told_in_one_message_and_not_again_by_the_sensors(
    config: Path, web: LocalServer
) -> None:
    assert _mmm(config, "transform") == 1
    (text,) = _told(web)
    lines = text.splitlines()
    assert lines[0] == "[tiny] Check failed: 2 checks failed in mmm transform"
    assert "checks: schema (raw_panel of Geo0); schema (raw_panel of Geo1)" in lines
    assert "-5" not in text
    project = Project(load_config(config))
    with open_instance(project) as instance:
        runs = instance.get_runs()
        assert len(runs) >= 3
        for run in runs:
            for tell in (tell_failed_checks, tell_failed_run):
                assert tell(instance, run, Alerts.of(project)) == "A command tells by itself (alerts.commands)."
    assert len(_told(web)) == 1


def test_a_command_that_cannot_read_its_source_tells_the_class_of_the_error(
    config: Path, web: LocalServer
) -> None:
    assert _mmm(config, "ingest", "--set", "ingest.path=nowhere.csv") == 2
    (text,) = _told(web)
    assert text.startswith("[tiny] Run failed: mmm ingest failed\n")
    assert "error: DataError" in text
    assert "nowhere" not in text


def test_an_error_before_any_run_is_told_too(config: Path, web: LocalServer) -> None:
    assert _mmm(config, "backfill", "--geos", "Geo9") == 2
    (text,) = _told(web)
    assert "job: mmm backfill\nerror: InputError" in text


def test_who_sits_at_a_terminal_is_not_told_unless_asked_for(
    config: Path, web: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _mmm(config, "ingest", "--set", "ingest.path=nowhere.csv", "--set", "alerts.commands=never") == 2
    assert _told(web) == []
    assert is_told(AlertsConfig())
    main, terminal = pty.openpty()
    with os.fdopen(terminal) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        assert not is_told(AlertsConfig())
        assert is_told(AlertsConfig(commands="always"))
    os.close(main)
