"""What one more unit of each limit would bring."""

from dataclasses import dataclass

import pandas as pd

from mmm_core.reporting.formats import MISSING, compact, ratio
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.budget import scenario_parts
from mmm_core.reporting.sections.scenarios import scenario_title
from mmm_core.reporting.tables import Cell, Heading, Table, number_cells, text_cells, transposed

_TOTAL = "total budget"
_LEAST_ROWS = 3
"""Rows that are shown at first, unless more bind."""


@dataclass(frozen=True)
class LimitsChoice:
    """The limits of one scenario."""

    name: str
    title: str
    table: Table


def shadow_prices_view(inputs: ReportInputs) -> tuple[LimitsChoice, ...]:
    """One table per scenario, limits that bind first; empty where nothing is known."""
    table = inputs.decisions.present().get("shadow_prices")
    if table is None:
        return ()
    objectives = {each.name: each.objective for each in inputs.scenarios}
    choices = []
    for name, part in scenario_parts(table, inputs):
        unit, title = _unit(objectives.get(name, "roas"), inputs), scenario_title(name)
        choices.append(LimitsChoice(title, title, _limits(name, part, inputs, unit)))
    return tuple(choices)


def _unit(objective: str, inputs: ReportInputs) -> str:
    """What the price of a limit is measured in."""
    if objective in ("roas", "target_roas", "target_mroi"):
        return inputs.outcome_unit
    return inputs.kpi_name if objective == "kpi" else "of the objective"


def _limits(scenario: str, table: pd.DataFrame, inputs: ReportInputs, unit: str) -> Table:
    """The largest price first, then what does not bind."""
    size = table["shadow_price"].astype(float).abs()
    free = table["binding"].fillna("").astype(str) == ""
    ordered = table.assign(_free=free, _size=-size).sort_values(["_free", "_size"], kind="stable")
    binding = ordered["binding"].fillna("").astype(str).tolist()
    prices = ordered["shadow_price"].astype(float).tolist()
    names = ordered["limit"].astype(str).tolist()
    rows = transposed(
        text_cells([_limit_words(name) for name in names]),
        number_cells(ordered["low"].astype(float).tolist(), compact),
        number_cells(ordered["high"].astype(float).tolist(), compact),
        number_cells(ordered["spend"].astype(float).tolist(), compact),
        [
            Cell(ratio(price) if end else MISSING, price, numeric=True)
            for price, end in zip(prices, binding, strict=True)
        ],
        [_meaning(*one, inputs.currency, unit) for one in zip(names, binding, prices, strict=True)],
    )
    headings = (
        Heading("Limit", numeric=False),
        Heading(f"Least ({inputs.currency})"),
        Heading(f"Most ({inputs.currency})"),
        Heading(f"Planned ({inputs.currency})"),
        Heading("Price", note=f"what one more {inputs.currency} of the limit would bring"),
        Heading("In words", numeric=False),
    )
    return Table(f"limits:{scenario}", headings, rows, top=max(_LEAST_ROWS, sum(bool(end) for end in binding)))


def _limit_words(name: str) -> str:
    """`tv@North` -> `tv in North`."""
    return name.replace("@", " in ", 1)


def _meaning(name: str, binding: str, price: float, currency: str, unit: str) -> Cell:
    """What moving the limit by one unit of money would do."""
    amount = f"{ratio(abs(price))} {unit}"
    words = _limit_words(name)
    if not binding:
        return Cell("does not bind", tone="muted")
    if name == _TOTAL:
        return Cell(f"One more {currency} of budget would bring {amount}.")
    if binding == "high":
        return Cell(f"One more {currency} allowed for {words} would bring {amount}.")
    return Cell(f"One {currency} less required for {words} would bring {amount}.")
