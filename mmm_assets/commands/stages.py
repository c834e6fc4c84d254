"""`mmm run` and one command per stage: run, then say what came of it."""

from collections.abc import Sequence

from rich.console import Console

from mmm_assets.assembly import build_definitions
from mmm_assets.attributes import Stage
from mmm_assets.automation.activity import COMMAND_TAG
from mmm_assets.automation.command_alerts import watched
from mmm_assets.commands.champion import champion_after_a_stop
from mmm_assets.commands.console import display, notes, prepare_console
from mmm_assets.commands.invocation import Invocation
from mmm_assets.commands.summary import Summary
from mmm_assets.commands.wording import in_terminal_words
from mmm_assets.dagster_logs import name_steps
from mmm_assets.execution import Executor, Outcome, Stop
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project

OK, BLOCKED, BAD_INPUT = 0, 1, 2
VALIDATION_PAGE = "validation.html"
"""Name of the page in the exports."""
_SHOWN = 8
"""Reasons that are shown in full."""


def run_stages(invocation: Invocation, stages: Sequence[Stage], force: bool) -> int:
    """Run stages in this process.

    Returns:
        Exit code: 0 if all is made, 1 if a check blocks, 2 if data or configuration cannot be used.
    """
    project = invocation.project()
    prepare_console(project, invocation.debug)
    name = "run" if len(stages) > 1 else stages[0]

    def work() -> Outcome:
        with open_instance(project) as instance, display() as shown:
            definitions = name_steps(build_definitions(project, progress=shown))
            return Executor(project, definitions, instance, shown, {COMMAND_TAG: name}).run(stages, force)

    return finish(watched(project, f"mmm {name}", work), invocation, project, stages)


def finish(outcome: Outcome, invocation: Invocation, project: Project, stages: Sequence[Stage]) -> int:
    """Say what was done, or why it stopped; returns the exit code (see `run_stages`)."""
    if outcome.stops:
        return _explain(outcome, invocation, project)
    Summary(project, outcome, invocation.arguments).show(stages)
    return OK


def _explain(outcome: Outcome, invocation: Invocation, project: Project) -> int:
    """Why it stopped, and what that means."""
    console, stops = notes(), outcome.stops
    _print_stops(console, stops, invocation.debug)
    if any(stop.kind == "other" for stop in stops) and not invocation.debug:
        console.print("Unexpected; run again with --debug to see where.", markup=False)
    reached_fit = ("posterior", None) in (*outcome.made, *outcome.kept)
    if ("validation_summary", None) in outcome.made and not reached_fit:
        page = project.exports / VALIDATION_PAGE
        console.print(f"What is wrong with which geo, and how to mend it: {page}", markup=False)
    console.print("The report and the exported tables are as they were before.", markup=False)
    blocked = [stop.asset for stop in stops if stop.check]
    if reached_fit and blocked:
        words = champion_after_a_stop(project, invocation.arguments, blocked)
        if words is not None:
            console.print(f"Champion     {words}", markup=False)
    return BAD_INPUT if all(stop.kind == "input" for stop in stops) else BLOCKED


def _print_stops(console: Console, stops: Sequence[Stop], debug: bool) -> None:
    for stop in stops[:_SHOWN]:
        console.print(_heading(stop), style="bold red", markup=False)
        console.print(in_terminal_words(stop.message), markup=False)
        if debug and stop.trace:
            console.print(stop.trace, markup=False, style="dim")
    if len(stops) > _SHOWN:
        console.print(f"… and {len(stops) - _SHOWN} more of the same kind.", markup=False)


def _heading(stop: Stop) -> str:
    what = {
        "gate": "Blocked",
        "input": "Cannot be used",
        "late": "Out of time",
        "fault": "Failed",
        "other": "Failed",
    }[stop.kind]
    return what if stop.geo is None else f"{what}: geo {stop.geo}"
