"""Alerts of commands.  Sensors watch what the daemon has started; a command in cron has nobody but itself."""

import sys
from collections.abc import Callable

from mmm_assets.automation.alerts import FailedCheck, send_checks
from mmm_assets.execution import Outcome
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_core.config.alerts import AlertsConfig


def watched(project: Project, command: str, work: Callable[[], Outcome]) -> Outcome:
    """Do the work of a command, and tell of what failed (`alerts.commands`).

    Ctrl-C is not told.

    Args:
        project: whose alerts.
        command: as it is typed, e.g. `mmm run`.
        work: what the command does.
    """
    try:
        outcome = work()
    except Exception as error:
        if is_told(project.config.alerts):
            facts = {"job": command, "error": type(error).__name__}
            Alerts.of(project).send("run_failed", f"{command} failed", facts)
        raise
    if is_told(project.config.alerts):
        tell_outcome(Alerts.of(project), outcome, command)
    return outcome


def is_told(settings: AlertsConfig) -> bool:
    """Whether this process tells of what its command did."""
    if settings.commands == "unattended":
        return not (sys.stdin is not None and sys.stdin.isatty()) and not sys.stderr.isatty()
    return settings.commands == "always"


def tell_outcome(alerts: Alerts, outcome: Outcome, command: str) -> None:
    """One message for all failed checks; without any, one for what stopped the command first."""
    failed = [FailedCheck(stop.asset, stop.geo, stop.check) for stop in outcome.stops if stop.check]
    if failed:
        send_checks(alerts, failed, command, next(stop.run for stop in outcome.stops if stop.check))
    elif outcome.stops:
        first = outcome.stops[0]
        facts = {"job": command, "run": first.run, "geo": first.geo or "", "error": first.error}
        alerts.send("run_failed", f"{command} failed", facts)
