"""No number may reach a sampler that is missing or infinite."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import CheckResult
from mmm_core.quality.violations import MAX_TABLE_ROWS

_BY_CHANNEL = ("media", "spend", "frequency", "lead_media", "lead_frequency")


def check_finite_values(data: ModelData) -> CheckResult:
    """Everything is finite, a missing KPI (NaN) excepted, and populations are greater than 0."""
    rows = list(_rows(data))
    message = "Every number is there and finite."
    if rows:
        first = rows[0]
        place = ", ".join(str(first[key]) for key in ("column", "geo", "week") if first[key])
        more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        message = (
            f"Numbers that cannot be modelled: {first['value']} in {first['what']} ({place}){more}; correct them "
            "in the source, or let enhanced_cleaning.missing_data.strategy fill them; then materialize model_data."
        )
    return CheckResult("finite_values", not rows, "error", message, len(rows), 0, tuple(rows[:MAX_TABLE_ROWS]))


def _rows(data: ModelData) -> Iterator[Mapping[str, Any]]:
    """One row per number: what, column (channel or control), geo, week, value."""
    weeks = [str(day) for day in data.dates.astype("datetime64[D]")]
    for g in np.flatnonzero(~(np.isfinite(data.population) & (data.population > 0))):
        yield _row("population", "", data.geos[g], "", data.population[g])
    for g, t in np.argwhere(np.isinf(data.kpi)):
        yield _row("kpi", "", data.geos[g], weeks[t], data.kpi[g, t])
    if data.revenue_per_kpi is not None:
        for g, t in np.argwhere(~np.isfinite(data.revenue_per_kpi)):
            yield _row("revenue_per_kpi", "", data.geos[g], weeks[t], data.revenue_per_kpi[g, t])
    named = {name: (getattr(data, name), data.channels) for name in _BY_CHANNEL}
    for what, (values, columns) in {**named, "control": (data.control_values, data.controls)}.items():
        if values is not None:
            yield from _cube_rows(what, values, columns, data, weeks)


def _cube_rows(
    what: str, values: NDArray[np.float64], columns: tuple[str, ...], data: ModelData, weeks: list[str]
) -> Iterator[Mapping[str, Any]]:
    """Rows of (G, T or P, number of columns) values."""
    for g, t, m in np.argwhere(~np.isfinite(values)):
        week = "before the window" if what.startswith("lead_") else weeks[t]
        yield _row(what, columns[m], data.geos[g], week, values[g, t, m])


def _row(what: str, column: str, geo: str, week: str, value: float) -> Mapping[str, Any]:
    return {"what": what, "column": column, "geo": geo, "week": week, "value": str(float(value))}
