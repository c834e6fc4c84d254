"""From data to be modelled to what a person looks at before the fit."""

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.exploration.completeness import ordered_totals, outlier_table, states, stretch_table
from mmm_core.exploration.exploration import Exploration
from mmm_core.exploration.kpi import geo_table, has_population, kpi_histogram, seasonality_table
from mmm_core.exploration.relations import (
    correlation_table,
    inflation_table,
    lead_lag_table,
    pair_table,
    rank_correlations,
)
from mmm_core.exploration.spend import channel_table, cost_table, shown_geos, week_table
from mmm_core.features.model_data import ModelData


def explore(data: ModelData, change_log: pd.DataFrame | None, config: Config) -> Exploration:
    """Every table of `Exploration`; equal data give equal tables.

    Args:
        data: what is going to be fitted; its numbers are finite, unknown KPIs apart.
        change_log: geo, date, column, before, after, rule of what cleaning changed, all geos; None if unknown.
        config: limits are those of `validation`.
    """
    limits = config.validation
    found = states(data, change_log)
    shown = shown_geos(data)
    return Exploration(
        currency=data.currency,
        data_version=data.data_version,
        n_geos=len(data.geos),
        per_person=has_population(data),
        correlation_limit=limits.identifiability.max_channel_correlation,
        inflation_limit=limits.identifiability.max_vif,
        iqr_factor=limits.value_sanity.outliers.iqr_factor,
        channels=channel_table(data).merge(rank_correlations(data), on="channel", how="left"),
        weeks=week_table(data, shown),
        shown=shown,
        geos=geo_table(data, found),
        stretches=stretch_table(data, found),
        changes=ordered_totals(change_log),
        outliers=outlier_table(data, limits.value_sanity.outliers.iqr_factor),
        correlations=correlation_table(data),
        inflation=inflation_table(data),
        pairs=pair_table(data),
        lead_lag=lead_lag_table(data),
        histogram=kpi_histogram(data),
        seasonality=seasonality_table(data),
        costs=cost_table(data),
    )
