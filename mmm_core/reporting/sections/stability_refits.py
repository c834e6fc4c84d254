"""What short fits to slightly other data tell: noise, a geo left out, a channel that did nothing."""

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.dumbbell import Dumbbell, dumbbell_chart
from mmm_core.reporting.formats import percent, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.stability_part import StabilityPart, change, deviations, largest, told
from mmm_core.reporting.sections.verdict import failures
from mmm_core.reporting.tables import (
    Heading,
    Table,
    change_cells,
    column_cells,
    text_cells,
    transposed,
)

_SHOWN_ROWS = 10


def noise_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """Media and spend a little off."""
    sentence = _changed(table, Markup("With media and spend a little off"))
    failed = failures(inputs, "input_noise")
    chart = _movement(table, "ROI with and without noise in the inputs", inputs)
    legend = "○ this fit · ● with noise"
    return StabilityPart("Noise in the inputs", sentence, failed, _changes("input_noise", table), chart, legend)


def geos_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """One geo's KPI not known."""
    worst = largest(table, "change")
    where = "a geo" if worst is None else str(worst["left_out"])
    sentence = _changed(table, Markup("Without {}, in the other geos").format(where))
    ordered = table.sort_values("sure_change", ascending=False, kind="stable")
    failed = failures(inputs, "leave_one_geo_out")
    found = _changes("leave_one_geo_out", ordered)
    chart = _movement(table, "ROI with all geos and without one of them", inputs)
    return StabilityPart("Without one geo", sentence, failed, found, chart, "○ all geos · ● without one of them")


def _movement(table: pd.DataFrame, label: str, inputs: ReportInputs) -> Markup:
    """ROI before and after, one row per channel, the largest movement on top.

    Where a geo is left out, `roi_before` is that of the other geos and differs a little from one to the next: each
    movement is shown from the mean of them.
    """
    rows = []
    for channel, part in table.groupby(table["channel"].astype(str), sort=False):
        before = float(part["roi_before"].astype(float).mean())
        names = part["left_out"].astype(str) if "left_out" in part else pd.Series("after", index=part.index)
        after = before * (1 + part["change"].astype(float))
        words = ("without " + names) if "left_out" in part else names
        rows.append(Dumbbell(str(channel), before, tuple(zip(words, after.tolist(), strict=True))))
    rows.sort(key=lambda row: -max((abs(value - row.before) for _, value in row.after), default=0.0))
    title = f"ROI ({inputs.outcome_unit} per {inputs.currency} spent)"
    return dumbbell_chart(rows[:_SHOWN_ROWS], title, label, ratio)


def _changed(table: pd.DataFrame, opening: Markup) -> Markup:
    """`…, the ROI of tv changes most: from 1.20 to 1.31 (+9.2%, 0.4 SD).`"""
    worst = largest(table, "change")
    if worst is None:
        return Markup("{}, no channel’s ROI can be compared.").format(opening)
    return Markup(
        "{}, the ROI of {} changes most: from {} to {} ({}, {} SD); {} of that cannot be chance."
    ).format(
        opening,
        str(worst["channel"]),
        told(worst, "roi_before", ratio),
        told(worst, "roi_after", ratio),
        told(worst, "change", change),
        told(worst, "change_sd", deviations),
        told(worst, "sure_change", percent),
    )


def _changes(key: str, table: pd.DataFrame) -> Table:
    """Returns before and after, per channel and, where given, geo left out."""
    left_out = "left_out" in table
    columns = [text_cells([str(name) for name in table["left_out"]])] if left_out else []
    columns += [
        text_cells([str(name) for name in table["channel"]]),
        *(column_cells(table, name, ratio) for name in ("roi_before", "roi_after")),
        change_cells(table["change"].astype(float).tolist()),
        column_cells(table, "change_sd", deviations),
        *(column_cells(table, name, percent) for name in ("monte_carlo_error", "sure_change")),
    ]
    headings = (
        *([Heading("Without", numeric=False)] if left_out else []),
        Heading("Channel", numeric=False),
        Heading("ROI before"),
        Heading("ROI after"),
        Heading("Change"),
        Heading("In SD", note="change / posterior standard deviation"),
        Heading("Chance", note="standard error of the change because draws are finitely many"),
        Heading("Sure change", note="what is left of it when two such errors are taken off"),
    )
    return Table(key, headings, transposed(*columns), top=_SHOWN_ROWS)


def placebo_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """A channel that did nothing."""
    row = table.iloc[0]
    sentence = Markup(
        "A channel that did nothing, made like {}, is given {} of all {}: an ROI of {} (90% interval {} to {}). "
        "The odds against a small effect (ROI below {}) are {} to 1; about 1 where the data say nothing."
    ).format(
        str(row["like"]),
        told(row, "share", percent),
        inputs.kpi_name,
        *(told(row, name, ratio) for name in ("roi_mean", "roi_q05", "roi_q95", "small_roi", "odds")),
    )
    columns = [
        text_cells([str(name) for name in table["like"]]),
        column_cells(table, "spend"),
        column_cells(table, "share", percent),
        *(column_cells(table, name, ratio) for name in ("roi_mean", "roi_q05", "roi_q95", "small_roi")),
        column_cells(table, "small_probability", percent),
        column_cells(table, "odds", ratio),
    ]
    headings = (
        Heading("Made like", numeric=False),
        Heading(f"Spend ({inputs.currency})"),
        Heading(f"Share of {inputs.kpi_name}"),
        Heading("ROI"),
        Heading("5%"),
        Heading("95%"),
        Heading("Small ROI", note="lowest tenth of its prior"),
        Heading("Chance of it", note="posterior probability of a small effect"),
        Heading("Odds", note="against a small effect, to 1"),
    )
    found = Table("placebo", headings, transposed(*columns))
    return StabilityPart("A channel that did nothing", sentence, failures(inputs, "placebo_channel"), found)
