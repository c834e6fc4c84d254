"""Stage optimize: how the budget should be split, how sure that is, and what the KPI would be."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.accepted_settings import keep_setting
from mmm_assets.asset_prefix import keyed
from mmm_assets.attributes import GATE, MAPPING, attributes
from mmm_assets.checks import refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.metadata import frame_metadata, frame_version, picture
from mmm_assets.promotion import version_in_use
from mmm_assets.provenance import mark_fit
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import interpretable
from mmm_assets.stages.verdict import accepted
from mmm_core.config.without_geos import without_geos
from mmm_core.optimization.scenarios import ScenarioSummary
from mmm_core.refresh.budgets import plan_by_channel

FUTURE_PLAN = "future_plan"
_TABLES = {
    "budget_plan": "The recommended split of each scenario's budget over channels and geos, and the current one.",
    "scenario_summary": "Totals of each scenario, lift with 90 % interval, probability to be better, proof.",
    "shadow_prices": "What one more unit of money of each limit would bring.",
    "scenario_comparison": "How sure it is that one scenario beats another.",
    "frontier": "Best outcome by budget.",
    "flighting": "Spend by week of each scenario, where `optimization.flighting` is configured.",
    "forecast": "KPI by coming week under each plan, with 90 % predictive intervals (`optimization.future`).",
}


def definitions(project: Project) -> dg.Definitions:
    """Assets of this stage."""
    future = project.config.optimization.future
    reads = GATE | {"optimization"} | (frozenset() if future is None else MAPPING | {"features", "ingest"})
    shared = attributes(project, "optimize", reads=reads, kinds={"scipy", "parquet"})
    outs = {
        name: dg.AssetOut(io_manager_key="parquet", description=text, **shared) for name, text in _TABLES.items()
    }
    has_file = future is not None and future.path is not None
    deps = [FUTURE_PLAN] if has_file else []
    plans = dg.multi_asset(name="budgets", outs=outs, deps=deps)(
        keyed(budgets, project.config.deployment.asset_prefix)
    )
    if not has_file:
        return dg.Definitions(assets=[plans])
    kept = attributes(project, "optimize", reads={"optimization.future", "ingest"}, kinds={"file"})
    return dg.Definitions(assets=[dg.asset(io_manager_key="json", **kept)(future_plan), plans])


def future_plan(project: dg.ResourceParam[Project]) -> dg.MaterializeResult[dict[str, str]]:
    """The file of coming weeks as it is now: its name and a hash of its content."""
    from mmm_core.planning.plan_table import plan_version

    future = project.config.optimization.future
    path = "" if future is None or future.path is None else future.path
    with refusals():
        version = plan_version(path, project.config)
    return dg.MaterializeResult(
        value={"path": path, "content_hash": version},
        data_version=dg.DataVersion(version),
        metadata={"path": path, "content_hash": version},
    )


def budgets(
    context: dg.AssetExecutionContext,
    posterior: StoredFit,
    model_verdict: dict[str, Any],
    model_version: dict[str, Any],
    project: dg.ResourceParam[Project],
) -> Iterator[dg.MaterializeResult[pd.DataFrame]]:
    """Plan the budget of each scenario, and forecast the KPI under it."""
    from mmm_core.optimization.plan import plan_budgets
    from mmm_core.planning.forecast import COLUMNS, forecast_table
    from mmm_core.planning.future import planning_frame
    from mmm_core.reporting.figures import budget_bars

    with refusals():
        accepted(posterior, model_verdict)
        version = version_in_use(posterior.version, model_version)
        excluded = posterior.posterior.data.excluded_geos
        config = without_geos(project.config, excluded)
        comes = config.optimization.future is not None
        frame = planning_frame(interpretable(posterior, project), config)
        for geo, why in excluded.items():
            context.log.warning(f"Nothing is planned for {geo}, which is not in the fit: {why}")
        for note in frame.notes:
            context.log.info(note)
        plan = plan_budgets(frame, config.optimization)
        keep_setting(project, posterior.version, plan_by_channel(plan.table))
        tables = {
            "budget_plan": plan.table,
            "scenario_summary": pd.DataFrame([asdict(scenario) for scenario in plan.scenarios]),
            "shadow_prices": plan.shadow_prices,
            "scenario_comparison": plan.comparison,
            "frontier": plan.frontier,
            "flighting": plan.flighting,
            "forecast": forecast_table(frame, plan.media) if comes else pd.DataFrame(columns=list(COLUMNS)),
        }
    more: dict[str, dict[str, Any]] = {
        "budget_plan": {
            "budgets": picture(budget_bars(plan.table)),
            "objective": plan.objective,
            "not_planned": dict(excluded),
        }
    }
    if version is not None:
        more["budget_plan"]["model_version"] = version
    for name, table in tables.items():
        mark_fit(table, posterior.version)
        yield dg.MaterializeResult(
            asset_key=name,
            value=table,
            data_version=frame_version(table),
            metadata={**more.get(name, {}), **frame_metadata(table, rows=60)},
        )


def scenario_summaries(table: pd.DataFrame) -> tuple[ScenarioSummary, ...]:
    """The rows of `scenario_summary` as they were."""
    rows: list[dict[str, Any]] = [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
    return tuple(ScenarioSummary(**row) for row in rows)
