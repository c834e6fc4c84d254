"""Lift tests beside the fit: expected before the data, measured, and what the model says now."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from mmm_core.experiments.comparison import EXPERIMENT_CHECKS
from mmm_core.reporting.charts.compared import Compared, Estimate, compared_chart, domain_of, estimate_of
from mmm_core.reporting.charts.small import WIDTH
from mmm_core.reporting.formats import as_number, compact, counted, day, listed, ratio, span, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import MUTED
from mmm_core.reporting.sections.verdict import Failed, failures
from mmm_core.reporting.tables import Cell, Heading, Table, column_cells, quantity, text_cells, transposed

MEASURED = "#d55e00"
_PRIOR_REACH = 0.6
"""How far a prior's interval may widen the axis, relative to what experiment and fit take."""


@dataclass(frozen=True)
class ExperimentChart:
    """One test."""

    title: str
    chart: Markup
    note: Markup
    color: str = ""


@dataclass(frozen=True)
class ExperimentsView:
    """Sentences, charts and tables; None: not known."""

    failed: tuple[Failed, ...]
    sentences: tuple[Markup, ...]
    charts: tuple[ExperimentChart, ...]
    table: Table | None
    designs: Table | None
    adjustments: Table | None


def experiments_view(inputs: ReportInputs) -> ExperimentsView | None:
    """Every test with what the model says of it, and how tests became priors; None without any."""
    table, adjustments = (inputs.trust.table(name) for name in ("experiments", "adjustments"))
    if table is None and adjustments is None:
        return None
    rows = [] if table is None else table.to_dict("records")
    return ExperimentsView(
        failed=failures(inputs, *EXPERIMENT_CHECKS),
        sentences=tuple(_sentences(rows, inputs)),
        charts=tuple(_chart(row, inputs) for row in rows),
        table=None if table is None else _table(table, inputs),
        designs=None if table is None else _designs(table),
        adjustments=None if adjustments is None else _adjustments(adjustments, inputs),
    )


def unit_words(unit: object, inputs: ReportInputs) -> str:
    """What effects are counted in."""
    return inputs.outcome_unit if unit == "outcome" else inputs.kpi_name


def in_conflict(row: Mapping[Hashable, Any]) -> bool:
    """Whether the fit says something else than the test."""
    return str(row["conflict"]) == "True"


def _sentences(rows: list[dict[Hashable, Any]], inputs: ReportInputs) -> list[Markup]:
    """How many agree, then each conflict with its numbers."""
    if not rows:
        return []
    wrong = [row for row in rows if in_conflict(row)]
    agree = len(rows) - len(wrong)
    first = Markup("The fit agrees with {} of {}.").format(quantity(whole(agree), agree), _every(len(rows)))
    return [first, *(_conflict(row, inputs) for row in wrong)]


def _every(count: int) -> Markup:
    return Markup("{} {}").format(quantity(whole(count), count), counted(count, "experiment").split(" ", 1)[1])


def _conflict(row: Mapping[Hashable, Any], inputs: ReportInputs) -> Markup:
    """`Conflict: spring test (tv) measured 12.3K USD (…), the fit says 4.1K (…); z is 3.2.`"""
    apart = as_number(row["z"])
    return Markup(
        "Conflict: {} ({}) measured {} {} (90% interval {}), the fit says {} (90% interval {}); z is {}."
    ).format(
        str(row["experiment"]),
        str(row["channels"]),
        _value(row, "measured_mean"),
        unit_words(row["unit"], inputs),
        _ends(row, "measured_low", "measured_high"),
        _value(row, "posterior_mean"),
        _ends(row, "posterior_q05", "posterior_q95"),
        quantity(ratio(apart), apart),
    )


def _value(row: Mapping[Hashable, Any], name: str) -> Markup:
    value = as_number(row[name])
    return quantity(compact(value), value)


def _ends(row: Mapping[Hashable, Any], low: str, high: str) -> Markup:
    return Markup("{} to {}").format(_value(row, low), _value(row, high))


def _chart(row: Mapping[Hashable, Any], inputs: ReportInputs) -> ExperimentChart:
    """Prior, experiment and posterior as three intervals."""
    estimates = estimates_of(row)
    known = [Compared(one.name, (one,)) for one in estimates if one.name != "prior"]
    low, high = domain_of(known)
    reach = _PRIOR_REACH * (high - low)
    everything = domain_of([Compared(one.name, (one,)) for one in estimates])
    domain = max(everything[0], low - reach), min(everything[1], high + reach)
    rows = [Compared(one.name, (one,)) for one in estimates]
    unit = unit_words(row["unit"], inputs)
    name = str(row["experiment"])
    drawn = compared_chart(
        rows, f"effect ({unit})", f"Experiment {name}: {_alt(estimates)}", domain=domain, width=WIDTH
    )
    apart = as_number(row["z"])
    note = Markup("{}, {} to {}; z {}").format(
        str(row["channels"]), day(row["start"]), day(row["end"]), quantity(ratio(apart), apart)
    )
    return ExperimentChart(f"{name} (conflict)" if in_conflict(row) else name, drawn, note)


def estimates_of(row: Mapping[Hashable, Any]) -> list[Estimate]:
    """What is known of one test, the earliest knowledge first."""
    found = [
        estimate_of("experiment", row, ("measured_mean", "measured_low", "measured_high"), MEASURED, "diamond"),
        estimate_of("posterior", row, ("posterior_mean", "posterior_q05", "posterior_q95")),
    ]
    if "prior_median" in row:
        found.insert(0, estimate_of("prior", row, ("prior_median", "prior_q05", "prior_q95"), MUTED, "ring"))
    return [one for one in found if math.isfinite(one.value)]


def _alt(estimates: list[Estimate]) -> str:
    return listed(f"{one.name} {span(compact(one.low), compact(one.high))}" for one in estimates)


def _table(table: pd.DataFrame, inputs: ReportInputs) -> Table:
    """What was expected, measured and found, one row per test."""
    with_prior = "prior_median" in table
    conflicts = [in_conflict(row) for row in table.to_dict("records")]
    columns = [
        text_cells([str(name) for name in table["experiment"]]),
        [Cell("conflict" if one else "agrees", tone="warn" if one else "good") for one in conflicts],
        text_cells([unit_words(unit, inputs) for unit in table["unit"]]),
        *(column_cells(table, name, compact) for name in ("prior_median", "prior_q05", "prior_q95") if with_prior),
        *(column_cells(table, f"measured_{name}", compact) for name in ("mean", "low", "high")),
        *(column_cells(table, f"posterior_{name}", compact) for name in ("mean", "q05", "q95")),
        column_cells(table, "z", ratio),
    ]
    ends = (Heading("5%"), Heading("95%"))
    headings = (
        *(Heading(name, numeric=False) for name in ("Experiment", "Verdict", "Effect in")),
        *((Heading("Prior", note="median before the data"), *ends) if with_prior else ()),
        *(Heading("Measured"), *ends),
        *(Heading("Fit", note="what the fit says of the same geos, weeks and spend"), *ends),
        Heading("z", note="distance in standard deviations"),
    )
    return Table("experiments", headings, transposed(*columns))


def _designs(table: pd.DataFrame) -> Table:
    """Where and how each test was made."""
    rows = table.to_dict("records")
    columns = [
        *([_text(row[key]) for row in rows] for key in ("experiment", "channels", "geos")),
        [f"{day(row['start'])} – {day(row['end'])}" for row in rows],
        *([_text(row[key]) for row in rows] for key in ("design", "source")),
        ["yes" if str(row["used_in_fit"]) == "True" else "no" for row in rows],
    ]
    names = ("Experiment", "Channels", "Geos", "When", "Design", "Source", "Known to the fit?")
    headings = tuple(Heading(name, numeric=False) for name in names)
    return Table("experiment_designs", headings, transposed(*(text_cells(column) for column in columns)))


def _text(value: object) -> str:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def _adjustments(table: pd.DataFrame, inputs: ReportInputs) -> Table:
    """Every step from what a test measured to the prior of the channel's ROI."""
    columns = [
        *(text_cells([str(name) for name in table[key]]) for key in ("experiment", "channel", "step")),
        *(column_cells(table, name, ratio) for name in ("raw_mean", "raw_sd", "adjusted_mean", "adjusted_sd")),
        text_cells([str(why) for why in table["why"]]),
    ]
    unit = f"{inputs.outcome_unit} per {inputs.currency}"
    headings = (
        *(Heading(name, numeric=False) for name in ("Experiment", "Channel", "Step")),
        Heading("Return before", note=unit),
        Heading("SD"),
        Heading("Return after", note=unit),
        Heading("SD"),
        Heading("Why", numeric=False),
    )
    return Table("adjustments", headings, transposed(*columns), wide=True)
