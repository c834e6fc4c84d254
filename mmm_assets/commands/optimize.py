"""`mmm optimize --scenario NAME`: one scenario from the stored posterior, in seconds; no asset is made."""

from pathlib import Path
from typing import TYPE_CHECKING

from upath import UPath

from mmm_assets.commands.console import notes, prepare_console, results
from mmm_assets.commands.invocation import Invocation
from mmm_assets.io_managers import StoredFit, io_managers
from mmm_assets.promotion import version_in_use
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there
from mmm_assets.stages.train import interpretable
from mmm_assets.stages.verdict import accepted
from mmm_core.config.without_geos import without_geos
from mmm_core.errors import InputError, StorageError
from mmm_core.optimization.plan import plan_budgets
from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.planning.future import planning_frame
from mmm_core.reporting.terminal import budget_table
from mmm_core.storage import atomic_path

if TYPE_CHECKING:
    import pandas as pd

OK = 0


def answer_scenario(invocation: Invocation, scenario: str, output: Path | None) -> int:
    """Recommend the budget of one configured scenario and print it; exit code 0.

    Args:
        invocation: configuration of the project.
        scenario: name in `optimization.scenario_presets` or `optimization.scenarios`.
        output: CSV file for the plan, in the columns of `budget_plan.csv`; None: no file.

    Raises:
        StorageError: no posterior or verdict is stored.
        GateError: the stored posterior may not be interpreted, or is rejected.
        BudgetError: there is no such scenario, or no plan for it.
        DataError: the file of a future plan cannot be used.
        InputError: the plan cannot be written to `output`.
    """
    project = invocation.project()
    prepare_console(project, invocation.debug)
    manager = io_managers(UPath(project.assets))["posterior_io"]
    fit: StoredFit = manager.stored(manager.path_of("posterior"), "posterior")
    require_verdict(project, fit)
    excluded = fit.posterior.data.excluded_geos
    config = without_geos(project.config, excluded)
    frame = planning_frame(interpretable(fit, project), config)
    for geo, why in excluded.items():
        notes().print(f"Not planned  {geo}, which is not in the fit: {why}", markup=False, style="yellow")
    for note in frame.notes:
        notes().print(note, markup=False, style="dim")
    plan = plan_budgets(frame, config.optimization, scenario)
    if output is not None:
        _write(plan.table, output)
    out = results()
    if words := _version(project, fit):
        out.print(f"Model        {words}", markup=False)
    out.print(budget_table(plan.table))
    for summary in plan.scenarios:
        out.print(_sentence(summary), markup=False)
    if output is not None:
        notes().print(f"Plan         {output}", markup=False)
    return OK


def _version(project: Project, fit: StoredFit) -> str | None:
    """Which version of the model that is, where it is known."""
    manager = io_managers(UPath(project.assets))["json"]
    path = manager.path_of("model_version")
    return version_in_use(fit.version, manager.stored(path, "model_version")) if is_there(path) else None


def _write(table: "pd.DataFrame", output: Path) -> None:
    try:
        with atomic_path(output) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    except OSError as error:
        raise InputError(
            f"--output is {output}, which cannot be written ({error.strerror}); name a CSV file in a folder that "
            "you may write to."
        ) from error


def require_verdict(project: Project, fit: StoredFit) -> None:
    """Refuse a fit that is rejected, or on which there is no verdict yet.

    Raises:
        StorageError: no verdict is stored, or it is on another fit.
        GateError: the fit is rejected.
    """
    manager = io_managers(UPath(project.assets))["json"]
    path = manager.path_of("model_verdict")
    if not is_there(path):
        raise StorageError("There is no verdict on the stored posterior yet; run mmm evaluate first.")
    accepted(fit, manager.stored(path, "model_verdict"))


def _sentence(summary: ScenarioSummary) -> str:
    """How sure the recommendation is."""
    proof = (
        "not proven to be the best plan"
        if summary.objective_gap is None
        else f"proven within {max(summary.objective_gap, 1e-6):.2g} of the best plan"
    )
    return (
        f"Objective    {summary.objective}, {proof}\n"
        f"Lift         {summary.lift_mean:,.0f}, 90% interval {summary.lift_q05:,.0f} to {summary.lift_q95:,.0f}; "
        f"better than the current plan with probability {summary.probability_better:.0%}"
    )
