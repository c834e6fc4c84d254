"""What has changed since the last accepted fit, and why."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from mmm_core.refresh.changes import WhatChanged
from mmm_core.reporting.charts.compared import Compared, Symbol, compared_chart, estimate_of
from mmm_core.reporting.formats import chance, compact, percent, ratio, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, MUTED
from mmm_core.reporting.sections.stability_part import change, deviations
from mmm_core.reporting.tables import Heading, Table, change_cells, column_cells, text_cells, transposed

_TOP = 8
_MOST_ROWS = 30
"""Channels in the picture, the largest changes first."""


@dataclass(frozen=True)
class ChangesView:
    """The comparison; what there is nothing to say about is left out."""

    sentence: str
    differs: Table | None
    chart: Markup | None
    returns: Table | None
    contributions: Table | None
    revisions: Table | None
    cells: Table | None
    budgets: Table | None


def changes_view(inputs: ReportInputs) -> ChangesView | None:
    """Everything of `what_changed`; None where the comparison was not made."""
    found = inputs.changes
    if found is None:
        return None
    returns = found.table("roi_changes")
    return ChangesView(
        sentence=found.sentence,
        differs=_differs(found),
        chart=None if returns is None else _chart(returns, inputs),
        returns=None if returns is None else _returns(returns),
        contributions=None if returns is None else _contributions(returns, inputs),
        revisions=_revisions(found),
        cells=_cells(found),
        budgets=_budgets(found),
    )


def _differs(found: WhatChanged) -> Table | None:
    table = found.table("reasons")
    if table is None:
        return None
    causes = [str(cause).replace("_", " ") for cause in table["cause"]]
    rows = transposed(text_cells(causes), text_cells([str(detail) for detail in table["detail"]]))
    return Table("changes_reasons", (Heading("What differs", False), Heading("", False)), rows, wide=True)


def _chart(returns: pd.DataFrame, inputs: ReportInputs) -> Markup | None:
    known = returns.dropna(subset=["roi_change_mean"])
    if known.empty:
        return None
    order = known["roi_change_mean"].abs().sort_values(ascending=False, kind="stable").index[:_MOST_ROWS]
    looks: tuple[tuple[str, str, str, Symbol], ...] = (
        ("before", "last accepted fit", MUTED, "ring"),
        ("now", "this fit", ACCENT, "dot"),
    )
    rows = [
        Compared(
            str(row["channel"]),
            tuple(
                estimate_of(words, row, (f"roi_{when}_mean", f"roi_{when}_q05", f"roi_{when}_q95"), color, symbol)
                for when, words, color, symbol in looks
            ),
        )
        for row in known.loc[order].to_dict("records")
    ]
    title = f"ROI ({inputs.outcome_unit} per {inputs.currency} spent)"
    return compared_chart(rows, title, "ROI in the last accepted fit and in this one", ratio)


def _returns(table: pd.DataFrame) -> Table:
    columns = [
        text_cells([str(name) for name in table["channel"]]),
        *(column_cells(table, f"roi_{when}_mean", ratio) for when in ("before", "now")),
        *(column_cells(table, f"roi_change_{key}", ratio) for key in ("mean", "q05", "q95")),
        *(column_cells(table, f"roi_probability_{key}", chance) for key in ("real", "higher")),
        text_cells([str(reason) for reason in table["reason"]]),
    ]
    headings = (
        Heading("Channel", numeric=False),
        Heading("ROI before"),
        Heading("ROI now"),
        Heading("Change"),
        Heading("5%"),
        Heading("95%"),
        Heading(
            "Not noise", note="probability that the mean has moved this way, and it is no noise of the sampler"
        ),
        Heading("Higher", note="probability that a draw of this fit lies above one of the last"),
        Heading("Why", numeric=False),
    )
    return Table("changes_roi", headings, transposed(*columns), wide=True)


def _contributions(table: pd.DataFrame, inputs: ReportInputs) -> Table:
    columns = [
        text_cells([str(name) for name in table["channel"]]),
        *(column_cells(table, f"contribution_{when}_mean", compact) for when in ("before", "now")),
        *(column_cells(table, f"contribution_change_{key}", compact) for key in ("mean", "q05", "q95")),
        column_cells(table, "contribution_probability_real", chance),
        column_cells(table, "contribution_new_weeks", compact),
    ]
    kpi = inputs.kpi_name.capitalize()
    headings = (
        Heading("Channel", numeric=False),
        Heading(f"{kpi} before", note="in the geos and weeks that both fits know"),
        Heading(f"{kpi} now", note="in the same geos and weeks"),
        Heading("Change"),
        Heading("5%"),
        Heading("95%"),
        Heading(
            "Not noise", note="probability that the mean has moved this way, and it is no noise of the sampler"
        ),
        Heading("New weeks", note="in the weeks that only this fit knows"),
    )
    return Table("changes_contributions", headings, transposed(*columns))


def _revisions(found: WhatChanged) -> Table | None:
    table = found.table("data_revisions")
    if table is None:
        return None
    columns = [
        text_cells([_variable(row) for row in table.to_dict("records")]),
        *(column_cells(table, name, whole) for name in ("cells_changed", "cells")),
        *(column_cells(table, name, compact) for name in ("total_before", "total_now")),
        change_cells(table["change"].astype(float).tolist()),
    ]
    headings = (
        Heading("Corrected", numeric=False),
        Heading("Values"),
        Heading("Of"),
        Heading("Total before", note="mean for controls, frequency and revenue per KPI"),
        Heading("Total now"),
        Heading("Change"),
    )
    return Table("changes_data", headings, transposed(*columns))


def _cells(found: WhatChanged) -> Table | None:
    table = found.table("revised_cells")
    if table is None:
        return None
    columns = [
        text_cells([_variable(row) for row in table.to_dict("records")]),
        text_cells([str(name) for name in table["geo"]]),
        text_cells([str(day) for day in table["date"]]),
        *(column_cells(table, name, compact) for name in ("before", "now")),
        column_cells(table, "change_sd", deviations),
    ]
    headings = (
        Heading("Largest corrections", numeric=False),
        Heading("Geo", numeric=False),
        Heading("Week", numeric=False),
        Heading("Before"),
        Heading("Now"),
        Heading("In SD", note="change / standard deviation of the variable"),
    )
    return Table("changes_cells", headings, transposed(*columns), top=_TOP)


def _budgets(found: WhatChanged) -> Table | None:
    table = found.table("budget_changes")
    if table is None:
        return None
    columns = [
        text_cells([str(name).replace("_", " ") for name in table["scenario"]]),
        text_cells([str(name) for name in table["channel"]]),
        *(column_cells(table, f"share_{when}", percent) for when in ("before", "now", "change")),
        *(column_cells(table, f"recommended_change_{when}", change) for when in ("before", "now")),
        text_cells([str(reason) for reason in table["reason"]]),
    ]
    headings = (
        Heading("Scenario", numeric=False),
        Heading("Channel", numeric=False),
        Heading("Share before", note="of the scenario's recommended budget"),
        Heading("Share now"),
        Heading("Difference"),
        Heading("Advice before", note="recommended against current spend"),
        Heading("Advice now"),
        Heading("Why", numeric=False),
    )
    return Table("changes_budgets", headings, transposed(*columns), wide=True, top=2 * _TOP)


def _variable(row: "dict[object, object]") -> str:
    return f"{row['what']} {row['name'] or ''}".strip().replace("_", " ")
