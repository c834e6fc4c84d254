"""What platforms claim for themselves beside what the model finds incremental."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.compared import Compared, Estimate, compared_chart, estimate_of
from mmm_core.reporting.formats import as_number, compact, percent, ratio, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.experiments import MEASURED, unit_words
from mmm_core.reporting.sections.verdict import Failed, failures
from mmm_core.reporting.tables import (
    Cell,
    Heading,
    Table,
    column_cells,
    interval_cells,
    quantity,
    text_cells,
    transposed,
)
from mmm_core.stability.digital import DIGITAL_CHECKS

_VERDICTS: dict[str, str] = {
    "overclaims": "claims too much",
    "underclaims": "claims too little",
    "": "within limits",
}


@dataclass(frozen=True)
class ClaimsView:
    """Sentences, one chart per unit, and the numbers."""

    failed: tuple[Failed, ...]
    sentences: tuple[Markup, ...]
    charts: tuple[Markup, ...]
    table: Table
    ratios: Table


def claims_view(inputs: ReportInputs) -> ClaimsView | None:
    """Claimed against incremental per channel; None where no platform claims anything."""
    table = inputs.trust.table("claims")
    if table is None:
        return None
    rows = table.to_dict("records")
    return ClaimsView(
        failed=failures(inputs, *DIGITAL_CHECKS),
        sentences=tuple(_sentence(row, inputs) for row in rows if row["verdict"] in ("overclaims", "underclaims")),
        charts=tuple(_chart(str(unit), part, inputs) for unit, part in table.groupby("unit", sort=False)),
        table=_table(table, inputs),
        ratios=_ratios(table),
    )


def _sentence(row: Mapping[Hashable, Any], inputs: ReportInputs) -> Markup:
    """`display claims 12.3K conversions; the model finds 4.1K (90% interval …) incremental: …`"""
    numbers = [
        as_number(row[name]) for name in ("claimed", "incremental_mean", "incremental_q05", "incremental_q95")
    ]
    shown = [quantity(compact(value), value) for value in numbers]
    return Markup("{} claims {} {}; the model finds {} incremental (90% interval {} to {}): it {}.").format(
        str(row["channel"]), shown[0], unit_words(row["unit"], inputs), *shown[1:], _VERDICTS[str(row["verdict"])]
    )


def _chart(unit: str, table: pd.DataFrame, inputs: ReportInputs) -> Markup:
    """Claim and incremental interval per channel."""
    rows = [
        Compared(
            str(row["channel"]),
            (
                Estimate("claimed by the platform", as_number(row["claimed"]), color=MEASURED, symbol="diamond"),
                estimate_of("incremental", row, ("incremental_mean", "incremental_q05", "incremental_q95")),
            ),
        )
        for row in table.to_dict("records")
    ]
    return compared_chart(rows, unit_words(unit, inputs), "Claimed by platforms beside incremental")


def _table(table: pd.DataFrame, inputs: ReportInputs) -> Table:
    """What is claimed and what is incremental, one row per channel."""
    said = table["verdict"].fillna("").astype(str)
    columns = [
        text_cells([str(name) for name in table["channel"]]),
        [Cell(_VERDICTS.get(text, text), tone="warn" if text else "good") for text in said],
        text_cells([unit_words(unit, inputs) for unit in table["unit"]]),
        column_cells(table, "cells", whole),
        column_cells(table, "claimed", compact),
        *interval_cells(table, "incremental", compact),
    ]
    headings = (
        *(Heading(name, numeric=False) for name in ("Channel", "Verdict", "Unit")),
        Heading("Geo-weeks", note="in which the platform gives a number"),
        Heading("Claimed"),
        Heading("Incremental", note="what the model finds in the same geo-weeks"),
        Heading("5%"),
        Heading("95%"),
    )
    return Table("claims", headings, transposed(*columns))


def _ratios(table: pd.DataFrame) -> Table:
    """How many times too much is claimed, and which share of a claim is incremental."""
    columns = [
        text_cells([str(name) for name in table["channel"]]),
        *(column_cells(table, f"ratio_{key}", times) for key in ("q50", "q05", "q95")),
        *(column_cells(table, name, times) for name in ("min_ratio", "max_ratio")),
        *interval_cells(table, "incrementality", percent),
    ]
    ends = (Heading("5%"), Heading("95%"))
    headings = (
        Heading("Channel", numeric=False),
        *(Heading("Claimed / incremental", note="median"), *ends),
        Heading("At least", note="claimed / incremental below it: claims too little"),
        Heading("At most", note="claimed / incremental above it: claims too much"),
        *(Heading("Incremental / claimed"), *ends),
    )
    return Table("claim_ratios", headings, transposed(*columns))


def times(value: float | None) -> str:
    """A ratio that may be infinite."""
    return "∞" if value is not None and math.isinf(value) else ratio(value)
