"""What was found in the data and what cleaning changed."""

from dataclasses import dataclass

import pandas as pd

from mmm_core.reporting.formats import MISSING, day, fixed
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.check_lists import CheckList, check_list, is_data_check, plain_text
from mmm_core.reporting.tables import Cell, Heading, Table, number_cells, text_cells, transposed

MAX_CHANGES = 200


@dataclass(frozen=True)
class DataQualityView:
    """Checks of the data and the change log."""

    checks: CheckList
    totals: Table | None
    """Changes per rule and column; None if nothing was changed."""
    changes: Table | None
    """The first `MAX_CHANGES` changes."""
    n_changes: int


def data_quality_view(inputs: ReportInputs) -> DataQualityView:
    """Checks of the data assets, and what cleaning changed."""
    log = inputs.change_log
    return DataQualityView(
        checks=check_list(((a, c) for a, c in inputs.checks if is_data_check(a)), "data_checks"),
        totals=_totals(log) if len(log) else None,
        changes=_changes(log.head(MAX_CHANGES)) if len(log) else None,
        n_changes=len(log),
    )


def _totals(log: pd.DataFrame) -> Table:
    """Number of changed values and of geos per rule and column, the most frequent first."""
    groups = log.groupby(["rule", "column"], sort=False, dropna=False)["geo"].agg(["size", "nunique"])
    groups = groups.sort_values("size", ascending=False)
    rows = transposed(
        text_cells([str(rule) for rule in groups.index.get_level_values("rule")]),
        text_cells([str(column) for column in groups.index.get_level_values("column")]),
        number_cells(groups["size"].astype(float).tolist(), _whole),
        number_cells(groups["nunique"].astype(float).tolist(), _whole),
    )
    headings = (
        Heading("Rule", numeric=False),
        Heading("Column", numeric=False),
        Heading("Values changed"),
        Heading("Geos"),
    )
    return Table("change_totals", headings, rows)


def _changes(log: pd.DataFrame) -> Table:
    """One row per change."""
    columns = ("geo", "date", "column", "before", "after", "rule")
    rows = tuple(
        (
            Cell(str(row.geo)),
            Cell(MISSING if pd.isna(row.date) else day(row.date)),
            Cell(str(row.column)),
            _value(row.before),
            _value(row.after),
            Cell(str(row.rule)),
        )
        for row in log.itertuples(index=False)
    )
    return Table("changes", tuple(Heading(c.title(), numeric=c in ("before", "after")) for c in columns), rows)


def _value(value: object) -> Cell:
    """A value before or after: a number, text that stood in place of one, or nothing."""
    if isinstance(value, str):
        return Cell(value, numeric=True)
    number = float(value) if isinstance(value, int | float) else None
    return Cell("missing" if number is None or pd.isna(number) else plain_text(number), number, numeric=True)


def _whole(value: float | None) -> str:
    return fixed(value, 0)
