"""Stage optimize: how the budget should be split."""

from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import attributes
from mmm_assets.checks import cases_table, refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import frame_metadata, frame_version, picture
from mmm_assets.provenance import mark_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.evaluate import GATE
from mmm_assets.stages.train import interpretable

SCENARIOS = "scenarios"
"""Attribute of the table with the totals of each scenario; `BudgetPlan.further_tables` are attributes too."""
_SHOWN = 60
"""Rows of each further table that are shown as metadata."""


def definitions(project: Project) -> dg.Definitions:
    """Assets of this stage."""
    reads = GATE | {"optimization"}
    plan = dg.asset(
        io_manager_key="parquet", **attributes(project, "optimize", reads=reads, kinds={"scipy", "parquet"})
    )
    return dg.Definitions(assets=[plan(budget_plan)])


def budget_plan(posterior: StoredFit, project: dg.ResourceParam[Project]) -> dg.MaterializeResult[pd.DataFrame]:
    """The recommended split of each scenario's budget over channels and geos, beside the current plan."""
    from mmm_core.optimization.plan import plan_budgets
    from mmm_core.optimization.tables import records
    from mmm_core.reporting.figures import budget_bars

    with refusals():
        plan = plan_budgets(interpretable(posterior, project), project.config.optimization)
    scenarios = [asdict(scenario) for scenario in plan.scenarios]
    further = {name: records(table) for name, table in plan.further_tables.items()}
    mark_fit(plan.table, posterior.version)
    plan.table.attrs |= {SCENARIOS: scenarios, **further}
    shown: dict[str, Any] = {name: cases_table(rows[:_SHOWN]) for name, rows in further.items() if rows}
    if scenarios:
        shown |= {"scenarios": cases_table(scenarios), "budgets": picture(budget_bars(plan.table))}
    return dg.MaterializeResult(
        value=plan.table,
        data_version=frame_version(plan.table),
        metadata={
            "objective": plan.objective,
            **shown,
            **frame_metadata(plan.table, rows=60),
        },
    )
