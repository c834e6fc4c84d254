"""What would have been without a channel, or with more or less of it."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.formats import compact, day, listed, percent, signed_count
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.tables import Cell, Heading, Table, interval_cells, number_cells, quantity, transposed


@dataclass(frozen=True)
class CounterfactualsView:
    """One sentence per question, and the numbers in a table."""

    sentences: tuple[tuple[str, Markup], ...]
    """(name, answer)."""
    table: Table


def counterfactuals_view(inputs: ReportInputs, geo: str | None = None) -> CounterfactualsView | None:
    """Every question with its answer; None where nothing was asked.

    Args:
        inputs: of the report.
        geo: only questions about this geo alone; None: all questions.
    """
    table = inputs.decisions.present().get("counterfactuals")
    if table is not None and geo is not None:
        table = table[table["geos"].map(_names).map(lambda names: names == [geo])]
    if table is None or table.empty:
        return None
    sentences = tuple((str(row["name"]), _sentence(row, inputs)) for row in table.to_dict("records"))
    return CounterfactualsView(sentences, _table(table, inputs))


def _names(value: object) -> list[str]:
    """Names from a cell that lists them, by commas or as a sequence."""
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


def _sentence(row: Mapping[Hashable, Any], inputs: ReportInputs) -> Markup:
    """`Without tv from 1 Jul 2024 to 30 Sep 2024: −1,234 conversions (90% interval −1,900 to −610).`"""
    low, mean, high = (float(row[f"kpi_change_{name}"]) for name in ("q05", "mean", "q95"))
    share, money = float(row["kpi_share"]), float(row["spend_change"])
    return Markup(
        "{}, weeks from {} to {}: {} {} (90% interval {} to {}), {} of what the model fits there. Spend: {} {}."
    ).format(
        _what(row),
        day(row["start"]),
        day(row["end"]),
        quantity(signed_count(mean), mean),
        inputs.kpi_name,
        quantity(signed_count(low), low),
        quantity(signed_count(high), high),
        quantity(percent(share, signed=True), share),
        quantity(signed_count(money), money),
        inputs.currency,
    )


def _what(row: Mapping[Hashable, Any]) -> Markup:
    """`Without tv in North`, `With 20% more of tv and radio`."""
    change = float(row["change"])
    channels, geos = (["all"] if not (names := _names(row[key])) else names for key in ("channels", "geos"))
    what = "paid media" if channels == ["all"] else listed(channels)
    where = "" if geos == ["all"] else f" in {listed(geos)}"
    if change == -1:
        return Markup("Without {}{}").format(what, where)
    word = "more" if change > 0 else "less"
    return Markup("With {} {} of {}{}").format(quantity(percent(abs(change)), abs(change)), word, what, where)


def _table(table: pd.DataFrame, inputs: ReportInputs) -> Table:
    """Change of KPI, outcome and spend per question."""
    rows = transposed(
        [Cell(str(name)) for name in table["name"]],
        *interval_cells(table, "kpi_change"),
        number_cells(table["kpi_share"].astype(float).tolist(), lambda value: percent(value, signed=True)),
        *interval_cells(table, "outcome_change", compact),
        number_cells(table["spend_change"].astype(float).tolist(), compact),
    )
    unit = inputs.outcome_unit
    headings = (
        Heading("Question", numeric=False),
        Heading(f"Change ({inputs.kpi_name})"),
        Heading("5%"),
        Heading("95%"),
        Heading("Share of the fitted KPI"),
        Heading(f"Outcome ({unit})"),
        Heading("5%"),
        Heading("95%"),
        Heading(f"Spend ({inputs.currency})"),
    )
    return Table("counterfactuals", headings, rows)
