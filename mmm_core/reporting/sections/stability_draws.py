"""What the draws of the fit alone tell of its stability: refresh, priors, single weeks."""

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.compared import Compared, Estimate, compared_chart
from mmm_core.reporting.formats import as_number, day, fixed, percent, ratio, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, MUTED
from mmm_core.reporting.sections.stability_part import StabilityPart, change, deviations, distance, largest, told
from mmm_core.reporting.sections.verdict import failures
from mmm_core.reporting.tables import (
    Cell,
    Heading,
    Table,
    change_cells,
    column_cells,
    text_cells,
    transposed,
)
from mmm_core.stability.power_scaling import CONFLICT, DOMINATES

_SHOWN_WEEKS = 5


def refresh_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """Returns now and in the last accepted fit."""
    worst = largest(table, "roi_change")
    sentence = Markup("No channel’s ROI can be compared with the last accepted fit.")
    if worst is not None:
        sentence = Markup(
            "In the weeks that both fits know, the ROI of {} moved most: from {} to {} ({}, or {} standard "
            "deviations of the last fit)."
        ).format(
            str(worst["channel"]),
            told(worst, "roi_before", ratio),
            told(worst, "roi_now", ratio),
            told(worst, "roi_change", change),
            told(worst, "roi_change_sd", deviations),
        )
    rows = [
        Compared(
            str(row["channel"]),
            (
                Estimate("last accepted fit", as_number(row["roi_before"]), color=MUTED, symbol="ring"),
                Estimate("this fit", as_number(row["roi_now"]), color=ACCENT),
            ),
        )
        for row in table.to_dict("records")
    ]
    chart = compared_chart(
        rows, f"ROI ({inputs.outcome_unit} per {inputs.currency} spent)", "ROI before and after the refresh", ratio
    )
    columns = [text_cells([str(name) for name in table["channel"]])]
    for name, show in (("roi", ratio), ("contribution", None)):
        columns += [column_cells(table, f"{name}_{key}", show) for key in ("before", "now")]
        columns += [
            change_cells(table[f"{name}_change"].astype(float).tolist()),
            column_cells(table, f"{name}_change_sd", deviations),
        ]
    moved = [Heading("Change"), Heading("In SD", note="change / posterior standard deviation of the last fit")]
    headings = (
        Heading("Channel", numeric=False),
        *(Heading("ROI before"), Heading("ROI now"), *moved),
        *(
            Heading(f"{inputs.kpi_name.capitalize()} before"),
            Heading(f"{inputs.kpi_name.capitalize()} now"),
            *moved,
        ),
    )
    failed = failures(inputs, "refresh_roi", "refresh_contribution", "refresh_surprise")
    found = Table("refresh", headings, transposed(*columns))
    return StabilityPart("Since the last fit", sentence, failed, found, chart, "○ last accepted fit · ● this fit")


def priors_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """What each return owes to priors and data."""
    words = {CONFLICT: "prior and data disagree", DOMINATES: "the prior decides", "": "no concern"}
    said = table["diagnosis"].fillna("").astype(str)
    columns = [
        text_cells([str(name) for name in table["channel"]]),
        [Cell(words.get(text, text), tone="warn" if text else "") for text in said],
        *(column_cells(table, name, ratio) for name in ("roi_mean", "roi_weaker_prior", "roi_stronger_prior")),
        column_cells(table, "prior_share", percent),
        column_cells(table, "conflict", deviations),
        *(column_cells(table, f"{part}_sensitivity", distance) for part in ("prior", "likelihood")),
    ]
    headings = (
        Heading("Channel", numeric=False),
        Heading("", numeric=False),
        Heading("ROI"),
        Heading("Weaker prior", note="mean ROI if the channel's prior counted less"),
        Heading("Stronger prior", note="mean ROI if it counted more"),
        Heading("From the prior", note="share of the precision that is the prior's"),
        Heading("Prior against data", note="distance in standard deviations of what both leave open"),
        Heading("Prior sensitivity", note="distance of the distributions per doubling of the prior's weight"),
        Heading("Data sensitivity", note="the same for the data"),
    )
    failed = failures(inputs, "prior_data_conflict", "prior_dominates")
    found = Table("prior_sensitivity", headings, transposed(*columns))
    return StabilityPart("What the priors decide", _priors_sentence(table), failed, found)


def _priors_sentence(table: pd.DataFrame) -> Markup:
    """Where the prior weighs most, and where it is furthest from the data."""
    heaviest, farthest = largest(table, "prior_share"), largest(table, "conflict")
    if heaviest is None or farthest is None:
        return Markup("No channel’s effect has a prior of its own.")
    return Markup(
        "The prior weighs most for {}: {} of what is known of its ROI. Prior and data are furthest apart for {}, "
        "by {} standard deviations; with a weaker prior its mean ROI would be {}, with a stronger one {}."
    ).format(
        str(heaviest["channel"]),
        told(heaviest, "prior_share", percent),
        str(farthest["channel"]),
        told(farthest, "conflict", deviations),
        told(farthest, "roi_weaker_prior", ratio),
        told(farthest, "roi_stronger_prior", ratio),
    )


def leave_one_out_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """Whether single weeks decide the fit."""
    row = table.iloc[0]
    sentence = Markup(
        "{} of {} geo-weeks are so influential that these draws cannot tell the fit without them."
    ).format(told(row, "unreliable_share", percent), told(row, "cells", whole))
    pairs = (("elpd", "se"), ("waic", "waic_se"))
    columns = [
        column_cells(table, "cells", whole),
        *(column_cells(table, name, _one) for pair in pairs for name in pair),
        column_cells(table, "effective_parameters", _one),
        column_cells(table, "draws", whole),
        column_cells(table, "unreliable_share", percent),
    ]
    headings = (
        Heading("Geo-weeks"),
        Heading("LOO", note="expected log predictive density; larger is better"),
        Heading("Standard error"),
        Heading("WAIC", note="the same density by another approximation"),
        Heading("Standard error"),
        Heading("Effective parameters"),
        Heading("Draws"),
        Heading("Unreliable", note="share of geo-weeks with a Pareto k above 0.7"),
    )
    found = Table("leave_one_out", headings, transposed(*columns))
    return StabilityPart("Single weeks", sentence, failures(inputs, "loo_reliable"), found)


def hard_weeks_part(table: pd.DataFrame, inputs: ReportInputs) -> StabilityPart:
    """The weeks that are hardest to predict from the others."""
    worst = table.iloc[0]
    sentence = Markup("The most influential geo-week is {} in {} (Pareto k {}).").format(
        day(worst["date"]), str(worst["geo"]), told(worst, "pareto_k", ratio)
    )
    columns = [
        text_cells([str(name) for name in table["geo"]]),
        text_cells([day(date) for date in table["date"]]),
        column_cells(table, "elpd", ratio),
        column_cells(table, "pareto_k", ratio),
    ]
    headings = (
        Heading("Geo", numeric=False),
        Heading("Week", numeric=False),
        Heading("Log density", note="log predictive density of the week given all others"),
        Heading("Pareto k", note="influence of the week on the fit; above 0.7 much"),
    )
    found = Table("hard_weeks", headings, transposed(*columns), top=_SHOWN_WEEKS)
    return StabilityPart("Weeks that decide most", sentence, (), found)


def _one(value: float | None) -> str:
    return fixed(value, 1)
