"""How well the model follows what happened."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from mmm_core.reporting.charts.bands import fit_chart
from mmm_core.reporting.formats import MISSING, fixed, is_number, percent
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, INK
from mmm_core.reporting.sections.panels import LegendItem, Panels, shown_geos, shown_note, tooltip_data
from mmm_core.reporting.tables import quantity

_LABELS = ("Actual", "Predicted", "5%", "95%")


@dataclass(frozen=True)
class FitView:
    """Sentence and charts."""

    sentence: Markup
    panels: Panels
    note: str
    """Why the total has no band, and which geos are not shown."""


def fit_view(inputs: ReportInputs) -> FitView:
    """Actual against predicted, in total and per geo."""
    dates = pd.DatetimeIndex(np.sort(inputs.fit["date"].unique()))
    every = {str(geo): _series(part, dates) for geo, part in inputs.fit.groupby("geo", sort=False)}
    series = {geo: every[geo] for geo in shown_geos(inputs)}
    notes = [shown_note(inputs)]
    if len(every) > 1:
        total, note = _total(inputs, dates, list(every.values()))
        notes.append(note)
        series = {f"All {len(every)} geos": total, **series}
    charts = [
        _chart(dates, values, inputs.kpi_name, f"Actual and predicted {inputs.kpi_name}, {geo}", number)
        for number, (geo, values) in enumerate(series.items())
    ]
    return FitView(
        sentence=_sentence(inputs),
        panels=Panels(
            name="fit",
            options=tuple(series),
            charts=tuple(charts),
            legend=(
                LegendItem("actual", INK, "dot"),
                LegendItem("predicted", ACCENT, "line"),
                LegendItem("90% predictive interval", "#bcd9ea"),
            ),
            data=tooltip_data(dates, _LABELS, (INK, ACCENT, "#bcd9ea", "#bcd9ea"), list(series.values())),
        ),
        note=" ".join(note for note in notes if note),
    )


def _series(table: pd.DataFrame, dates: pd.DatetimeIndex) -> NDArray[np.float64]:
    """(4, T) actual, predicted mean, lower and upper bound of one geo."""
    columns = ["actual", "predicted_mean", "q05", "q95"]
    return table.set_index("date")[columns].reindex(dates).to_numpy(dtype=np.float64).T


def _total(
    inputs: ReportInputs, dates: pd.DatetimeIndex, parts: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], str]:
    """(4, T) of all geos together, bounds NaN unless given, actual NaN where that of a geo is; and a note."""
    if inputs.totals.fit is not None:
        return _series(inputs.totals.fit, dates), ""
    total = np.nansum(parts, axis=0)
    unknown = [np.isnan(part[0]) & ~np.isnan(part[1]) for part in parts]
    total[0, np.any(unknown, axis=0)] = np.nan
    total[2:] = np.nan
    return total, "Intervals of geos do not add up, so the total has none: choose a geo to see its own."


def _chart(dates: pd.DatetimeIndex, values: NDArray[np.float64], kpi_name: str, label: str, panel: int) -> Markup:
    """The chart of one geo; no band where there are no bounds."""
    actual, predicted, low, high = values.tolist()
    band = None if np.isnan(values[2:]).all() else (low, high)
    return fit_chart(dates, actual, predicted, band, f"{kpi_name} per week", label, panel)


def _sentence(inputs: ReportInputs) -> Markup:
    """R², MAPE and coverage in words."""
    n_known = int(inputs.fit["actual"].notna().sum())
    keys = (("r2", percent), ("mape", percent), ("coverage_90", percent))
    parts = [
        quantity(show(float(inputs.diagnostics[key])), inputs.diagnostics[key])
        if is_number(inputs.diagnostics[key])
        else MISSING
        for key, show in keys
    ]
    return Markup(
        "The model explains {} of the variation (R²). Its weekly predictions miss by {} on average (MAPE), and "
        "{} of all observed weeks lie inside their 90% interval. {} observations."
    ).format(*parts, quantity(fixed(n_known, 0), n_known))
