"""A comparison of two made-up fits to the weeks, geos and channels of the made-up result of `frames`."""

import dataclasses
from functools import cache

import numpy as np

from mmm_core.config.refresh import RefreshConfig
from mmm_core.features.held_out import truncate
from mmm_core.refresh.budgets import plan_by_channel
from mmm_core.refresh.changes import Setting, WhatChanged, what_changed
from mmm_core.reporting.inputs import ReportInputs
from tests.factories import made_up_posterior, tiny_model_data


def made_up_changes(inputs: ReportInputs) -> WhatChanged:
    """Two new weeks, a corrected KPI and population, a doubled effect of the first channel, plans that moved."""
    found = _compared(inputs.geos, inputs.channels, inputs.fit["date"].nunique())
    plan = plan_by_channel(inputs.budget_plan)
    before = plan.assign(optimal_spend=plan["optimal_spend"] * np.linspace(0.8, 1.3, len(plan)))
    settings = (
        Setting({"optimization.objective": "kpi"}, plan),
        Setting({"optimization.objective": "profit"}, before),
    )
    return what_changed(("new", found[0], settings[0]), ("old", found[1], settings[1]), RefreshConfig())


@cache
def _compared(geos: tuple[str, ...], channels: tuple[str, ...], n_weeks: int):  # type: ignore[no-untyped-def]
    data = dataclasses.replace(tiny_model_data(len(geos), n_weeks, len(channels)), geos=geos, channels=channels)
    kpi, population = data.kpi.copy(), data.population.copy()
    kpi[0, 1] *= 1.5
    population[-1] *= 1.01
    old = truncate(dataclasses.replace(data, kpi=kpi, population=population), n_weeks - 2)
    now = made_up_posterior(data, n_draws=20, seed=3)
    now.samples["beta_gm"].values[..., 0] *= 2
    return now, made_up_posterior(old, n_draws=20)
