"""`mmm brands`: run every brand of the workspace, here or on the workers of a cluster."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData

from mmm_assets.commands.console import notes, prepare_console, results
from mmm_assets.commands.invocation import Invocation
from mmm_assets.fleet import WORKER, fleet_job, run_config, step_name
from mmm_assets.instance import open_instance
from mmm_assets.workspace import WORKSPACE, locations
from mmm_core.config.loading import load_config
from mmm_core.errors import InputError

OK, BLOCKED = 0, 1
_INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


def run_brands(invocation: Invocation, configs: Sequence[Path]) -> int:
    """Run brands by `deployment.executor` of the invocation's project; one that stops does not stop the others.

    Args:
        invocation: the project in whose Dagster instance the job is recorded.
        configs: configuration files; none: all brands of `workspace.yaml`.

    Raises:
        InputError: there are no brands, a configuration is wrong, or two of them share assets.
    """
    project = invocation.project()
    prepare_console(project, invocation.debug)
    brands = list(configs) or [found.config for found in locations() if found.config is not None]
    if not brands:
        raise InputError(f"{WORKSPACE} has no brands; make one with mmm new-project, or name configuration files.")
    _require_apart(brands, invocation.profile)
    executor = project.config.deployment.executor
    paths = [str(path.resolve()) for path in brands]
    with open_instance(project) as instance:
        job, settings = fleet_job(paths, invocation.profile, executor), run_config(executor)
        with dg.execute_job(job, instance=instance, run_config=settings, raise_on_error=False) as result:
            failures = {
                event.step_key: event.step_failure_data for event in result.all_events if event.is_step_failure
            }
            done = [event.step_key for event in result.all_events if event.is_step_success]
    if any(_interrupted(failure) for failure in failures.values()):
        raise KeyboardInterrupt
    named: dict[str | None, Path] = {step_name(path): shown for path, shown in zip(paths, brands, strict=True)}
    for step in done:
        results().print(f"Done         {named[step]}", markup=False)
    for step, path in named.items():
        if step in failures:
            _warn(f"Stopped      {path}{_worker(failures[step])}: {_reason(failures[step])}")
        elif step not in done:
            _warn(f"Unfinished   {path}: a worker ended too early; mmm brands again goes on where it was.")
    return OK if not failures and len(done) == len(brands) else BLOCKED


def _warn(text: str) -> None:
    notes().print(text, markup=False, style="bold red")


def _interrupted(failure: StepFailureData) -> bool:
    return failure.error is not None and (failure.error.cause or failure.error).cls_name in _INTERRUPTS


def _reason(failure: StepFailureData) -> str:
    return "" if failure.error is None else (failure.error.cause or failure.error).message.strip()


def _worker(failure: StepFailureData) -> str:
    """Where a brand ran that stopped, as far as it told."""
    told = failure.user_failure_data.metadata if failure.user_failure_data else {}
    return f" ({told[WORKER].value})" if WORKER in told else ""


def _require_apart(brands: Sequence[Path], profile: str | None) -> None:
    """Refuse brands that would write over one another.

    Raises:
        InputError: naming both.
    """
    seen: dict[tuple[str, str], Path] = {}
    for path in brands:
        config = load_config(path, profile).config
        for what, value in (("paths.storage", config.paths.storage), ("project.name", config.project.name)):
            other = seen.setdefault((what, value), path)
            if other is not path:
                raise InputError(f"{other} and {path} have the same {what}, {value}; give each brand its own.")
