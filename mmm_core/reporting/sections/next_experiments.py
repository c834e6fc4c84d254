"""Which lift test to do next: what each would teach, cost and be worth."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.compared import Compared, Estimate, compared_chart
from mmm_core.reporting.formats import compact, listed, percent, ratio, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import MUTED
from mmm_core.reporting.tables import Cell, Heading, Table, column_cells, text_cells, transposed


@dataclass(frozen=True)
class NextExperimentsView:
    """Sentences, a chart and the proposals."""

    sentences: tuple[str, ...]
    chart: Markup
    table: Table
    geos: Table | None


def next_experiments_view(inputs: ReportInputs) -> NextExperimentsView | None:
    """The proposals in their order; None where no experiments are planned."""
    tables = inputs.decisions.present()
    if "proposals" not in tables:
        return None
    proposals = tables["proposals"].sort_values("rank", kind="stable").reset_index(drop=True)
    split = tables.get("test_geos")
    return NextExperimentsView(
        inputs.experiment_notes,
        _chart(proposals, inputs),
        _table(proposals, inputs),
        None if split is None else _geos(proposals, split),
    )


def _chart(proposals: pd.DataFrame, inputs: ReportInputs) -> Markup:
    """How unsure the ROI of each channel is now, and after its test."""
    rows = [
        Compared(
            str(row["channel"]),
            (
                Estimate("now", float(row["sd_now"]), color=MUTED, symbol="ring"),
                Estimate("expected after the test", float(row["sd_after"])),
            ),
        )
        for row in proposals.to_dict("records")
    ]
    first = str(proposals["channel"].iloc[0])
    unit = f"{inputs.outcome_unit} per {inputs.currency}"
    return compared_chart(
        rows,
        f"standard deviation of ROI ({unit})",
        f"Standard deviation of each ROI now and after its proposed test; {first} is proposed first",
        show=ratio,
    )


def _table(proposals: pd.DataFrame, inputs: ReportInputs) -> Table:
    """One row per proposed test."""
    finds = [_found(str(value) == "True") for value in proposals["detects"]]
    columns = [
        column_cells(proposals, "rank", whole),
        text_cells([str(name) for name in proposals["channel"]]),
        *(column_cells(proposals, name, whole) for name in ("test_geos", "control_geos", "weeks")),
        column_cells(proposals, "spend_change", compact),
        column_cells(proposals, "outcome_change_mean", compact),
        column_cells(proposals, "mde_outcome", compact),
        finds,
        column_cells(proposals, "reduction", percent),
        column_cells(proposals, "value_of_information", compact),
        column_cells(proposals, "cost", compact),
        text_cells(["" if note != note else str(note) for note in proposals["note"]]),
    ]
    outcome, money = inputs.outcome_unit, inputs.currency
    headings = (
        Heading("Rank"),
        Heading("Channel", numeric=False),
        Heading("Test geos"),
        Heading("Control geos"),
        Heading("Weeks"),
        Heading("Spend change", note=money),
        Heading("Expected effect", note=outcome),
        Heading("Smallest effect found", note=f"{outcome}; what the test detects with the wanted probability"),
        Heading("The test", numeric=False),
        Heading("SD of ROI falls by"),
        Heading("Worth a year", note=f"{outcome}; what a better split of the budget brings"),
        Heading("Cost", note=f"{money}, net of what is saved or brought"),
        Heading("Note", numeric=False),
    )
    return Table("experiment_plan", headings, transposed(*columns), wide=True)


def _found(detects: bool) -> Cell:
    return Cell("detects it", tone="good") if detects else Cell("may miss it", tone="warn")


def _geos(proposals: pd.DataFrame, split: pd.DataFrame) -> Table:
    """Where each test is done, and with what it is compared."""
    names = [str(name) for name in proposals["channel"]]
    columns = [text_cells(names)]
    for role in ("test", "control"):
        of_role = split[split["role"] == role]
        found = [of_role.loc[of_role["channel"] == name, "geo"].astype(str).tolist() for name in names]
        columns.append(text_cells([listed(geos) if geos else "none" for geos in found]))
    headings = tuple(Heading(name, numeric=False) for name in ("Channel", "Spend changes in", "Compared with"))
    return Table("experiment_geos", headings, transposed(*columns), wide=True)
