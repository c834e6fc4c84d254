"""What each week's KPI is made of."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import (
    baseline_contribution,
    channel_contribution,
    effect_units,
    summed_control_contribution,
)
from mmm_core.model.posterior import Posterior

_STATISTICS = ("mean", "q05", "q50", "q95")
_SINGLE_ROLES = ("control", "non_media_treatment")
"""Roles whose controls are components of their own."""
_SUMMED_ROLES = {"holiday": "holidays", "seasonality": "seasonality"}
"""Role -> component that is the sum of all such controls."""


def contribution_table(posterior: Posterior) -> pd.DataFrame:
    """One row per component and per geo and week in which the geo is present, in KPI units per week.

    Components (and their `kind`) are every paid channel (`media`) and organic channel (`organic_media`),
    every control by its name (`control`, relative to the control's mean), every non-media treatment
    (`non_media_treatment`, relative to its smallest value), `holidays` (`holiday`) and `seasonality`
    (`seasonality`) where the model has such terms, their sum relative to their mean, and `baseline`
    (`baseline`: intercept and trend, what is left without the others).  The means of a geo and week add up
    to its fitted KPI.

    Returns:
        Columns geo, date, component, mean, q05, q50, q95, kind; where a KPI that is not money has a
        known value, also mean_revenue, q05_revenue, q50_revenue and q95_revenue.
    """
    data = posterior.data
    names, kinds = _components(posterior)
    table = np.empty((len(_STATISTICS), len(data.geos), len(data.dates), len(names)))
    for component, by_geo in enumerate(_component_draws(posterior)):
        for g, draws in enumerate(by_geo):
            found = interval(draws)
            table[:, g, :, component] = found.mean, found.q05, found.q50, found.q95
    n_rows_per_geo = len(data.dates) * len(names)
    columns = {
        "geo": np.repeat(np.array(data.geos, dtype=object), n_rows_per_geo),
        "date": np.tile(np.repeat(data.dates.astype("datetime64[ns]"), len(names)), len(data.geos)),
        "component": np.tile(np.array(names, dtype=object), len(data.geos) * len(data.dates)),
        **{name: values.ravel() for name, values in zip(_STATISTICS, table, strict=True)},
        "kind": np.tile(np.array(kinds, dtype=object), len(data.geos) * len(data.dates)),
    }
    if data.revenue_per_kpi is not None:
        money = table * data.revenue_per_kpi[:, :, None]
        columns |= {f"{name}_revenue": values.ravel() for name, values in zip(_STATISTICS, money, strict=True)}
    there = np.repeat(data.present.ravel(), len(names))
    return pd.DataFrame(columns)[there].reset_index(drop=True)


def _components(posterior: Posterior) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and kinds, in the order of `_component_draws`."""
    data = posterior.data
    kinds = ["organic_media" if kind == "organic_media" else "media" for kind in data.channel_kinds]
    names = list(data.channels)
    for role in _SINGLE_ROLES:
        found = [data.controls[k] for k in _controls_of(posterior, role)]
        names, kinds = names + found, kinds + [role] * len(found)
    for role, component in _SUMMED_ROLES.items():
        if _controls_of(posterior, role):
            names, kinds = [*names, component], [*kinds, role]
    return (*names, "baseline"), (*kinds, "baseline")


def _component_draws(posterior: Posterior) -> Iterator[Iterator[FloatArray]]:
    """Per component, one (S, T) array per geo."""
    units = effect_units(posterior)
    for m in range(len(posterior.data.channels)):
        yield channel_contribution(posterior, m, units=units)
    for role in _SINGLE_ROLES:
        for k in _controls_of(posterior, role):
            yield summed_control_contribution(posterior, [k], units=units)
    for role in _SUMMED_ROLES:
        if controls := _controls_of(posterior, role):
            yield summed_control_contribution(posterior, controls, units=units)
    yield baseline_contribution(posterior)


def _controls_of(posterior: Posterior, role: str) -> list[int]:
    return [k for k, found in enumerate(posterior.data.control_roles) if found == role]
