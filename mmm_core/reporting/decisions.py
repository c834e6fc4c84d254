"""Further tables of a report: answers about the past, the channels, and plans."""

from dataclasses import dataclass, fields

import pandas as pd


@dataclass(frozen=True)
class DecisionTables:
    """Tables beside those of the contract; None: not made.  Columns as in docs/exports.md."""

    periods: pd.DataFrame | None = None
    """Contributions and returns by calendar period, window and geo (`attribution.periods.period_table`)."""
    counterfactuals: pd.DataFrame | None = None
    """What would have been (`attribution.counterfactuals.counterfactual_table`)."""
    adstock: pd.DataFrame | None = None
    """Share of the effect by weeks since the spend (`attribution.dynamics.adstock_table`)."""
    saturation: pd.DataFrame | None = None
    """How far each channel is saturated (`attribution.dynamics.saturation_table`)."""
    frequency: pd.DataFrame | None = None
    """Return by frequency (`attribution.frequency.frequency_table`)."""
    shadow_prices: pd.DataFrame | None = None
    """What one more unit of each limit would bring (`BudgetPlan.shadow_prices`)."""
    comparison: pd.DataFrame | None = None
    """How sure it is that one scenario beats another (`BudgetPlan.comparison`)."""
    frontier: pd.DataFrame | None = None
    """Best outcome by budget (`BudgetPlan.frontier`)."""
    flighting: pd.DataFrame | None = None
    """Spend by week of each scenario (`BudgetPlan.flighting`)."""
    forecast: pd.DataFrame | None = None
    """KPI under each scenario by week (`planning.forecast.forecast_table`)."""
    proposals: pd.DataFrame | None = None
    """Which lift test to do next (`experiment_planning.planner.ExperimentPlan.proposals`)."""
    test_geos: pd.DataFrame | None = None
    """Geos of each proposed test and those that it is compared with (`ExperimentPlan.geo_split`)."""

    def present(self) -> dict[str, pd.DataFrame]:
        """Name -> table of those that have rows."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: table for name, table in found.items() if table is not None and len(table)}
