"""`mmm optimize --scenario NAME`: one scenario from the stored posterior, in seconds; no asset is made."""

from pathlib import Path

from upath import UPath

from mmm_assets.commands.console import notes, prepare_console, results
from mmm_assets.commands.invocation import Invocation
from mmm_assets.io_managers import StoredFit, io_managers
from mmm_core.evaluation.convergence import check_convergence
from mmm_core.optimization.plan import plan_budgets
from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.quality.check import require
from mmm_core.reporting.terminal import budget_table
from mmm_core.storage import atomic_path

OK = 0


def answer_scenario(invocation: Invocation, scenario: str, output: Path | None) -> int:
    """Recommend the budget of one configured scenario and print it; exit code 0.

    Args:
        invocation: configuration of the project.
        scenario: name in `optimization.scenario_presets` or `optimization.scenarios`.
        output: CSV file for the plan, in the columns of `budget_plan.csv`; None: no file.

    Raises:
        StorageError: no posterior is stored.
        GateError: the stored posterior may not be interpreted.
        BudgetError: there is no such scenario, or no plan for it.
    """
    project = invocation.project()
    prepare_console(project, invocation.debug)
    manager = io_managers(UPath(project.assets))["posterior_io"]
    fit: StoredFit = manager.stored(manager.path_of("posterior"), "posterior")
    require(check_convergence(fit.diagnostics, project.config.complexity.identifiability), "posterior")
    plan = plan_budgets(fit.posterior, project.config.optimization, scenario)
    if output is not None:
        with atomic_path(output) as temporary:
            plan.table.to_csv(temporary, index=False, lineterminator="\n")
    out = results()
    out.print(budget_table(plan.table))
    for summary in plan.scenarios:
        out.print(_sentence(summary), markup=False)
    if output is not None:
        notes().print(f"Plan         {output}", markup=False)
    return OK


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
