"""`mmm run` and one command per stage: run, then say what came of it."""

from collections.abc import Sequence
from pathlib import Path

from mmm_assets.assembly import build_definitions
from mmm_assets.attributes import Stage
from mmm_assets.commands.console import display, notes, prepare_console
from mmm_assets.commands.invocation import Invocation
from mmm_assets.commands.summary import Summary
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
    with open_instance(project) as instance, display() as shown:
        definitions = name_steps(build_definitions(project, progress=shown))
        tags = {"mmm/command": "run" if len(stages) > 1 else stages[0]}
        outcome = Executor(project, definitions, instance, shown, tags).run(stages, force)
    return finish(outcome, invocation, project, stages)


def finish(outcome: Outcome, invocation: Invocation, project: Project, stages: Sequence[Stage]) -> int:
    """Say what was done, or why it stopped; returns the exit code (see `run_stages`)."""
    if outcome.stops:
        return _explain(outcome, invocation, project.exports / VALIDATION_PAGE)
    Summary(project, outcome, invocation.arguments).show(stages)
    return OK


def _explain(outcome: Outcome, invocation: Invocation, page: Path) -> int:
    """Why it stopped, and what that means."""
    console, stops = notes(), outcome.stops
    for stop in stops[:_SHOWN]:
        console.print(_heading(stop), style="bold red", markup=False)
        console.print(stop.message, markup=False)
        if invocation.debug and stop.trace:
            console.print(stop.trace, markup=False, style="dim")
    if len(stops) > _SHOWN:
        console.print(f"… and {len(stops) - _SHOWN} more of the same kind.", markup=False)
    if any(stop.kind == "other" for stop in stops) and not invocation.debug:
        console.print("Unexpected; run again with --debug to see where.", markup=False)
    reached_fit = ("posterior", None) in (*outcome.made, *outcome.kept)
    if ("validation_summary", None) in outcome.made and not reached_fit:
        console.print(f"What is wrong with which geo, and how to mend it: {page}", markup=False)
    console.print("The report and the exported tables are as they were before.", markup=False)
    return BAD_INPUT if all(stop.kind == "input" for stop in stops) else BLOCKED


def _heading(stop: Stop) -> str:
    what = {
        "gate": "Blocked",
        "input": "Cannot be used",
        "late": "Out of time",
        "fault": "Failed",
        "other": "Failed",
    }[stop.kind]
    return what if stop.geo is None else f"{what}: geo {stop.geo}"
