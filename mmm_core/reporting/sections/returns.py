"""What each channel returned per unit of spend."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.intervals import Interval, interval_chart
from mmm_core.reporting.formats import MISSING, column_format, compact, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import channel_colors
from mmm_core.reporting.tables import Cell, Heading, Table, interval_cells, number_cells, quantity, transposed

_PRIOR_CUT = 1.5
"""The axis reaches at most this multiple of the estimates; a prior beyond is cut off."""


@dataclass(frozen=True)
class ReturnsView:
    """Two charts on one scale, tables and, with known truth, how many intervals hold it."""

    roi_chart: Markup
    mroi_chart: Markup
    table: Table
    unit: str
    truth_sentence: Markup | None
    costs: Table | None
    """Cost per KPI unit and effectiveness, where known."""
    has_prior: bool
    """Whether the chart shows what was assumed before the data."""


def returns_view(inputs: ReportInputs) -> ReturnsView:
    """ROI and marginal ROI of each paid channel with intervals, the best first."""
    paid = inputs.channel_summary["channel"].isin(inputs.paid_channels)
    table = inputs.channel_summary[paid].sort_values("roi_mean", ascending=False).reset_index(drop=True)
    unit = f"{inputs.outcome_unit} per {inputs.currency} spent"
    colors = channel_colors(inputs.channels)
    truth = inputs.truth_roi or {}
    roi, mroi = (_intervals(table, name, colors) for name in ("roi", "mroi"))
    priors = _priors(table)
    roi = [replace(row, truth=truth.get(row.label), prior=priors.get(row.label)) for row in roi]
    ends = [0.0, *(row.high for row in (*roi, *mroi)), *truth.values()]
    wide = min(max((high for _, high in priors.values()), default=0.0), _PRIOR_CUT * max(ends))
    domain = (min([0.0, *(row.low for row in (*roi, *mroi))]), max(*ends, wide))
    reference = 1.0 if inputs.has_revenue else None
    return ReturnsView(
        roi_chart=interval_chart(roi, f"ROI ({unit})", "ROI per channel", domain, reference),
        mroi_chart=interval_chart(
            mroi, "Marginal ROI (return of the next 1% of spend)", "Marginal ROI per channel", domain, reference
        ),
        table=_table(table, inputs, colors),
        unit=unit,
        truth_sentence=_truth_sentence(table, truth) if truth else None,
        costs=_costs(table, inputs, colors),
        has_prior=bool(priors),
    )


def _priors(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """channel -> 5 % and 95 % quantile of its ROI before the data, where the model has such a prior."""
    if "roi_prior_q05" not in table:
        return {}
    known = table[["channel", "roi_prior_q05", "roi_prior_q95"]].dropna()
    return {str(channel): (float(low), float(high)) for channel, low, high in known.itertuples(index=False)}


def _costs(table: pd.DataFrame, inputs: ReportInputs, colors: dict[str, str]) -> Table | None:
    """Cost per incremental KPI unit and outcome per media unit, with intervals."""
    if "cpik_mean" not in table:
        return None
    rows = transposed(
        [Cell(str(name), swatch=colors[str(name)]) for name in table["channel"]],
        *interval_cells(table, "cpik"),
        *interval_cells(table, "effectiveness", compact),
    )
    headings = (
        Heading("Channel", numeric=False),
        Heading(f"{inputs.currency} per incremental KPI unit", note=f"spend / incremental {inputs.kpi_name}"),
        Heading("5%"),
        Heading("95%"),
        Heading(
            f"{inputs.outcome_unit} per media unit",
            note="incremental outcome / impressions, clicks or other units",
        ),
        Heading("5%"),
        Heading("95%"),
    )
    return Table("costs", headings, rows)


def inside(low: float, high: float, truth: float | None) -> bool | None:
    """Whether the interval holds the truth; None if one of them is not known."""
    if truth is None or math.isnan(low) or math.isnan(high):
        return None
    return bool(low <= truth <= high)


def _intervals(table: pd.DataFrame, name: str, colors: dict[str, str]) -> list[Interval]:
    """Rows of one chart."""
    columns = table[["channel", f"{name}_mean", f"{name}_q05", f"{name}_q95"]]
    return [
        Interval(str(channel), float(mean), float(low), float(high), colors[str(channel)])
        for channel, mean, low, high in columns.dropna().itertuples(index=False)
    ]


def _table(table: pd.DataFrame, inputs: ReportInputs, colors: dict[str, str]) -> Table:
    """Spend, ROI and mROI with intervals, and the truth where it is known."""
    headings = [
        Heading("Channel", numeric=False),
        Heading(f"Spend ({inputs.currency})"),
        Heading("ROI", note="incremental outcome / spend over the window"),
        Heading("5%"),
        Heading("95%"),
        Heading("mROI", note="return of the next 1% of spend, per unit of spend"),
        Heading("5%"),
        Heading("95%"),
    ]
    columns = [
        [Cell(str(name), swatch=colors[str(name)]) for name in table["channel"]],
        number_cells(table["spend"].astype(float).tolist()),
    ]
    for name in ("roi", "mroi"):
        keys = [f"{name}_mean", f"{name}_q05", f"{name}_q95"]
        show = column_format(table[keys].to_numpy(dtype=np.float64).ravel().tolist())
        columns.extend([Cell(show(v), v, numeric=True) for v in table[key].astype(float)] for key in keys)
    if "roi_prior_q05" in table and table["roi_prior_q05"].notna().any():
        notes = ("mean before the data were seen", None, None)
        headings += [
            Heading(text, note=note) for text, note in zip(("Prior ROI", "5%", "95%"), notes, strict=True)
        ]
        columns += interval_cells(table, "roi_prior")
    if inputs.truth_roi:
        headings += [Heading("True ROI"), Heading("Inside?", numeric=False)]
        columns += _truth_columns(table, inputs.truth_roi)
    return Table("roi", tuple(headings), transposed(*columns))


def _truth_columns(table: pd.DataFrame, truth: Mapping[str, float]) -> list[list[Cell]]:
    """The true ROI and whether the interval holds it."""
    values = [truth.get(str(channel)) for channel in table["channel"]]
    held = [
        inside(low, high, value)
        for low, high, value in zip(table["roi_q05"], table["roi_q95"], values, strict=True)
    ]
    words: dict[bool | None, Cell] = {
        True: Cell("yes", tone="good"),
        False: Cell("no", tone="bad"),
        None: Cell(MISSING, tone="muted"),
    }
    return [number_cells(values, ratio), [words[value] for value in held]]


def _truth_sentence(table: pd.DataFrame, truth: Mapping[str, float]) -> Markup:
    """`4 of 5 intervals hold the true ROI`."""
    known = table[table["channel"].isin(list(truth))].dropna(subset=["roi_q05", "roi_q95"])
    hits = sum(
        bool(inside(low, high, truth[str(channel)]))
        for channel, low, high in known[["channel", "roi_q05", "roi_q95"]].itertuples(index=False)
    )
    return Markup("The data is simulated: {} of {} intervals hold the true ROI (◇ in the chart).").format(
        quantity(str(hits), hits), quantity(str(len(known)), len(known))
    )
