"""`mmm promote` and `mmm rollback`: which version of the model budgets and reports are made with."""

from functools import partial

from upath import UPath

from mmm_assets.accepted import keep_only
from mmm_assets.assembly import build_definitions
from mmm_assets.automation.activity import COMMAND_TAG
from mmm_assets.automation.command_alerts import watched
from mmm_assets.commands.console import display, notes, prepare_console, results
from mmm_assets.commands.invocation import Invocation
from mmm_assets.commands.stages import OK, finish
from mmm_assets.execution import Executor, Outcome
from mmm_assets.instance import open_instance
from mmm_assets.io_managers import StoredFit, io_managers
from mmm_assets.promotion import champion_of, to_promote, to_roll_back
from mmm_assets.registry import Registry, Version
from mmm_assets.resources.alerts import Alerts
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there
from mmm_assets.resources.tracking import Tracker
from mmm_core.errors import InputError

_COMMANDS = {"promoted": "promote", "rolled_back": "rollback"}


def promote(invocation: Invocation, number: int | None) -> int:
    """Make the challenger, or a version that is named, the champion; then budgets and report with it.

    Raises:
        InputError: there is no such version, or no challenger.
        GateError: the version is rejected.
        TrackingError: MLflow does not answer.
    """
    project, registry = _prepared(invocation)
    return _use(invocation, project, registry, to_promote(registry, number), "promoted")


def roll_back(invocation: Invocation, number: int | None) -> int:
    """Go back to the last earlier champion, or to a version that is named; then budgets and report with it.

    Raises:
        InputError: there is no such version, or none before.
        GateError: the version is rejected.
        TrackingError: MLflow does not answer.
    """
    project, registry = _prepared(invocation)
    return _use(invocation, project, registry, to_roll_back(registry, number), "rolled_back")


def _prepared(invocation: Invocation) -> tuple[Project, Registry]:
    project = invocation.project()
    prepare_console(project, invocation.debug)
    if not project.config.promotion.enabled:
        raise InputError("Versions are not kept: promotion.enabled is false; set it to true and run mmm run.")
    return project, Registry.of(project, Tracker.of(project))


def _use(invocation: Invocation, project: Project, registry: Registry, target: Version, kind: str) -> int:
    """Plan with a version from now on."""
    champion, stored = champion_of(project, registry.tracker), _stored_fit(project)
    is_stored = stored is not None and stored.version == target.fit
    out = results()
    if champion == target.number and is_stored:
        out.print(
            f"Version {champion} of {registry.name} is champion, and budgets are made with it: nothing to do."
        )
        return OK
    out.print(f"Champion     {registry.name}: {_change(champion, target.number)}", markup=False)
    if not is_stored:
        notes().print(f"The fit of version {target.number} takes the place of the stored posterior.", markup=False)
    change = partial(_take_over, project, registry, target)

    def work() -> Outcome:
        with open_instance(project) as instance, display() as shown:
            definitions, tags = build_definitions(project, progress=shown), {COMMAND_TAG: kind}
            executor = Executor(project, definitions, instance, shown, tags)
            return executor.change_version(None if is_stored else target.number, change)

    outcome = watched(project, f"mmm {_COMMANDS[kind]}", work)
    if champion_of(project, registry.tracker) == target.number:
        facts = {"version": str(target.number), "previous version": str(champion or "")}
        Alerts.of(project).send(kind, f"version {target.number} is champion", facts)
    return finish(outcome, invocation, project, ("evaluate", "optimize", "report"))


def _take_over(project: Project, registry: Registry, target: Version) -> None:
    """The version becomes champion, and what later fits are compared with."""
    with registry.alone():
        registry.promote(target.number)
    stored = _stored_fit(project)
    if stored is not None:
        keep_only(project, stored)


def _change(before: int | None, after: int) -> str:
    if before == after:
        return f"version {after} stays; budgets and reports are made with it again"
    return f"version {after}" if before is None else f"version {before} -> version {after}"


def _stored_fit(project: Project) -> StoredFit | None:
    manager = io_managers(UPath(project.assets))["posterior_io"]
    path = manager.path_of("posterior")
    return manager.stored(path, "posterior") if is_there(path) else None
