"""People are told of failed runs and checks, once, without values of the data; nobody's run fails for it."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.automation.alerts import failed_checks, tell_failed_checks, tell_failed_run
from mmm_assets.automation.jobs import REQUESTED_BY
from mmm_assets.checks import check_specs
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_core.alerting import delivery
from mmm_core.config.loading import load_config
from mmm_core.errors import ConfigError
from tests import mail_server
from tests.assets.projects import settings, write_config
from tests.local_server import Answer, LocalServer, in_turn, running

SENSORS = {
    "alert_run_failed",
    "alert_check_failed_after_failure",
    "alert_check_failed_after_success",
    "alert_folded",
}
KPI = "98765.43"
GEOS = dg.StaticPartitionsDefinition(["Geo0", "Geo1"])


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with running() as server:
        server.scripts["/hook/T0/secret-path"] = in_turn(Answer(200, b"ok"))
        yield server


@pytest.fixture
def project(tmp_path: Path, web: LocalServer) -> Project:
    return of_web(tmp_path, web.url("/hook/T0/secret-path"))


def of_web(folder: Path, url: str, **more: object) -> Project:
    section = {"webhook": {"url": "${HOOK}"}, "ui_url": "https://mmm.example.com/", **more}
    path = write_config(folder, settings(folder, None, alerts=section))
    return Project(load_config(path, None, (), {"HOOK": url}))


@dg.asset(partitions_def=GEOS, check_specs=check_specs("panel", {"sound": "error"}, GEOS))
def panel() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    yield dg.MaterializeResult()
    error = dg.AssetCheckSeverity.ERROR
    yield dg.AssetCheckResult(passed=False, check_name="sound", severity=error, description=f"KPI {KPI}")


@dg.asset
def broken() -> None:
    raise ValueError(f"KPI {KPI}")


def failed_run(asset: dg.AssetsDefinition, instance: dg.DagsterInstance, **options: object) -> dg.DagsterRun:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = dg.materialize([asset], instance=instance, raise_on_error=False, run_config=quiet, **options)  # type: ignore[arg-type]
    assert not result.success
    return result.dagster_run


def texts(web: LocalServer) -> list[str]:
    return [json.loads(seen.body)["text"] for seen in web.seen]


def test_failed_checks_are_told_in_one_message_with_asset_geo_check_and_link(
    project: Project, web: LocalServer
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = failed_run(panel, instance, partition_key="Geo1")
        assert tell_failed_checks(instance, run, Alerts.of(project)) == "Told."
        assert tell_failed_run(instance, run, Alerts.of(project)) == "Its failed checks say why."
    (text,) = texts(web)
    assert text.startswith("[tiny] Check failed: a check failed in __ephemeral_asset_job__")
    assert "checks: sound (panel of Geo1)" in text
    assert f"https://mmm.example.com/runs/{run.run_id}" in text
    assert KPI not in text


def test_checks_of_runs_that_a_job_started_are_told_with_the_job() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        outer = failed_run(broken, instance)
        failed_run(panel, instance, partition_key="Geo0", tags={REQUESTED_BY: outer.run_id})
        assert [(check.asset, check.geo) for check in failed_checks(instance, outer)] == [("panel", "Geo0")]


def test_a_failed_run_is_told_with_the_class_of_its_error_only(project: Project, web: LocalServer) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = failed_run(broken, instance)
        assert tell_failed_run(instance, run, Alerts.of(project)) == "Told."
        assert tell_failed_checks(instance, run, Alerts.of(project)) == "No check failed that blocks."
    (text,) = texts(web)
    assert "step: broken" in text
    assert "error: ValueError" in text
    assert KPI not in text


def test_a_storm_is_folded_across_processes_and_told_later(project: Project, web: LocalServer) -> None:
    clock = [1e9]
    for _ in range(20):  # a new object each time, as in new processes
        replace(Alerts.of(project), now=lambda: clock[0]).send("drift", "again", {})
    assert len(web.seen) == 1
    clock[0] += 60 * project.config.alerts.min_interval_minutes
    later = replace(Alerts.of(project), now=lambda: clock[0])
    assert (later.send_overdue(), later.send_overdue()) == (1, 0)
    assert "19 more of this kind" in texts(web)[1]


def test_a_secret_in_a_title_or_fact_is_masked(project: Project, web: LocalServer) -> None:
    url = web.url("/hook/T0/secret-path")
    assert Alerts.of(project).send("drift", f"at {url}", {"reason": f"{url} failed"})
    assert "secret-path" not in texts(web)[0]


def test_a_bad_geo_is_told_once_until_it_is_good_again_and_never_folded(
    project: Project, web: LocalServer
) -> None:
    def told(*geos: str, left_out: bool = True) -> bool:  # a new object each time, as in new processes
        return Alerts.of(project).tell_of_geos(dict.fromkeys(geos, "schema of raw_panel"), left_out)

    assert [told("B"), told("B"), told("B", "C"), told("C"), told("B", "C")] == [True, False, True, False, True]
    assert [told("B", "C", left_out=False), told(), told()] == [True, False, False]
    assert told(*(f"geo{number}" for number in range(10)))
    said = texts(web)
    assert said[0].splitlines() == [
        "[tiny] Bad geo: the fit goes on without a geo",
        "geos: B (schema of raw_panel)",
    ]
    assert [line for text in said[1:3] for line in text.splitlines()[1:]] == [
        "geos: C (schema of raw_panel)",
        "geos: B (schema of raw_panel)",
    ]
    assert said[3].startswith("[tiny] Bad geo: no fit, because of 2 geos")
    assert said[4].endswith("and 2 more")


def test_a_bad_geo_that_no_channel_took_is_told_the_next_time(tmp_path: Path, web: LocalServer) -> None:
    dead = of_web(tmp_path, web.url("/nowhere"))
    assert not Alerts.of(dead).tell_of_geos({"B": "schema of raw_panel"}, left_out=True)
    assert Alerts.of(of_web(tmp_path, web.url("/hook/T0/secret-path"))).tell_of_geos({"B": "x"}, left_out=True)


def test_unwanted_kinds_are_not_told(tmp_path: Path, web: LocalServer) -> None:
    alerts = Alerts.of(of_web(tmp_path, web.url("/hook/T0/secret-path"), kinds=["drift"]))
    assert not alerts.send("promoted", "title", {})
    assert web.seen == []


def test_a_dead_webhook_costs_one_masked_line_and_mail_still_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}/hook/T0/secret-path"
    with mail_server.running() as post:
        mailing = {
            "host": "127.0.0.1",
            "port": post.port,
            "security": "none",
            "sender": "mmm@example.com",
            "recipients": ["team@example.com"],
        }
        alerts = Alerts.of(of_web(tmp_path, dead, email=mailing))
        with caplog.at_level(logging.WARNING):
            assert not alerts.send("rejected", "model rejected", {"run": "1"})
        ((_, _, letter),) = post.letters
    assert letter["Subject"] == "[tiny] Model rejected: model rejected"
    assert [record.getMessage() for record in caplog.records if record.name.startswith("mmm_")] == [
        "The alert 'rejected' was not sent by webhook: ConnectionError."
    ]
    assert "secret-path" not in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_memory_does_not_keep_quiet(project: Project, web: LocalServer) -> None:
    project.work.mkdir(parents=True)
    project.work.chmod(0o500)
    assert Alerts.of(project).send("drift", "title", {})


def test_a_damaged_memory_does_not_keep_quiet(project: Project, web: LocalServer) -> None:
    alerts = Alerts.of(project)
    alerts.state.parent.mkdir(parents=True)
    alerts.state.write_bytes(b"\xff\x00{")
    assert alerts.send("drift", "title", {})


def test_a_url_or_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    url, words = "https://hooks.example.com/T0/B0/xyz", "hunter22"
    mailing = {"host": "h", "sender": "a@b.c", "recipients": ["a@b.c"], "user": "u", "password": words}
    path = write_config(tmp_path, settings(tmp_path, None, alerts={"webhook": {"url": url}, "email": mailing}))
    with pytest.raises(ConfigError) as refused:
        load_config(path, None, (), {})
    assert "alerts.webhook.url: received a secret as plain text" in str(refused.value)
    assert "alerts.email.password: received a secret as plain text" in str(refused.value)
    assert "xyz" not in str(refused.value)
    assert words not in str(refused.value)


def test_sensors_exist_and_run_only_where_someone_is_told(project: Project, tmp_path: Path) -> None:
    told = {
        sensor.name: sensor.default_status
        for sensor in build_definitions(project).get_repository_def().sensor_defs
        if sensor.name.startswith("alert_")
    }
    assert told == dict.fromkeys(SENSORS, dg.DefaultSensorStatus.RUNNING)
    silent = Project(load_config(write_config(tmp_path, settings(tmp_path, None)), None, (), {}))
    assert not Alerts.of(silent).are_sent
    sensors = build_definitions(silent).get_repository_def().sensor_defs
    assert not SENSORS & {sensor.name for sensor in sensors}


def test_the_failure_sensor_tells(project: Project, web: LocalServer) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([broken], instance=instance, raise_on_error=False)
        definitions = build_definitions(project)
        sensor = definitions.get_repository_def().get_sensor_def("alert_run_failed")
        context = dg.build_run_status_sensor_context(
            sensor_name="alert_run_failed",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"alerts": Alerts.of(project)},
        ).for_run_failure()
        sensor(context)  # type: ignore[operator]
    assert len(web.seen) == 1
